"""A region of moto in this process, and the driver as salt-cloud loads it.

The driver goes through Salt's own loader and `salt.cloud`; only what would log in to a machine is stubbed.
"""

import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.client
import botocore.exceptions
import botocore.loaders
import moto
import pytest
import salt._logging
import salt.cloud
import salt.config
import salt.loader
import salt.utils.cloud
import yaml

CHECKOUT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / "salt/_clouds"))

# Salt keeps what it logs before its logging is set up, and prints it at the end.
salt._logging.shutdown_temp_handler()

REGION = "eu-west-1"
DEBIAN = "136693071363"
IMAGES = [
    {"ami_id": "ami-0000000000000old1", "name": "debian-13-amd64-1", "creation_date": "2026-01-01T00:00:00Z"},
    {"ami_id": "ami-0000000000000new1", "name": "debian-13-amd64-0", "creation_date": "2026-06-01T00:00:00Z"},
    {
        "ami_id": "ami-000000000000later",
        "name": "debian-13-amd64-2",
        "creation_date": "2026-12-31T00:00:00Z",
        "state": "pending",
    },
    {
        "ami_id": "ami-00000000000fakes1",
        "name": "debian-13-amd64-3",
        "creation_date": "2026-12-30T00:00:00Z",
        "owner_id": "666666666666",
    },
]
IMAGE_DEFAULTS = {
    "owner_id": DEBIAN,
    "public": True,
    "virtualization_type": "hvm",
    "architecture": "x86_64",
    "state": "available",
    "platform": None,
    "image_type": "machine",
    "image_location": "somewhere",
    "hypervisor": "xen",
    "description": "",
    "root_device_name": "/dev/xvda",
    "root_device_type": "ebs",
    "sriov": "simple",
}


class Calls:
    """Every API call that is made, and what some of them are to answer instead.

    `fail` makes calls fail before they reach AWS (or ``after``), `lose` after they have had their effect.
    """

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self.made: list[tuple[str, dict[str, Any]]] = []
        self._faults: list[dict[str, Any]] = []

    def fail(
        self, operation: str, code: str, *, status: int = 400, times: int = 1, after: bool = False
    ) -> None:
        answer = {
            "Error": {"Code": code, "Message": f"injected {code}"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        error = botocore.exceptions.ClientError(answer, operation)
        self._faults.append({"operation": operation, "error": error, "times": times, "after": after})

    def lose(self, operation: str) -> None:
        error = botocore.exceptions.ReadTimeoutError(endpoint_url="https://lost")
        self._faults.append({"operation": operation, "error": error, "times": 1, "after": True})

    def __call__(self, client: Any, operation: str, request: dict[str, Any]) -> Any:
        self.made.append((operation, request))
        for fault in self._faults:
            if fault["operation"] == operation and fault["times"] > 0:
                fault["times"] -= 1
                if fault["after"]:
                    self._make(client, operation, request)
                raise fault["error"]
        return self._make(client, operation, request)

    def of(self, operation: str) -> list[dict[str, Any]]:
        return [request for made, request in self.made if made == operation]


@pytest.fixture
def region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The region: a VPC with two subnets, groups, roles, a private zone; names as a fleet would have them."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "MOTO_")):
            monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "SALT_CLOUD_EC2_RUN": tmp_path.name,
    }.items():
        monkeypatch.setenv(name, value)
    # Not by MOTO_AMIS_PATH: moto reads that when it is imported, which another test may have done.
    monkeypatch.setattr("moto.ec2.models.amis.AMIS", [IMAGE_DEFAULTS | image for image in IMAGES])
    with moto.mock_aws():
        calls = Calls(botocore.client.BaseClient._make_api_call)
        ec2, iam, route53 = (boto3.client(name, REGION) for name in ("ec2", "iam", "route53"))
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
        ec2.create_key_pair(KeyName="fleet")

        def recorded(client: Any, operation: str, request: dict[str, Any]) -> Any:
            return calls(client, operation, request)

        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", recorded)
        yield SimpleNamespace(
            ec2=ec2, route53=route53, vpc=vpc, subnets=subnets, groups=groups, zone=zone, calls=calls
        )


PROVIDERS = {"ec2": {"driver": "ec2", "location": REGION, "owner": DEBIAN}}
PROFILE = {
    "provider": "ec2",
    "image": "debian-13-amd64-*",
    "size": "t3.small",
    "subnetname": "private",
    "securitygroupname": ["base"],
    "keyname": "fleet",
    "ssh_interface": "private_ips",
    "ssh_username": "admin",
    "ssh_host_keys": "unchecked",
    "wait_for_ip_interval": 0.01,
    "minion": {"master": "salt.example.internal"},
}


class SaltCloud:
    """salt-cloud with a configuration of its own.

    Args:
        directory: Where it keeps everything.
        providers, profiles: The configuration.
        bootstrap: Stands for ``salt.utils.cloud.bootstrap``.
    """

    def __init__(
        self, directory: Path, providers: dict[str, Any], profiles: dict[str, Any], bootstrap: Any
    ) -> None:
        self.directory = directory
        self.bootstrap = bootstrap
        directory.mkdir(exist_ok=True)
        (directory / "cloud").write_text(
            yaml.safe_dump(
                {
                    "root_dir": str(directory),
                    "cloud_dirs": [str(CHECKOUT / "salt/_clouds")],
                    "keysize": 2048,
                    "verify_env": False,
                }
            )
        )
        (directory / "master").write_text(yaml.safe_dump({"root_dir": str(directory)}))
        (directory / "cloud.providers").write_text(yaml.safe_dump(providers))
        (directory / "cloud.profiles").write_text(yaml.safe_dump(profiles, sort_keys=False))

    def opts(self, **more: Any) -> dict[str, Any]:
        opts = salt.config.cloud_config(str(self.directory / "cloud"))
        opts.update({"deploy": True, "parallel": False, "keep_tmp": False, **more})
        return opts

    def mapper(self, **more: Any) -> salt.cloud.Map:
        os.environ["SALT_CLOUD_EC2_RUN"] = uuid.uuid4().hex  # each is a process of its own elsewhere
        return salt.cloud.Map(self.opts(**more))

    @property
    def pki(self) -> Path:
        return Path(self.opts()["pki_dir"])

    @property
    def state(self) -> Path:
        return Path(self.opts()["cachedir"]) / "ec2" / f"ec2-{REGION}"

    def create(self, name: str = "web-1", profile: str = "web", **overrides: Any) -> dict[str, Any]:
        """As ``salt-cloud -p PROFILE NAME``."""
        answer = self.mapper(profile=profile).run_profile(profile, [name], vm_overrides={name: overrides})
        return answer[name]

    def run_map(self, members: dict[str, Any], **more: Any) -> dict[str, Any]:
        """As ``salt-cloud -m FILE``."""
        path = self.directory / "fleet.map"
        path.write_text(yaml.safe_dump(members))
        mapper = self.mapper(map=str(path), **more)
        return mapper.run_map(mapper.map_data())

    def destroy(self, *names: str) -> dict[str, Any]:
        """As ``salt-cloud -d NAME...``."""
        return self.mapper(destroy=True).destroy(list(names))["ec2"]["ec2"]

    def action(self, action: str, name: str = "web-1", **kwargs: Any) -> Any:
        """As ``salt-cloud -a ACTION NAME``."""
        return self.mapper(action=action).do_action([name], kwargs)["ec2"]["ec2"][name]

    def function(self, function: str, **kwargs: Any) -> Any:
        """As ``salt-cloud -f FUNCTION ec2``."""
        return self.mapper(function=function).do_function("ec2", function, kwargs)["ec2"]["ec2"]

    def nodes(self, **more: Any) -> dict[str, Any]:
        """As ``salt-cloud -Q``."""
        listed = self.mapper(selected_query_option="list_nodes", **more).map_providers_parallel()
        return {
            name: node
            for drivers in listed.values()
            for nodes in drivers.values()
            for name, node in nodes.items()
        }


class Bootstrap:
    """Stands for ``salt.utils.cloud.bootstrap``: notes the machines it was called for."""

    def __init__(self) -> None:
        self.ordinary: Any = None  # what Salt's loader makes of its utils without the stub
        self.called: list[dict[str, Any]] = []
        self.answers: list[Any] = []

    def __call__(self, vm_: dict[str, Any], opts: dict[str, Any]) -> dict[str, Any]:
        self.called.append(dict(vm_))
        answer = self.answers.pop(0) if self.answers else {"deployed": True}
        if isinstance(answer, BaseException):
            raise answer
        return answer


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
        patch.setattr(botocore.loaders, "create_loader", lambda search_path_string=None: loader)
        yield


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
