"""State that survives the region's process, and files that cannot be used."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
from moto.backends import get_backend, list_of_moto_modules
from moto.core.base_backend import BackendDict

from rehearsal.region.server import RegionServer
from rehearsal.region.snapshots import SnapshotError, dumps, loads
from rehearsal.settings import Settings
from tests.region.local import LocalRegion, Recorder


def test_services_are_found_again_after_a_restart(region: LocalRegion, launch: Any) -> None:
    """Mutant: `Engine.perform` without `save`."""
    instance_id = launch(ClientToken="one", Monitoring={"Enabled": True})["InstanceId"]
    key = region.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["KeyId"]
    signing = {"KeyId": key, "Message": b"text", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    signature = region.client("kms").sign(**signing)["Signature"]
    region.client("ssm").put_parameter(Name="/saltwatch/a", Value="b", Type="SecureString")
    region.client("secretsmanager").create_secret(Name="database", SecretString="s")
    zone = region.client("route53").create_hosted_zone(Name="saltwatch.internal", CallerReference="1")
    vpcs = region.client("ec2").describe_vpcs()["Vpcs"]
    region.restart()
    assert region.client("ec2").describe_vpcs()["Vpcs"] == vpcs
    assert launch(ClientToken="one", Monitoring={"Enabled": True})["InstanceId"] == instance_id
    assert region.client("kms").verify(**signing, Signature=signature)["SignatureValid"]
    parameter = region.client("ssm").get_parameter(Name="/saltwatch/a", WithDecryption=True)["Parameter"]
    assert parameter["Value"] == "b"
    assert region.client("secretsmanager").get_secret_value(SecretId="database")["SecretString"] == "s"
    found = region.client("route53").get_hosted_zone(Id=zone["HostedZone"]["Id"])
    assert found["HostedZone"]["Name"] == "saltwatch.internal."


def test_an_instance_of_before_can_be_terminated_after(region: LocalRegion, launch: Any) -> None:
    """Mutant: `load` replacing the live dictionaries' entries by copies that do not share references."""
    instance_id = launch()["InstanceId"]
    region.restart()
    ec2 = region.client("ec2")
    ec2.terminate_instances(InstanceIds=[instance_id])
    assert ec2.describe_volumes()["Volumes"] == []
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_objects_their_versions_and_deletions_survive(region: LocalRegion) -> None:
    """Mutant: `Objects.save` without "gone", or without "changed"."""
    s3 = region.client("s3")
    s3.create_bucket(Bucket="chunks", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket="chunks", VersioningConfiguration={"Status": "Enabled"})
    versions = [s3.put_object(Bucket="chunks", Key="a/b c", Body=body)["VersionId"] for body in (b"1", b"2")]
    s3.put_object(Bucket="chunks", Key="tagged", Body=b"3", Metadata={"my_key": "v"}, Tagging="x=y")
    s3.put_object(Bucket="chunks", Key="gone", Body=b"4")
    gone = s3.list_object_versions(Bucket="chunks", Prefix="gone")["Versions"][0]["VersionId"]
    s3.delete_object(Bucket="chunks", Key="gone", VersionId=gone)
    s3.put_object_acl(Bucket="chunks", Key="tagged", ACL="public-read")
    region.restart()
    s3 = region.client("s3")
    bodies = [s3.get_object(Bucket="chunks", Key="a/b c", VersionId=item)["Body"].read() for item in versions]
    assert bodies == [b"1", b"2"]
    assert s3.get_object(Bucket="chunks", Key="tagged")["Metadata"] == {"my_key": "v"}
    assert s3.get_object_tagging(Bucket="chunks", Key="tagged")["TagSet"] == [{"Key": "x", "Value": "y"}]
    grants = s3.get_object_acl(Bucket="chunks", Key="tagged")["Grants"]
    assert any(grant["Permission"] == "READ" for grant in grants)
    keys = {item["Key"] for item in s3.list_objects_v2(Bucket="chunks")["Contents"]}
    assert keys == {"a/b c", "tagged"}


def test_a_write_of_an_object_costs_its_own_size(region: LocalRegion) -> None:
    """Mutant: `_Pickler` without its case of `_VersionedKeyStore`; the snapshot grows by every body."""
    s3 = region.client("s3")
    s3.create_bucket(Bucket="chunks", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    snapshot = region.settings.state / "region" / "services.snapshot"
    before = snapshot.stat()
    for number in range(20):
        s3.put_object(Bucket="chunks", Key=f"chunk-{number}", Body=b"x" * 100_000)
    after = snapshot.stat()
    assert after.st_size - before.st_size < 20 * 100  # moto's tagging service keeps an entry for each object


def test_every_service_of_moto_can_be_kept() -> None:
    """Mutants: any case of `_Pickler.reducer_override` taken out."""
    failed = {}
    for service in list_of_moto_modules():
        with contextlib.suppress(AttributeError):  # some modules are no services
            backends = get_backend(service)
            if not isinstance(backends, BackendDict):
                continue
            for region in {"eu-west-1", "aws"} & {*backends["123456789012"].regions}:
                backends["123456789012"][region]
            try:
                loads(dumps(backends))
            except Exception as error:
                failed[service] = error
    BackendDict.reset()
    assert failed == {}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "cut short"),
        (lambda path: path.write_bytes(b""), "first line"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b", moto ", b", moto 0")), "first line"),
    ],
)
def test_a_damaged_snapshot_is_refused_by_name(
    region: LocalRegion, launch: Any, damage: Any, reason: str
) -> None:
    """Mutants: `load` without the checksum, or without the first line."""
    launch()
    path = region.settings.state / "region" / "services.snapshot"
    damage(path)
    content = path.read_bytes()
    with pytest.raises(SnapshotError, match=reason) as error:
        region.restart()
    assert str(path) in str(error.value)
    assert path.read_bytes() == content  # nothing was overwritten


def test_a_damaged_store_of_objects_is_refused_by_name(scratch: Settings) -> None:
    """Mutant: `Snapshots` not turning sqlite's error into its own."""
    path = scratch.state / "region" / "objects.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(SnapshotError, match="not a database") as error:
        RegionServer(scratch, Recorder(), [])
    assert str(path) in str(error.value)


def test_the_state_is_for_root_alone(region: LocalRegion) -> None:
    """Mutant: no mode given to the directory: the state holds secrets."""
    directory: Path = region.settings.state / "region"
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / "services.snapshot").stat().st_mode & 0o777 == 0o600
