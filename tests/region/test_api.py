"""EC2 where moto departs from AWS: launches, addresses, states, groups, tokens."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.region.local import DEBIAN, DEBIAN_ARM, LocalRegion


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def instances(ec2: Any) -> list[dict[str, Any]]:
    found = ec2.describe_instances()["Reservations"]
    return [instance for reservation in found for instance in reservation["Instances"]]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"InstanceType": "t3.huge"}, "InvalidParameterValue"),
        ({"InstanceType": "t4g.micro"}, "InvalidParameterValue"),
        ({"InstanceType": "t4g.micro", "ImageId": DEBIAN_ARM}, "Unsupported"),
        ({"KeyName": "nobody's"}, "InvalidKeyPair.NotFound"),
        ({"PrivateIpAddress": "10.0.1.9"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "10.0.0.3"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "10.0.0.255"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "ten"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "10.0.0.9", "MaxCount": 2}, "InvalidParameterCombination"),
    ],
)
def test_impossible_launches_are_refused(ec2: Any, launch: Any, options: Any, expected: str) -> None:
    """Mutant: drop any one check of `Ec2.run_instances`; its cases launch, or end in InternalError."""
    with pytest.raises(ClientError) as error:
        launch(**options)
    assert code(error) == expected
    assert ec2.describe_instances()["Reservations"] == []


def test_an_address_in_use_is_refused(ec2: Any, subnet: str, launch: Any) -> None:
    """Mutant: `check_free` without its last condition; moto then crashes."""
    launch(PrivateIpAddress="10.0.0.9")
    interface = {"DeviceIndex": 0, "SubnetId": subnet, "PrivateIpAddress": "10.0.0.9"}
    for options in ({"PrivateIpAddress": "10.0.0.9"}, {"NetworkInterfaces": [interface]}):
        with pytest.raises(ClientError) as error:
            launch(**options)
        assert code(error) == "InvalidIPAddress.InUse"


def test_a_terminated_address_is_the_last_to_be_handed_out_again(ec2: Any, vpc: str, launch: Any) -> None:
    """Mutant: `install` without `_allocate`; moto gives the same address at once."""
    answer = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/28")
    subnet = answer["Subnet"]["SubnetId"]
    first = launch(SubnetId=subnet)
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    addresses = [launch(SubnetId=subnet)["PrivateIpAddress"] for _ in range(11)]
    assert addresses[-1] == first["PrivateIpAddress"]
    assert sorted(addresses) == sorted(f"10.0.9.{last}" for last in range(4, 15))
    with pytest.raises(ClientError) as error:
        launch(SubnetId=subnet)
    assert code(error) == "InsufficientFreeAddressesInSubnet"


def test_as_many_as_maxcount_are_launched_each_with_the_profile(
    region: LocalRegion, ec2: Any, launch: Any
) -> None:
    """Mutants: "MinCount" left as it is; `finish` without the profile."""
    iam = region.client("iam")
    iam.create_instance_profile(InstanceProfileName="saltwatch-app")
    launch(MinCount=2, MaxCount=3, IamInstanceProfile={"Name": "saltwatch-app"})
    arns = [instance["IamInstanceProfile"]["Arn"] for instance in instances(ec2)]
    assert arns == ["arn:aws:iam::123456789012:instance-profile/saltwatch-app"] * 3


def test_volumes_are_as_asked_for_and_the_root_is_the_images(ec2: Any, launch: Any) -> None:
    """Mutants: `with_root` returning only what was asked for; `_finish_volumes` doing nothing."""
    tags = [{"Key": "Fleet", "Value": "saltwatch"}]
    launched = launch(
        BlockDeviceMappings=[
            {
                "DeviceName": "/dev/sdf",
                "Ebs": {"VolumeSize": 5, "VolumeType": "gp3", "Iops": 4000, "Throughput": 300},
            },
            {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 6, "VolumeType": "io2", "Iops": 700}},
        ],
        TagSpecifications=[{"ResourceType": "volume", "Tags": tags}],
    )
    assert launched["RootDeviceName"] == "/dev/xvda"
    described = ec2.describe_volumes()["Volumes"]
    keys = ("VolumeType", "Size", "Iops", "Throughput")
    found = {item["Attachments"][0]["Device"]: tuple(item.get(key) for key in keys) for item in described}
    assert found == {
        "/dev/xvda": ("gp3", 8, 3000, 125),
        "/dev/sdf": ("gp3", 5, 4000, 300),
        "/dev/sdg": ("io2", 6, 700, None),
    }
    assert all(item["Tags"] == tags for item in described)


def test_the_roots_own_mapping_changes_the_root(ec2: Any, launch: Any) -> None:
    """Mutant: `with_root` appending a mapping of the root's device instead of merging it."""
    launch(BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "Encrypted": True}}])
    [volume] = ec2.describe_volumes()["Volumes"]
    assert (volume["Size"], volume["Encrypted"], volume["VolumeType"]) == (20, True, "gp3")


def test_termination_deletes_what_is_flagged_and_nothing_else(ec2: Any, subnet: str, launch: Any) -> None:
    """Mutants: "DeleteOnTermination" of the root False; that of interfaces left as moto has it."""
    launched = launch(
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "DeleteOnTermination": True}},
            {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 2, "DeleteOnTermination": False}},
            {"DeviceName": "/dev/sdh", "Ebs": {"VolumeSize": 3}},
        ]
    )
    ec2.terminate_instances(InstanceIds=[launched["InstanceId"]])
    left = ec2.describe_volumes()["Volumes"]
    assert sorted((volume["Size"], volume["State"]) for volume in left) == [
        (2, "available"),
        (3, "available"),
    ]
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    ec2.delete_subnet(SubnetId=subnet)


def test_a_protected_instance_is_not_terminated(ec2: Any, launch: Any) -> None:
    """Mutant: `finish` without the protection, which moto drops."""
    instance_id = launch(DisableApiTermination=True)["InstanceId"]
    with pytest.raises(ClientError) as error:
        ec2.terminate_instances(InstanceIds=[instance_id])
    assert code(error) == "OperationNotPermitted"
    ec2.modify_instance_attribute(InstanceId=instance_id, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[instance_id])


def test_an_interface_may_outlive_its_instance(ec2: Any, subnet: str, launch: Any) -> None:
    """Mutant: `_finish_interfaces` setting the flag whatever was given."""
    tags = [{"Key": "Name", "Value": "kept"}]
    launched = launch(
        NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": subnet, "DeleteOnTermination": False}],
        TagSpecifications=[{"ResourceType": "network-interface", "Tags": tags}],
    )
    ec2.terminate_instances(InstanceIds=[launched["InstanceId"]])
    [interface] = ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert interface["TagSet"] == tags


def test_the_groups_of_an_instance_are_those_of_its_interface(ec2: Any, vpc: str, launch: Any) -> None:
    """Mutants: either `modify_…_attribute` without its second half; a group would stay in one view."""
    groups = [
        ec2.create_security_group(GroupName=name, Description="-", VpcId=vpc)["GroupId"] for name in "abc"
    ]
    instance_id = launch(SecurityGroupIds=groups[:1])["InstanceId"]

    def views() -> list[list[str]]:
        [instance] = instances(ec2)
        both = (instance["SecurityGroups"], instance["NetworkInterfaces"][0]["Groups"])
        return [[group["GroupId"] for group in view] for view in both]

    assert views() == [groups[:1]] * 2
    ec2.modify_instance_attribute(InstanceId=instance_id, Groups=groups[1:2])
    assert views() == [groups[1:2]] * 2
    [interface] = ec2.describe_network_interfaces()["NetworkInterfaces"]
    ec2.modify_network_interface_attribute(
        NetworkInterfaceId=interface["NetworkInterfaceId"], Groups=groups[2:]
    )
    assert views() == [groups[2:]] * 2


def test_shutdown_behavior_can_be_changed_and_takes_no_groups_away(ec2: Any, vpc: str, launch: Any) -> None:
    """Mutant: `modify_instance_attribute` left to moto, which empties the groups."""
    group = ec2.create_security_group(GroupName="a", Description="-", VpcId=vpc)["GroupId"]
    instance_id = launch(SecurityGroupIds=[group])["InstanceId"]
    ec2.modify_instance_attribute(
        InstanceId=instance_id, InstanceInitiatedShutdownBehavior={"Value": "terminate"}
    )
    attribute = "instanceInitiatedShutdownBehavior"
    answer = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute=attribute)
    assert answer["InstanceInitiatedShutdownBehavior"]["Value"] == "terminate"
    assert [item["GroupId"] for item in instances(ec2)[0]["SecurityGroups"]] == [group]


def test_a_terminated_instance_stays_terminated(ec2: Any, launch: Any) -> None:
    """Mutants: `start_instances` without its check; `terminate_instances` passing all ids on to moto."""
    instance_id = launch()["InstanceId"]
    for _ in range(2):
        answer = ec2.terminate_instances(InstanceIds=[instance_id])
        assert [item["InstanceId"] for item in answer["TerminatingInstances"]] == [instance_id]
    for action in (ec2.start_instances, ec2.stop_instances, ec2.reboot_instances):
        with pytest.raises(ClientError) as error:
            action(InstanceIds=[instance_id])
        assert code(error) == "IncorrectInstanceState"
    assert instances(ec2)[0]["State"]["Name"] == "terminated"


def test_public_addresses_are_distinct_and_hide_nothing_of_the_internet(
    ec2: Any, subnet: str, launch: Any
) -> None:
    """Mutant: `install` without `next_public`: elastic addresses would be 127.x."""
    interface = {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": True}
    public = launch(NetworkInterfaces=[interface])["PublicIpAddress"]
    elastic = ec2.allocate_address(Domain="vpc")["PublicIp"]
    assert public != elastic
    assert public.startswith("198.19.")
    assert elastic.startswith("198.19.")


def test_the_console_is_the_hosts_newest_64_kib(region: LocalRegion, ec2: Any, launch: Any) -> None:
    """Mutant: `CONSOLE_BYTES` cut from the other end."""
    instance_id = launch()["InstanceId"]
    region.hypervisor.consoles[instance_id] = b"old" + b"x" * 65535 + b"\xff"
    output = ec2.get_console_output(InstanceId=instance_id)["Output"]
    assert output == "x" * 65535 + "\N{REPLACEMENT CHARACTER}"  # botocore's decoding of the last byte


def test_a_repeated_token_gets_the_same_answer(ec2: Any, launch: Any) -> None:
    """Mutant: `call_action` never asking for a token; a second instance is launched."""
    first = launch(ClientToken="one")
    assert launch(ClientToken="one")["InstanceId"] == first["InstanceId"]
    assert launch(ClientToken="two")["InstanceId"] != first["InstanceId"]
    assert len(instances(ec2)) == 2
    volume = {"AvailabilityZone": "eu-west-1a", "Size": 1, "ClientToken": "one"}
    assert ec2.create_volume(**volume)["VolumeId"] == ec2.create_volume(**volume)["VolumeId"]


def test_a_token_with_other_parameters_is_refused(ec2: Any, launch: Any) -> None:
    """Mutant: `Tokens.answer` without its comparison."""
    launch(ClientToken="one")
    with pytest.raises(ClientError) as error:
        launch(ClientToken="one", InstanceType="t3.small")
    assert code(error) == "IdempotentParameterMismatch"
    assert len(instances(ec2)) == 1


def test_a_token_outlives_its_instance_and_a_refusal_uses_none_up(ec2: Any, launch: Any) -> None:
    """Mutants: tokens of terminated instances forgotten; errors kept as answers."""
    with pytest.raises(ClientError):
        launch(ClientToken="one", ImageId="ami-0123456789abcdef0")
    dead = launch(ClientToken="one")["InstanceId"]
    ec2.terminate_instances(InstanceIds=[dead])
    assert launch(ClientToken="one")["InstanceId"] == dead
    assert [instance["State"]["Name"] for instance in instances(ec2)] == ["terminated"]


def test_what_moto_cannot_do_is_an_error_of_the_services_shape(ec2: Any) -> None:
    """Mutant: `Engine._through_moto` without its `except`."""
    with pytest.raises(ClientError) as error:
        ec2.describe_import_image_tasks()
    assert code(error) == "InternalError"
    assert "DescribeImportImageTasks" in str(error.value)


def test_the_newest_debian_is_found_by_owner_and_name(ec2: Any) -> None:
    """Mutant: another owner in images.json."""
    names = [{"Name": "name", "Values": ["debian-13-amd64-*"]}]
    found = ec2.describe_images(Owners=["136693071363"], Filters=names)["Images"]
    assert [image["ImageId"] for image in found] == [DEBIAN]
