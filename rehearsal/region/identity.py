"""What the metadata service knows of one instance: its description by EC2, IAM and STS as a tree of files."""

import base64
import datetime
import functools
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.region.metadata import Leaf, Tree

# boto3 asks for new credentials when a quarter of an hour is left of the old ones: have newer ones by then.
RENEW_BEFORE = datetime.timedelta(minutes=20)


def _iso(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(value: object) -> str:
    return json.dumps(value, indent=2)


def hardware_address(address: str, arp: Path = Path("/proc/net/arp")) -> str | None:
    """Return the MAC address that a neighbour's packets carry; EC2 describes one of moto's invention."""
    for line in arp.read_text().splitlines()[1:]:
        columns = line.split()
        if columns[0] == address and columns[3] != "00:00:00:00:00:00":
            return columns[3]
    return None


class Identities:
    """Trees of instances, made once for each change of EC2 or IAM."""

    def __init__(
        self,
        client: Callable[[str], Any],
        generation: Callable[[], object],
        account: str,
        region: str,
        now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
    ):
        """Read with ``client(service)``, a boto3 client, again when ``generation`` returns something new."""
        self._ec2, self._iam, self._sts = client("ec2"), client("iam"), client("sts")
        self._generation = generation
        self._account, self._region = account, region
        self._now = now
        self._lock = threading.Lock()
        self._made_at: object = None
        self._trees: dict[str, Tree] = {}
        self._credentials: dict[tuple[str, str], dict[str, Any]] = {}

    def tree(self, instance: dict[str, Any]) -> Tree:
        """Return the directory that ``instance``, as DescribeInstances describes it, sees."""
        with self._lock:
            generation = self._generation()
            if generation != self._made_at:
                self._trees.clear()
                self._made_at = generation
            instance_id = instance["InstanceId"]
            if instance_id not in self._trees:
                self._trees[instance_id] = self._make(instance)
            return self._trees[instance_id]

    def _make(self, instance: dict[str, Any]) -> Tree:
        tree: dict[str, Any] = {
            "dynamic": {"instance-identity": {"document": _json(self._document(instance))}},
            "meta-data": self._meta_data(instance),
        }
        answer = self._ec2.describe_instance_attribute(
            InstanceId=instance["InstanceId"], Attribute="userData"
        )
        if encoded := answer.get("UserData", {}).get("Value"):
            tree["user-data"] = base64.b64decode(encoded)
        return tree

    def _document(self, instance: dict[str, Any]) -> dict[str, Any]:
        return {
            "accountId": self._account,
            "architecture": instance["Architecture"],
            "availabilityZone": instance["Placement"]["AvailabilityZone"],
            "imageId": instance["ImageId"],
            "instanceId": instance["InstanceId"],
            "instanceType": instance["InstanceType"],
            "pendingTime": _iso(instance["LaunchTime"]),
            "privateIp": instance["PrivateIpAddress"],
            "region": self._region,
            "version": "2017-09-30",
        }

    def _meta_data(self, instance: dict[str, Any]) -> Tree:
        interface = self._interface(instance)
        hostname = instance["PrivateDnsName"]
        tree: dict[str, Any] = {
            "ami-id": instance["ImageId"],
            "ami-launch-index": str(instance["AmiLaunchIndex"]),
            "ami-manifest-path": "(unknown)",
            "block-device-mapping": self._devices(instance),
            "hostname": hostname,
            "instance-action": "none",
            "instance-id": instance["InstanceId"],
            "instance-life-cycle": instance.get("InstanceLifecycle", "on-demand"),
            "instance-type": instance["InstanceType"],
            "local-hostname": hostname,
            "local-ipv4": instance["PrivateIpAddress"],
            "mac": interface["mac"],
            "network": {"interfaces": {"macs": {interface["mac"]: interface}}},
            "placement": {
                "availability-zone": instance["Placement"]["AvailabilityZone"],
                "region": self._region,
            },
            "profile": "default-hvm",
            "reservation-id": self._reservation(instance),
            "security-groups": interface["security-groups"],
            "services": {"domain": "amazonaws.com", "partition": "aws"},
        }
        if public := instance.get("PublicIpAddress"):
            tree |= {"public-hostname": instance["PublicDnsName"], "public-ipv4": public}
        if key := instance.get("KeyName"):
            tree["public-keys"] = {f"0={key}": {"openssh-key": self._public_key(key)}}
        if profile := instance.get("IamInstanceProfile"):
            tree["iam"] = self._profile(instance["InstanceId"], profile["Arn"])
        if instance.get("MetadataOptions", {}).get("InstanceMetadataTags") == "enabled":
            tree["tags"] = {"instance": {item["Key"]: item["Value"] for item in instance.get("Tags", [])}}
        return tree

    def _reservation(self, instance: dict[str, Any]) -> str:
        answer = self._ec2.describe_instances(InstanceIds=[instance["InstanceId"]])
        return str(answer["Reservations"][0]["ReservationId"])

    def _devices(self, instance: dict[str, Any]) -> Tree:
        root = instance.get("RootDeviceName", "/dev/xvda")
        others = [
            item["DeviceName"]
            for item in instance.get("BlockDeviceMappings", [])
            if item["DeviceName"] != root
        ]
        named = {f"ebs{number}": name.removeprefix("/dev/") for number, name in enumerate(others, 1)}
        return {"ami": root, "root": root, **named}

    def _interface(self, instance: dict[str, Any]) -> dict[str, Any]:
        described = instance["NetworkInterfaces"][0]
        address = instance["PrivateIpAddress"]
        subnet = self._ec2.describe_subnets(SubnetIds=[instance["SubnetId"]])["Subnets"][0]
        network = self._ec2.describe_vpcs(VpcIds=[instance["VpcId"]])["Vpcs"][0]
        groups = described["Groups"]
        result = {
            "device-number": "0",
            "interface-id": described["NetworkInterfaceId"],
            "local-hostname": instance["PrivateDnsName"],
            "local-ipv4s": address,
            "mac": hardware_address(address) or described["MacAddress"],
            "owner-id": self._account,
            "security-group-ids": "\n".join(group["GroupId"] for group in groups),
            "security-groups": "\n".join(group["GroupName"] for group in groups),
            "subnet-id": instance["SubnetId"],
            "subnet-ipv4-cidr-block": subnet["CidrBlock"],
            "vpc-id": instance["VpcId"],
            "vpc-ipv4-cidr-block": network["CidrBlock"],
            "vpc-ipv4-cidr-blocks": network["CidrBlock"],
        }
        if public := instance.get("PublicIpAddress"):
            result |= {
                "ipv4-associations": {public: address},
                "public-hostname": instance["PublicDnsName"],
                "public-ipv4s": public,
            }
        return result

    def _public_key(self, name: str) -> str:
        answer = self._ec2.describe_key_pairs(KeyNames=[name], IncludePublicKey=True)
        key = answer["KeyPairs"][0]["PublicKey"].strip()
        return key if len(key.split()) > 2 else f"{key} {name}"

    def _profile(self, instance_id: str, arn: str) -> Tree:
        try:
            answer = self._iam.get_instance_profile(InstanceProfileName=arn.rpartition("/")[2])
        except ClientError:
            return {}  # deleted since; AWS shows an error document in its place
        profile = answer["InstanceProfile"]
        info = {
            "Code": "Success",
            "LastUpdated": _iso(self._now()),
            "InstanceProfileArn": profile["Arn"],
            "InstanceProfileId": profile["InstanceProfileId"],
        }
        roles: dict[str, Leaf] = {
            role["RoleName"]: functools.partial(self._assume, instance_id, role["Arn"])
            for role in profile["Roles"]
        }
        return {"info": _json(info), "security-credentials": roles}

    def _assume(self, instance_id: str, role: str) -> str:
        """Return credentials of ``role`` for an instance, the same ones until shortly before they expire."""
        kept = self._credentials.get((instance_id, role))
        if kept is None or kept["Expiration"] - self._now() < RENEW_BEFORE:
            answer = self._sts.assume_role(RoleArn=role, RoleSessionName=instance_id)
            kept = {**answer["Credentials"], "Since": self._now()}
            self._credentials[instance_id, role] = kept
        return _json(
            {
                "Code": "Success",
                "LastUpdated": _iso(kept["Since"]),
                "Type": "AWS-HMAC",
                "AccessKeyId": kept["AccessKeyId"],
                "SecretAccessKey": kept["SecretAccessKey"],
                "Token": kept["SessionToken"],
                "Expiration": _iso(kept["Expiration"]),
            }
        )
