"""An account in a region of its own, and the command ``salt-cloud`` as a process against it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.config import Config

from rehearsal.region.client import Region
from rehearsal.settings import Settings
from tests.cloud import preloaded
from tests.cloud.ec2 import command

CHECKOUT = Path(__file__).resolve().parents[3]
REGION = "eu-west-1"
IMAGE = "ami-0d13a1b2c3d4e5f60"  # Debian's, in the region
ZONE = "fleet.internal"
TIMEOUT = 600.0  # seconds for one run of salt-cloud: it has to end by itself long before
# Leaves every call alone, and counts.
COUNTER = {"service": "*", "action": "*", "effect": "error", "times": None, "skip": 1_000_000}
PROFILE = {
    "provider": "ec2",
    "image": IMAGE,
    "size": "t3.small",
    "subnetname": "private",
    "ssh_interface": "private_ips",
    "ssh_username": "admin",
    "ssh_host_keys": "unchecked",
    "wait_for_ip_interval": 0.1,
    "private_zone": ZONE,
    "minion": {"master": "salt.example.internal"},
    "network_interfaces": [{"DeviceIndex": 0, "allocate_new_eip": True}],
    "volumes": [{"size": 1, "device": "/dev/sdf"}],
}


@dataclass
class Run:
    """How one run of salt-cloud ended."""

    code: int
    output: str
    errors: str

    @property
    def result(self) -> dict[str, Any]:
        """What it printed, which is JSON."""
        return json.loads(self.output or "{}")


@dataclass
class Account:
    """A region that nobody else uses.

    Args:
        region: Its own interface, for faults.
        port: Of its API on 127.0.0.1.
    """

    region: Region
    port: int
    clients: dict[str, Any] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What leads AWS's SDKs here, and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str = "ec2") -> Any:
        """Return a boto3 client."""
        if service not in self.clients:
            self.clients[service] = boto3.client(
                service,
                REGION,
                endpoint_url=f"http://127.0.0.1:{self.port}",
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self.clients[service]

    def furnish(self) -> None:
        """Make what a profile names: a subnet and a private zone."""
        ec2 = self.client()
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        tags = [{"ResourceType": "subnet", "Tags": [{"Key": "Name", "Value": "private"}]}]
        ec2.create_subnet(
            VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone=f"{REGION}a", TagSpecifications=tags
        )
        self.client("route53").create_hosted_zone(
            Name=f"{ZONE}.",
            CallerReference="1",
            HostedZoneConfig={"PrivateZone": True, "Comment": ""},
            VPC={"VPCRegion": REGION, "VPCId": vpc},
        )

    def instances(self) -> list[dict[str, Any]]:
        """Return the instances that are not terminated."""
        pages = self.client().get_paginator("describe_instances").paginate()
        return [
            instance
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
            if instance["State"]["Name"] not in ("shutting-down", "terminated")
        ]

    def names(self) -> list[str]:
        """Return the names of those, sorted."""
        return sorted(tags(instance)["Name"] for instance in self.instances())

    def records(self) -> dict[str, list[str]]:
        """Return the addresses in the private zone by name."""
        route53 = self.client("route53")
        (zone,) = route53.list_hosted_zones()["HostedZones"]
        found = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
        return {
            record["Name"].removesuffix(f".{ZONE}."): [one["Value"] for one in record["ResourceRecords"]]
            for record in found
            if record["Type"] == "A"
        }

    def clear(self) -> None:
        """Remove what the driver has made, however much that is."""
        self.region.set_faults()
        ec2 = self.client()
        ids = [instance["InstanceId"] for instance in self.instances()]
        if ids:
            ec2.terminate_instances(InstanceIds=ids)
        for address in ec2.describe_addresses()["Addresses"]:
            if "AssociationId" in address:
                ec2.disassociate_address(AssociationId=address["AssociationId"])
            ec2.release_address(AllocationId=address["AllocationId"])
        for volume in ec2.describe_volumes()["Volumes"]:
            ec2.delete_volume(VolumeId=volume["VolumeId"])
        route53 = self.client("route53")
        (zone,) = route53.list_hosted_zones()["HostedZones"]
        found = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
        changes = [
            {"Action": "DELETE", "ResourceRecordSet": record} for record in found if record["Type"] == "A"
        ]
        if changes:
            route53.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch={"Changes": changes})

    @contextmanager
    def counted(self) -> Iterator[list[int]]:
        """Count the calls that are made inside the block: the list holds their number afterwards."""
        self.region.set_faults(COUNTER)
        calls: list[int] = []
        yield calls
        calls.append(self.region.faults()[0]["seen"])
        self.region.set_faults()


@contextmanager
def started(directory: Path) -> Iterator[Account]:
    """Run a region in a process of its own."""
    region = subprocess.Popen(
        [sys.executable, "-m", "tests.cloud.ec2.loopback", str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(directory / "log").open("wb"),
        text=True,
        cwd=CHECKOUT,
    )
    assert region.stdin
    assert region.stdout
    try:
        port = region.stdout.readline()
        assert port, (directory / "log").read_text()
        account = Account(Region(Settings(root=directory)), int(port))
        account.furnish()
        yield account
    finally:
        region.stdin.close()
        region.wait(30)
        region.stdout.close()


class Operator:
    """Somebody who runs salt-cloud with a configuration and a master's keys of their own.

    Args:
        account: Where.
        directory: Of the configuration.
        providers: Options of each provider by name.
        profile: Options of the profile ``web``.
    """

    def __init__(
        self,
        account: Account,
        directory: Path,
        providers: dict[str, dict[str, Any]] | None = None,
        **profile: Any,
    ) -> None:
        self.account = account
        self.directory = directory
        directory.mkdir()
        key = directory / "fleet.pem"
        key.touch(0o600)
        (directory / "ready").mkdir()
        common = {"driver": "ec2", "location": REGION}
        self._write(
            "cloud",
            {
                "root_dir": str(directory),
                "cloud_dirs": [str(CHECKOUT / "salt/_clouds")],
                "keysize": 2048,
                "verify_env": False,
                "log_file": str(directory / "cloud.log"),
                "log_level_logfile": "warning",
            },
        )
        self._write("master", {"root_dir": str(directory)})
        self._write(
            "cloud.providers", {name: common | more for name, more in (providers or {"ec2": {}}).items()}
        )
        self._write("cloud.profiles", {"web": {**PROFILE, "private_key": str(key), **profile}})
        (self.pki / "minions").mkdir(parents=True)
        (self.pki / "master.pem").touch()

    def _write(self, name: str, content: Any) -> Path:
        path = self.directory / name
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return path

    @property
    def pki(self) -> Path:
        """The master's keys."""
        return self.directory / "etc/salt/pki/master"

    def keys(self) -> list[str]:
        """Return the minions whose keys are accepted, sorted."""
        return sorted(path.name for path in (self.pki / "minions").iterdir())

    def map(self, *names: str, profile: str = "web") -> Path:
        """Write a map."""
        return self._write("fleet.map", {profile: list(names)})

    def run(self, *arguments: str | Path, **environment: str) -> Run:
        """Run ``salt-cloud ARGUMENTS`` to its end, in a process group of its own, which faults may kill."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "SALT_"))}
        ended = preloaded.run(
            command.main,
            ["salt-cloud", "-c", self.directory, "--out=json", "-y", *arguments],
            {**inherited, **self.account.environment, **environment},
            TIMEOUT,
        )
        return Run(ended.returncode, ended.stdout, ended.stderr)

    def launch(self, *names: str, **environment: str) -> Run:
        """Run the map of these members, forking a process for each."""
        return self.run("-m", self.map(*names), "-P", **environment)


def tags(resource: dict[str, Any]) -> dict[str, str]:
    """Return the tags of what EC2 describes."""
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags") or resource.get("TagSet") or ()}
