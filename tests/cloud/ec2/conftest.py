"""A region of moto in this process, and the driver as salt-cloud loads it.

The driver goes through Salt's own loader and `salt.cloud`; only what would log in to a machine is stubbed.
"""

import functools
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.client
import botocore.exceptions
import botocore.loaders
import botocore.session
import moto
import moto.ec2.models.amis
import pytest
import salt._logging
import salt.cloud
import salt.config
import salt.loader
import salt.utils.cloud
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from in_process import IMAGE_DEFAULTS, IMAGES, PROFILE, PROVIDERS, REGION, Bootstrap, Calls, SaltCloud

CHECKOUT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / "salt/_clouds"))

ACCOUNT = "123456789012"  # moto's

# Salt keeps what it logs before its logging is set up, and prints it at the end.
salt._logging.shutdown_temp_handler()


def _forget_environment(patch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_", "MOTO_")):
            patch.delenv(name)


@pytest.fixture(scope="session")
def clients(_one_loader: None) -> dict[str, Any]:
    """The tests' own clients of AWS: they keep nothing of a region, and each takes long to make."""
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    with pytest.MonkeyPatch.context() as patch:
        _forget_environment(patch)
        return {name: boto3.client(name, REGION, **keys) for name in ("ec2", "iam", "route53")}


@pytest.fixture(scope="session")
def public_key() -> bytes:
    """Somebody's."""
    key = Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


@pytest.fixture
def region(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clients: dict[str, Any], public_key: bytes
) -> Iterator[SimpleNamespace]:
    """The region: a VPC with two subnets, groups, roles, a private zone; names as a fleet would have them."""
    _forget_environment(monkeypatch)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "MOTO_AMIS_PATH": "no other images",
        "SALT_CLOUD_EC2_RUN": tmp_path.name,
    }.items():
        monkeypatch.setenv(name, value)
    # MOTO_AMIS_PATH keeps moto's own images out. It is read when moto is imported, which is done already.
    monkeypatch.setattr(moto.ec2.models.amis, "AMIS", [IMAGE_DEFAULTS | image for image in IMAGES])
    with moto.mock_aws():
        # moto forgets to make anew what another server in this process was the last to reset, images and all.
        moto.ec2.models.ec2_backends[ACCOUNT][REGION].reset()
        calls = Calls(botocore.client.BaseClient._make_api_call)
        ec2, iam, route53 = clients["ec2"], clients["iam"], clients["route53"]
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = {}
        for name, cidr, zone in (
            ("public", "10.0.0.0/24", "a"),
            ("private", "10.0.1.0/24", "a"),
            ("other", "10.0.2.0/24", "b"),
        ):
            tags = [{"ResourceType": "subnet", "Tags": [{"Key": "Name", "Value": name}]}]
            subnet = ec2.create_subnet(
                VpcId=vpc, CidrBlock=cidr, AvailabilityZone=REGION + zone, TagSpecifications=tags
            )
            subnets[name] = subnet["Subnet"]["SubnetId"]
        groups = {
            name: ec2.create_security_group(GroupName=name, VpcId=vpc, Description=name)["GroupId"]
            for name in ("base", "web")
        }
        iam.create_instance_profile(InstanceProfileName="web")
        zone = route53.create_hosted_zone(
            Name="example.internal.",
            CallerReference="1",
            HostedZoneConfig={"PrivateZone": True, "Comment": ""},
            VPC={"VPCRegion": REGION, "VPCId": vpc},
        )["HostedZone"]["Id"]
        ec2.import_key_pair(KeyName="fleet", PublicKeyMaterial=public_key)

        def recorded(client: Any, operation: str, request: dict[str, Any]) -> Any:
            return calls(client, operation, request)

        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", recorded)
        yield SimpleNamespace(
            ec2=ec2, route53=route53, vpc=vpc, subnets=subnets, groups=groups, zone=zone, calls=calls
        )


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch) -> Bootstrap:
    """The stub that stands for ``salt.utils.cloud.bootstrap`` in whatever Salt's loader loads."""
    stub = Bootstrap()
    stub.ordinary = ordinary = salt.loader.utils

    def utils(*args: Any, **kwargs: Any) -> Any:
        loader = ordinary(*args, **kwargs)
        loader["cloud.bootstrap"]
        loader._dict["cloud.bootstrap"] = stub
        return loader

    monkeypatch.setattr(salt.loader, "utils", utils)
    monkeypatch.setattr(salt.utils.cloud, "wait_for_port", lambda *args, **kwargs: True)
    return stub


@pytest.fixture
def salt_cloud(tmp_path: Path, region: SimpleNamespace, bootstrap: Bootstrap) -> Callable[..., SaltCloud]:
    """Make a salt-cloud; its keyword arguments are options of the profile ``web``."""
    key = tmp_path / "fleet.pem"
    key.write_text("not a key: nothing logs in here\n")
    key.chmod(0o600)

    def make(
        *, providers: dict[str, Any] | None = None, profiles: dict[str, Any] | None = None, **web: Any
    ) -> SaltCloud:
        base = {**PROFILE, "private_key": str(key), **web}
        return SaltCloud(
            tmp_path / "salt", providers or PROVIDERS, {"web": base, **(profiles or {})}, bootstrap
        )

    return make


@pytest.fixture
def launched(region: SimpleNamespace) -> Callable[[], list[dict[str, Any]]]:
    """Return every instance that was ever launched, whatever its state."""

    def instances() -> list[dict[str, Any]]:
        found = region.ec2.describe_instances()["Reservations"]
        return [instance for reservation in found for instance in reservation["Instances"]]

    return instances


@pytest.fixture(autouse=True, scope="session")
def _one_loader() -> Iterator[None]:
    """Read boto3's descriptions of AWS's services once, not for each session."""
    loader = botocore.loaders.create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda search_path_string=None: loader)
        yield


@pytest.fixture(autouse=True, scope="session")
def _one_key() -> Iterator[None]:
    """Minions' keys and KMS's are nobody's here: finding primes is a tenth of all the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rsa, "generate_private_key", functools.cache(rsa.generate_private_key))
        yield


@pytest.fixture(autouse=True, scope="session")
def _quiet_botocore() -> None:
    """Each line that pytest keeps is formatted twice: of botocore's debugging, a tenth of all the time."""
    logging.getLogger("botocore").setLevel(logging.INFO)


@pytest.fixture
def _real_time() -> None:
    """For tests whose other processes take their time."""


@pytest.fixture(autouse=True)
def _no_waiting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits: whoever sleeps goes on at once, and finds the clocks that much later."""
    if "_real_time" in request.fixturenames:
        return
    slept = 0.0
    clocks = {name: getattr(time, name) for name in ("time", "monotonic")}

    def sleep(seconds: float) -> None:
        nonlocal slept
        slept += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    for name, clock in clocks.items():
        monkeypatch.setattr(time, name, lambda clock=clock: clock() + slept)
