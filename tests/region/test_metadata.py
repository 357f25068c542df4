"""The metadata service, as cloud-init and boto3 read it."""

import datetime
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from rehearsal.region.http import Response
from rehearsal.region.identity import hardware_address
from rehearsal.region.metadata import Metadata, Sessions
from tests.region.local import LocalRegion, request

HOST = "10.0.0.9"
TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"
USER_DATA = gzip.compress(b"#cloud-config\n", mtime=0)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metadata(region: LocalRegion, clock: Clock) -> Metadata:
    return Metadata(region.server.instances, region.server.identities.tree, Sessions(clock))


@pytest.fixture
def instance(region: LocalRegion, ec2: Any, subnet: str, launch: Any) -> dict[str, Any]:
    """Return an instance with all that shows in its metadata."""
    iam = region.client("iam")
    iam.create_role(RoleName="saltwatch-app", AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName="saltwatch-app")
    iam.add_role_to_instance_profile(InstanceProfileName="saltwatch-app", RoleName="saltwatch-app")
    ec2.create_key_pair(KeyName="saltwatch-fleet", KeyType="ed25519")
    return launch(
        KeyName="saltwatch-fleet",
        IamInstanceProfile={"Name": "saltwatch-app"},
        UserData=USER_DATA,
        MetadataOptions={"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
        NetworkInterfaces=[
            {"DeviceIndex": 0, "SubnetId": subnet, "PrivateIpAddress": HOST, "AssociatePublicIpAddress": True}
        ],
        BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}],
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "app-1"}]}],
    )


@pytest.fixture
def read(metadata: Metadata, instance: dict[str, Any]) -> Callable[[str], str]:
    """Return a function that reads a path with a token of the instance's."""
    token = metadata(request("PUT", "/latest/api/token", HOST, **{TTL: "60"})).body.decode()

    def get(path: str) -> str:
        response = metadata(request("GET", path, HOST, **{TOKEN: token}))
        assert response.status == 200, path
        return response.body.decode()

    return get


def test_what_cloud_init_and_boto3_read(read: Callable[[str], str], instance: dict[str, Any]) -> None:
    """Mutant: any of these keys left out of the tree."""
    assert "latest" in read("/").split()
    for version in ("2009-04-04", "2016-09-02", "2021-03-23", "latest"):
        assert read(f"/{version}/meta-data/instance-id") == instance["InstanceId"]
    listing = read("/latest/meta-data/").split("\n")
    assert {"ami-id", "hostname", "public-keys/", "placement/", "iam/", "tags/"} <= {*listing}
    assert read("/latest/meta-data/public-keys/") == "0=saltwatch-fleet"
    assert read("/latest/meta-data/public-keys/0/openssh-key").startswith("ssh-ed25519 ")
    assert read("/latest/meta-data/hostname") == "ip-10-0-0-9.eu-west-1.compute.internal"
    assert read("/latest/meta-data/local-ipv4") == HOST
    assert read("/latest/meta-data/public-ipv4") == instance["PublicIpAddress"]
    assert read("/latest/meta-data/placement/availability-zone/") == "eu-west-1a"  # boto3 adds the slash
    assert read("/latest/meta-data/tags/instance/Name") == "app-1"
    assert read("/latest/meta-data/block-device-mapping/ebs1") == "sdf"
    mac = read("/latest/meta-data/mac")
    assert read("/latest/meta-data/network/interfaces/macs/") == f"{mac}/"
    assert read(f"/latest/meta-data/network/interfaces/macs/{mac}/subnet-ipv4-cidr-block") == "10.0.0.0/24"
    document = json.loads(read("/latest/dynamic/instance-identity/document"))
    assert (document["instanceId"], document["region"]) == (instance["InstanceId"], "eu-west-1")


def test_user_data_is_handed_over_byte_by_byte(
    metadata: Metadata, read: Any, ec2: Any, instance: Any
) -> None:
    """Mutant: user data decoded as text: it may be compressed."""
    ec2.modify_instance_metadata_options(InstanceId=instance["InstanceId"], HttpTokens="optional")
    assert metadata(request("GET", "/latest/user-data", HOST)).body == USER_DATA


def test_the_role_of_the_instance_is_usable(
    region: LocalRegion, read: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutant: credentials made up instead of STS's: the API would not know whose they are."""
    role = read("/latest/meta-data/iam/security-credentials/")
    assert role == "saltwatch-app"
    path = f"/latest/meta-data/iam/security-credentials/{role}"
    credentials = json.loads(read(path))
    assert credentials["Code"] == "Success"
    assert json.loads(read("/latest/meta-data/iam/info"))["InstanceProfileArn"].endswith("/saltwatch-app")
    assert json.loads(read(path)) == credentials  # the same until they are about to expire
    sts = region.client("sts")
    signer = sts._request_signer._credentials  # all clients' of this process
    monkeypatch.setattr(signer, "access_key", credentials["AccessKeyId"])
    assert ":assumed-role/saltwatch-app/i-" in sts.get_caller_identity()["Arn"]


def test_credentials_are_renewed_before_they_expire(region: LocalRegion, read: Callable[[str], str]) -> None:
    """Mutant: RENEW_BEFORE zero, or credentials kept for ever."""
    path = "/latest/meta-data/iam/security-credentials/saltwatch-app"
    first = json.loads(read(path))
    expires = datetime.datetime.fromisoformat(first["Expiration"])
    region.server.identities._now = lambda: expires - datetime.timedelta(minutes=21)
    assert json.loads(read(path)) == first
    region.server.identities._now = lambda: expires - datetime.timedelta(minutes=19)
    assert json.loads(read(path))["AccessKeyId"] != first["AccessKeyId"]


def test_without_a_token_nothing_is_read(metadata: Metadata, instance: Any, ec2: Any) -> None:
    """Mutant: the case of `HttpTokens` taken out."""
    bare = request("GET", "/latest/meta-data/instance-id", HOST)
    assert metadata(bare).status == 401
    ec2.modify_instance_metadata_options(InstanceId=instance["InstanceId"], HttpTokens="optional")
    assert metadata(bare).status == 200
    wrong = request("GET", "/latest/meta-data/instance-id", HOST, **{TOKEN: "made-up"})
    assert metadata(wrong).status == 401


def test_a_token_expires(metadata: Metadata, instance: Any, clock: Clock) -> None:
    """Mutant: `valid` without the time."""
    token = metadata(request("PUT", "/latest/api/token", HOST, **{TTL: "60"})).body.decode()
    get = request("GET", "/latest/meta-data/instance-id", HOST, **{TOKEN: token})
    clock.now += 59
    assert metadata(get).status == 200
    clock.now += 1
    assert metadata(get).status == 401


def test_a_token_is_good_for_one_instance_only(metadata: Metadata, instance: Any, launch: Any) -> None:
    """Mutant: `valid` without the owner."""
    launch(PrivateIpAddress="10.0.0.10", MetadataOptions={"HttpTokens": "required"})
    token = metadata(request("PUT", "/latest/api/token", HOST, **{TTL: "60"})).body.decode()
    assert metadata(request("GET", "/latest/meta-data/", "10.0.0.10", **{TOKEN: token})).status == 401


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("PUT", {}, 400),
        ("PUT", {TTL: "0"}, 400),
        ("PUT", {TTL: "21601"}, 400),
        ("PUT", {TTL: "soon"}, 400),
        ("PUT", {TTL: "60", "X-Forwarded-For": "192.0.2.1"}, 403),
        ("GET", {TTL: "60"}, 405),
    ],
)
def test_tokens_are_refused_as_on_aws(
    metadata: Metadata, instance: Any, method: str, headers: dict[str, str], status: int
) -> None:
    """Mutant: any of the checks of `_open` taken out."""
    assert metadata(request(method, "/latest/api/token", HOST, **headers)).status == status


def test_what_is_not_there_is_404(metadata: Metadata, launch: Any) -> None:
    """Mutants: tags shown though not enabled; strangers answered; unknown versions answered."""
    launch(PrivateIpAddress=HOST)

    def status(path: str, peer: str = HOST) -> int:
        response: Response = metadata(request("GET", path, peer))
        return response.status

    assert status("/latest/meta-data/") == 200
    for path in ("tags/instance", "iam/info", "public-keys/", "public-ipv4", "instance-id/more", "nothing"):
        assert status(f"/latest/meta-data/{path}") == 404
    assert status("/latest/user-data") == 404
    assert status("/1066-10-14/meta-data/") == 404
    assert status("/latest/meta-data/", "10.0.0.200") == 404


def test_a_disabled_endpoint_answers_nothing(metadata: Metadata, launch: Any) -> None:
    """Mutant: `HttpEndpoint` not looked at."""
    launch(PrivateIpAddress=HOST, MetadataOptions={"HttpEndpoint": "disabled"})
    assert metadata(request("PUT", "/latest/api/token", HOST, **{TTL: "60"})).status == 403


def test_a_change_shows_at_once(read: Callable[[str], str], ec2: Any, instance: Any) -> None:
    """Mutant: trees kept although the generation changed."""
    assert read("/latest/meta-data/tags/instance/") == "Name"
    ec2.create_tags(Resources=[instance["InstanceId"]], Tags=[{"Key": "Role", "Value": "app"}])
    assert read("/latest/meta-data/tags/instance/Role") == "app"


def test_a_neighbours_hardware_address(tmp_path: Any) -> None:
    """Mutant: the incomplete entry taken."""
    arp = tmp_path / "arp"
    arp.write_text(
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "10.0.0.8         0x1         0x0         00:00:00:00:00:00     *        h-8\n"
        "10.0.0.9         0x1         0x2         0e:00:00:00:00:09     *        h-9\n"
    )
    assert hardware_address("10.0.0.9", arp) == "0e:00:00:00:00:09"
    assert hardware_address("10.0.0.8", arp) is None
    assert hardware_address("10.0.0.7", arp) is None
