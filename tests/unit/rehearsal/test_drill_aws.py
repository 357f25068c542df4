"""What faults do by EC2's API, against moto's."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from rehearsal.drill import aws

PORT = 9113


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a client of an account with one host, and two groups with rules of which one is the drill's."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        ec2 = boto3.client("ec2", region_name="eu-west-1")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        ids = {
            name: ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
            for name in ("saltwatch-app", "saltwatch-prometheus", "saltwatch-base")
        }
        for source in ("saltwatch-prometheus", "saltwatch-base"):
            for port in (PORT, 5000):
                pair = {"GroupId": ids[source], "Description": f"{port} from {source}"}
                rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [pair]}
                ec2.authorize_security_group_ingress(GroupId=ids["saltwatch-app"], IpPermissions=[rule])
        tags = [{"Key": "Name", "Value": "app-1"}, {"Key": "Fleet", "Value": "saltwatch"}]
        ec2.run_instances(
            ImageId="ami-12345678",  # moto takes any
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet,
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        )
        yield ec2


def _rules(ec2: Any) -> list[tuple[int, str]]:
    filters = [{"Name": "group-name", "Values": ["saltwatch-app"]}]
    (group,) = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    pairs = [(each["FromPort"], pair) for each in group["IpPermissions"] for pair in each["UserIdGroupPairs"]]
    return sorted((port, pair.get("Description", "")) for port, pair in pairs)


def test_one_rule_is_revoked_and_authorized_again(ec2: Any) -> None:
    """Mutants: the rule of another source, or of another port, revoked too; its description lost."""
    before = _rules(ec2)
    ends = {"group": "saltwatch-app", "source": "saltwatch-prometheus", "port": PORT}
    for _ in range(2):
        aws.close(ec2, **ends)
        assert _rules(ec2) == [rule for rule in before if rule != (PORT, f"{PORT} from saltwatch-prometheus")]
    for _ in range(2):
        aws.open_(ec2, **ends, description=f"{PORT} from saltwatch-prometheus")
        assert _rules(ec2) == before


def _state(ec2: Any) -> str:
    (reservation,) = ec2.describe_instances()["Reservations"]
    return str(reservation["Instances"][0]["State"]["Name"])


def test_a_host_is_stopped_and_started(ec2: Any) -> None:
    """Mutants: terminated; not found again while it is stopped."""
    for _ in range(2):
        aws.stop(ec2, "app-1")
        assert _state(ec2) == "stopped"
    for _ in range(2):
        aws.start(ec2, "app-1")
        assert _state(ec2) == "running"


def test_a_volume_comes_and_goes_and_others_stay(ec2: Any) -> None:
    """Mutants: not deleted, or not detached first; other volumes deleted too."""
    before = {volume["VolumeId"] for volume in ec2.describe_volumes()["Volumes"]}
    aws.unplug(ec2)
    aws.plug(ec2, host="app-1", device="/dev/sdg", size=1)
    (new,) = (volume for volume in ec2.describe_volumes()["Volumes"] if volume["VolumeId"] not in before)
    assert (new["Size"], new["Attachments"][0]["Device"]) == (1, "/dev/sdg")
    aws.unplug(ec2)
    assert {volume["VolumeId"] for volume in ec2.describe_volumes()["Volumes"]} == before
