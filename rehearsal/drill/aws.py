"""What faults do by EC2's API: ``python -m rehearsal.drill.aws ACTION ARGUMENTS``, the arguments as JSON.

Each action does nothing where what it makes true is so already.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError

from rehearsal.inventory import FLEET

TAG = "drill"  # name of the volume that a drill makes


def stop(ec2: Any, host: str) -> None:
    """Stop a host and wait until it is."""
    ids = [_instance(ec2, host)["InstanceId"]]
    ec2.stop_instances(InstanceIds=ids)
    ec2.get_waiter("instance_stopped").wait(InstanceIds=ids, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def start(ec2: Any, host: str) -> None:
    """Start a host."""
    ec2.start_instances(InstanceIds=[_instance(ec2, host)["InstanceId"]])


def close(ec2: Any, group: str, source: str, port: int) -> None:
    """Revoke the rule by which members of one security group reach a TCP port of another's."""
    for permission in _permissions(ec2, group, source, port):
        ec2.revoke_security_group_ingress(GroupId=_group(ec2, group), IpPermissions=[permission])


def open_(ec2: Any, group: str, source: str, port: int, description: str) -> None:
    """Authorize that rule again."""
    if _permissions(ec2, group, source, port):
        return
    pair = {"GroupId": _group(ec2, source), "Description": description}
    permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [pair]}
    ec2.authorize_security_group_ingress(GroupId=_group(ec2, group), IpPermissions=[permission])


def plug(ec2: Any, host: str, device: str, size: int) -> None:
    """Attach a new volume of ``size`` GiB to a host as ``device``."""
    instance = _instance(ec2, host)
    tags = [{"Key": "Name", "Value": TAG}, {"Key": "Fleet", "Value": FLEET}]
    volume = ec2.create_volume(
        AvailabilityZone=instance["Placement"]["AvailabilityZone"],
        Size=size,
        VolumeType="gp3",
        Encrypted=True,
        TagSpecifications=[{"ResourceType": "volume", "Tags": tags}],
    )["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
    ec2.attach_volume(VolumeId=volume, InstanceId=instance["InstanceId"], Device=device)


def unplug(ec2: Any) -> None:
    """Detach and delete the volumes that drills made."""
    filters = [{"Name": "tag:Name", "Values": [TAG]}, {"Name": "tag:Fleet", "Values": [FLEET]}]
    for volume in ec2.describe_volumes(Filters=filters)["Volumes"]:
        for attachment in volume["Attachments"]:
            ec2.detach_volume(VolumeId=volume["VolumeId"], InstanceId=attachment["InstanceId"])
        ec2.get_waiter("volume_available").wait(VolumeIds=[volume["VolumeId"]], WaiterConfig={"Delay": 1})
        ec2.delete_volume(VolumeId=volume["VolumeId"])


def _instance(ec2: Any, host: str) -> dict[str, Any]:
    """Return the instance of a host, whether it runs or not."""
    filters = [
        {"Name": "tag:Name", "Values": [host]},
        {"Name": "tag:Fleet", "Values": [FLEET]},
        {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
    ]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=filters)
    (found,) = (instance for page in pages for one in page["Reservations"] for instance in one["Instances"])
    instance: dict[str, Any] = found
    return instance


def _described(ec2: Any, name: str) -> dict[str, Any]:
    filters = [{"Name": "group-name", "Values": [name]}]
    (group,) = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    found: dict[str, Any] = group
    return found


def _group(ec2: Any, name: str) -> str:
    group_id: str = _described(ec2, name)["GroupId"]
    return group_id


def _permissions(ec2: Any, group: str, source: str, port: int) -> list[dict[str, Any]]:
    """Return the permissions of a group's ingress for one port and one source, and nothing else in them."""
    peer = _group(ec2, source)
    return [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [pair]}
        for each in _described(ec2, group)["IpPermissions"]
        if (each["IpProtocol"], each.get("FromPort"), each.get("ToPort")) == ("tcp", port, port)
        for pair in each["UserIdGroupPairs"]
        if pair["GroupId"] == peer
    ]


ACTIONS: dict[str, Callable[..., None]] = {
    "stop": stop,
    "start": start,
    "close": close,
    "open": open_,
    "plug": plug,
    "unplug": unplug,
}


def main() -> None:
    """Take the action of the command line."""
    action, arguments = sys.argv[1:]
    try:
        ACTIONS[action](boto3.client("ec2"), **json.loads(arguments))
    except ClientError as error:
        sys.exit(f"{action}: {error}")


if __name__ == "__main__":
    main()
