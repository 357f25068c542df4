"""What docs/driver says can be done, done."""

import re

import pytest
import yaml
from in_process import SaltCloud
from salt.exceptions import SaltCloudException

from rehearsal.settings import CHECKOUT

README = CHECKOUT / "docs/driver/README.md"


@pytest.fixture
def old_machine(region):
    """A machine as the driver of Salt 3007 left it: with a Name, and nothing else of the driver."""
    answer = region.ec2.run_instances(
        ImageId="ami-0000000000000new1",
        MinCount=1,
        MaxCount=1,
        SubnetId=region.subnets["private"],
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web-1"}]}],
    )
    region.calls.made.clear()
    return answer["Instances"][0]["InstanceId"]


def test_the_example_works(region, tmp_path, bootstrap, launched, monkeypatch):
    """The files of the README, as they are. Mutant: an option of them that does not exist, or is wrong."""
    blocks = re.findall(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)
    providers, profiles, members = map(yaml.safe_load, blocks)
    key = tmp_path / ".ssh/fleet"
    key.parent.mkdir()
    key.touch(mode=0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    region.ec2.create_tags(
        Resources=[region.subnets["private"]], Tags=[{"Key": "Name", "Value": "private-a"}]
    )
    region.ec2.create_security_group(GroupName="app", VpcId=region.vpc, Description="app")
    cloud = SaltCloud(tmp_path / "salt", providers, profiles, bootstrap)
    path = tmp_path / "fleet.map"
    path.write_text(yaml.safe_dump(members))
    assert set(cloud.function("plan_map", map=str(path))["create"]) == {"app-1", "app-2"}
    assert not launched()
    cloud.run_map(members)
    assert set(cloud.nodes()) == {"app-1", "app-2"}
    cloud.run_map(members)
    assert len(launched()) == 2
    cloud.destroy("app-1")
    assert set(cloud.nodes()) == {"app-2"}


def test_machines_of_the_old_driver_are_taken_as_they_are(salt_cloud, region, launched, old_machine):
    """By name, as complete. Mutants: not listed; launched beside; bootstrapped again; not started."""
    cloud = salt_cloud()
    assert cloud.nodes()["web-1"]["id"] == old_machine
    cloud.run_map({"web": ["web-1"]})
    cloud.action("stop")
    cloud.run_map({"web": ["web-1"]})
    assert [one["State"]["Name"] for one in launched()] == ["running"]
    assert not cloud.bootstrap.called
    assert cloud.destroy("web-1")["web-1"]["id"] == old_machine


def test_an_old_machine_is_one_providers_until_it_is_tagged(salt_cloud, region, old_machine):
    """Of the first by name. Mutants: of every provider, or of none; the tag without effect."""
    settings = {"driver": "ec2", "location": "eu-west-1"}
    cloud = salt_cloud(providers={"a": settings, "ec2": settings})

    def owners():
        listed = cloud.mapper(selected_query_option="list_nodes").map_providers_parallel()
        return [alias for alias, drivers in listed.items() if "web-1" in drivers["ec2"]]

    assert owners() == ["a"]
    tagging = cloud.mapper(function="set_tags")
    tagging.do_function("a", "set_tags", {"instance_id": old_machine, "salt-cloud:provider": "ec2"})
    assert owners() == ["ec2"]


def test_two_old_machines_of_one_name(salt_cloud, region, old_machine):
    """Neither is destroyed by it. Mutant: the first one destroyed."""
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web-1"}]}]
    region.ec2.run_instances(ImageId="ami-0000000000000new1", MinCount=1, MaxCount=1, TagSpecifications=tags)
    cloud = salt_cloud()
    assert len(cloud.nodes()) == 2
    with pytest.raises(SaltCloudException, match="2 machines are named web-1"):
        cloud.function("show_instance", name="web-1")


def test_a_volume_of_an_old_machine_is_handed_on(salt_cloud, region, launched):
    """With the three tags that the guide names. Mutant: a new volume made."""
    volume = region.ec2.create_volume(AvailabilityZone="eu-west-1a", Size=7)["VolumeId"]
    cloud = salt_cloud(volumes=[{"device": "/dev/sdf", "size": 7}])
    tags = {"Name": "web-1", "salt-cloud:provider": "ec2", "salt-cloud:device": "/dev/sdf"}
    cloud.function("set_tags", resource_id=volume, **tags)
    cloud.create()
    mapped = {one["DeviceName"]: one["Ebs"]["VolumeId"] for one in launched()[0]["BlockDeviceMappings"]}
    assert mapped["/dev/sdf"] == volume
