"""What a launch asks of EC2, and what comes of it."""

import base64
from pathlib import Path

import pytest
from salt.exceptions import SaltCloudConfigError, SaltCloudException, SaltCloudNotFound


def launch_request(region):
    (request,) = region.calls.of("RunInstances")
    return request


def test_launch_is_as_the_profile_says(salt_cloud, region, launched, bootstrap):
    """Mutant: the image with the greatest name instead of the newest available one of the owner."""
    node = salt_cloud(size="t3.medium", iam_profile="web").create()
    request = launch_request(region)
    assert node["deployed"] is True
    assert request["ImageId"] == "ami-0000000000000new1"
    assert request["InstanceType"] == "t3.medium"
    assert request["KeyName"] == "fleet"
    assert request["IamInstanceProfile"] == {"Name": "web"}
    (interface,) = request["NetworkInterfaces"]
    assert interface["SubnetId"] == region.subnets["private"]
    assert interface["Groups"] == [region.groups["base"]]
    assert interface["DeleteOnTermination"] is True
    (vm_,) = bootstrap.called
    assert vm_["ssh_host"] == launched()[0]["PrivateIpAddress"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"tenancy": "dedicated"}, {"Placement": {"Tenancy": "dedicated"}}),
        ({"placementgroup": "close"}, {"Placement": {"GroupName": "close"}}),
        ({"ebs_optimized": True}, {"EbsOptimized": True}),
        ({"termination_protection": True}, {"DisableApiTermination": True}),
        ({"monitoring": True}, {"Monitoring": {"Enabled": True}}),
        ({"credit_specification": "standard"}, {"CreditSpecification": {"CpuCredits": "standard"}}),
        ({"hibernation": True}, {"HibernationOptions": {"Configured": True}}),
        ({"cpu_options": {"CoreCount": "2"}}, {"CpuOptions": {"CoreCount": 2}}),
        (
            {"launch_template": {"LaunchTemplateName": "web", "Version": "2"}},
            {"LaunchTemplate": {"LaunchTemplateName": "web", "Version": "2"}},
        ),
        (
            {"capacity_reservation": "none"},
            {"CapacityReservationSpecification": {"CapacityReservationPreference": "none"}},
        ),
        (
            {"capacity_reservation": "cr-1"},
            {
                "CapacityReservationSpecification": {
                    "CapacityReservationTarget": {"CapacityReservationId": "cr-1"},
                }
            },
        ),
        (
            {"capacity_reservation": {"CapacityReservationPreference": "open"}},
            {"CapacityReservationSpecification": {"CapacityReservationPreference": "open"}},
        ),
        ({"userdata": "#!/bin/sh\n"}, {"UserData": "#!/bin/sh\n"}),
        ({"iam_profile": "arn:aws:iam::1:instance-profile/web"},
         {"IamInstanceProfile": {"Arn": "arn:aws:iam::1:instance-profile/web"}}),
    ],
)  # fmt: skip
def test_options_of_the_instance(salt_cloud, region, options, expected):
    """Each option is in the request that botocore has validated. moto ignores several of them.

    Mutant: any option left out of ``launch.request``.
    """
    region.calls.fail("RunInstances", "Stop")  # some of these moto would refuse
    with pytest.raises(SaltCloudException):
        salt_cloud(**options).create()
    request = launch_request(region)
    assert {key: request.get(key) for key in expected} == expected


def test_options_that_are_not_set_are_not_sent(salt_cloud, region):
    """Mutant: None instead of leaving an option out."""
    salt_cloud().create()
    assert set(launch_request(region)) == {
        *("ImageId", "InstanceType", "MinCount", "MaxCount", "KeyName", "NetworkInterfaces", "ClientToken"),
        *("BlockDeviceMappings", "MetadataOptions", "TagSpecifications"),
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"assign_public_ip": True}, {"AssociatePublicIpAddress": True}),
        ({"assign_public_ip": False}, {"AssociatePublicIpAddress": False}),
        ({"private_ip": "10.0.1.77"}, {"PrivateIpAddress": "10.0.1.77"}),
        ({"ipv6_address_count": 1}, {"Ipv6AddressCount": 1}),
        ({"securitygroup": ["base", "web"]}, {"Groups": ["base", "web"]}),
        ({"securitygroupname": "web"}, {"Groups": ["web"]}),
    ],
)
def test_options_of_the_network(salt_cloud, region, options, expected):
    """Mutant: any of them left out of ``network.interfaces``."""
    region.calls.fail("RunInstances", "Stop")
    if "Groups" in expected:
        expected = {"Groups": [region.groups[name] for name in expected["Groups"]]}
        options = {"securitygroupname": None, **options}
    with pytest.raises(SaltCloudException):
        salt_cloud(**options).create()
    (interface,) = launch_request(region)["NetworkInterfaces"]
    assert {key: interface.get(key) for key in expected} == expected


def test_network_interfaces_each_for_itself(salt_cloud, region):
    """Keys in any case, as published profiles have them. Mutant: ``subnetname`` of an interface ignored."""
    region.calls.fail("RunInstances", "Stop")
    interfaces = [
        {"deviceindex": 0, "subnetname": "public", "SecurityGroupId": region.groups["web"],
         "associatepublicipaddress": True, "Description": "outside"},
        {"DeviceIndex": 1, "SubnetId": region.subnets["private"], "PrivateIpAddress": "10.0.1.9",
         "PrivateIpAddresses": ["10.0.1.10"], "DeleteOnTermination": False},
        {"DeviceIndex": 2, "NetworkInterfaceId": "eni-1"},
        {"DeviceIndex": 3, "SecondaryPrivateIpAddressCount": 2},
    ]  # fmt: skip
    with pytest.raises(SaltCloudException):
        salt_cloud(network_interfaces=interfaces).create()
    assert launch_request(region)["NetworkInterfaces"] == [
        {
            "DeviceIndex": 0,
            "SubnetId": region.subnets["public"],
            "Groups": [region.groups["web"]],
            "DeleteOnTermination": True,
            "AssociatePublicIpAddress": True,
            "Description": "outside",
        },
        {
            "DeviceIndex": 1,
            "SubnetId": region.subnets["private"],
            "Groups": [region.groups["base"]],
            "DeleteOnTermination": False,
            "PrivateIpAddresses": [
                {"PrivateIpAddress": "10.0.1.9", "Primary": True},
                {"PrivateIpAddress": "10.0.1.10", "Primary": False},
            ],
        },
        {"DeviceIndex": 2, "NetworkInterfaceId": "eni-1"},
        {
            "DeviceIndex": 3,
            "SubnetId": region.subnets["private"],
            "Groups": [region.groups["base"]],
            "DeleteOnTermination": True,
            "SecondaryPrivateIpAddressCount": 2,
        },
    ]


def test_without_a_subnet_the_zone_counts(salt_cloud, region):
    """Mutant: the zone sent beside a subnet, or never."""
    salt_cloud(subnetname=None, securitygroupname=None, availability_zone="eu-west-1b").create()
    request = launch_request(region)
    assert request["Placement"] == {"AvailabilityZone": "eu-west-1b"}
    assert request["NetworkInterfaces"] == [{"DeviceIndex": 0, "DeleteOnTermination": True}]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"subnetname": "privat"}, ["no subnet privat", "did you mean private"]),
        ({"subnetname": None, "subnetid": "subnet-0"}, ["no subnet subnet-0"]),
        ({"securitygroupname": ["bsae"]}, ["no security group bsae", "did you mean base"]),
        ({"securitygroupname": ["zzz"]}, ["no security group zzz", "there are: base"]),
        ({"image": "no-such-*"}, ["no available image no-such-*"]),
        ({"owner": "111111111111"}, ["no available image", "of 111111111111"]),
    ],
)
def test_what_is_missing_is_named(salt_cloud, region, options, words):
    """And nothing is launched. Mutant: the choice left out of the message, or the check of either."""
    with pytest.raises((SaltCloudNotFound, SaltCloudException)) as failure:
        salt_cloud(**options).create()
    for word in words:
        assert word in str(failure.value)
    assert not region.calls.of("RunInstances")


def test_two_subnets_of_one_name(salt_cloud, region):
    """Mutant: the first one taken."""
    tags = [{"Key": "Name", "Value": "private"}]
    region.ec2.create_tags(Resources=[region.subnets["other"]], Tags=tags)
    with pytest.raises(SaltCloudConfigError, match="several subnets are named private"):
        salt_cloud().create()


def test_a_pattern_needs_an_owner(salt_cloud, region):
    """Anybody may publish an image of any name. Mutant: the owner defaulting to everybody."""
    with pytest.raises(SaltCloudConfigError, match="set `owner`"):
        salt_cloud(providers={"ec2": {"driver": "ec2", "location": "eu-west-1"}}).create()


def test_image_by_parameter_and_by_id(salt_cloud, region, monkeypatch):
    """Mutant: ``ssm:`` taken for a pattern."""
    import boto3

    boto3.client("ssm", "eu-west-1").put_parameter(
        Name="/images/web", Value="ami-0000000000000old1", Type="String"
    )
    salt_cloud(image="ssm:/images/web").create()
    assert launch_request(region)["ImageId"] == "ami-0000000000000old1"


def test_userdata_from_a_file_is_rendered(salt_cloud, region, tmp_path):
    """Mutant: the file sent as it is."""
    (tmp_path / "userdata").write_text("#!/bin/sh\necho {{ opts.name }}\n")
    salt_cloud(userdata_file=str(tmp_path / "userdata"), userdata_template="jinja").create("web-7")
    sent = launch_request(region)["UserData"]  # which boto3 has encoded
    assert base64.b64decode(sent).decode().startswith("#!/bin/sh\necho web-7")


def test_userdata_file_that_is_missing(salt_cloud, region):
    """Mutant: an empty text instead."""
    with pytest.raises(SaltCloudConfigError, match="userdata_file"):
        salt_cloud(userdata_file="/nowhere").create()
    assert not region.calls.of("RunInstances")


def test_root_volume_and_mappings(salt_cloud, region):
    """Mutant: gp3 or encryption not the default, or not overridable."""
    region.calls.fail("RunInstances", "Stop")  # moto knows no VirtualName
    cloud = salt_cloud(
        root_volume={"size": "20", "iops": 4000},
        block_device_mappings=[
            {"DeviceName": "/dev/xvda", "Ebs.VolumeType": "io2", "Ebs.Encrypted": False},
            {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": "5"}},
            {"DeviceName": "/dev/sdh", "VirtualName": "ephemeral0"},
        ],
        del_all_vols_on_destroy=True,
    )
    with pytest.raises(SaltCloudException):
        cloud.create()
    root, second, third = launch_request(region)["BlockDeviceMappings"]
    assert root == {
        "DeviceName": "/dev/xvda",
        "Ebs": {
            "VolumeSize": 20,
            "VolumeType": "io2",
            "Iops": 4000,
            "Encrypted": False,
            "DeleteOnTermination": True,
        },
    }
    assert second == {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 5, "DeleteOnTermination": True}}
    assert third == {"DeviceName": "/dev/sdh", "VirtualName": "ephemeral0"}


def test_root_volume_may_be_kept(salt_cloud, region):
    """Mutant: ``del_root_vol_on_destroy: False`` taken for "not set"."""
    salt_cloud(del_root_vol_on_destroy=False).create()
    (root,) = launch_request(region)["BlockDeviceMappings"]
    assert root["Ebs"]["DeleteOnTermination"] is False
    assert root["Ebs"]["VolumeType"] == "gp3"
    assert root["Ebs"]["Encrypted"] is True


def test_private_key_is_checked_before_anything_is_done(salt_cloud, region, tmp_path):
    """Mutant: the check left to the bootstrap, with the machine running."""
    for path, mode, words in (("nowhere", None, "does not exist"), ("open", 0o644, "read by others")):
        if mode:
            (tmp_path / path).touch(mode)
        with pytest.raises(SaltCloudConfigError, match=words):
            salt_cloud(private_key=str(tmp_path / path)).create()
    assert not region.calls.of("RunInstances")


def test_home_in_private_key(salt_cloud, bootstrap, tmp_path, monkeypatch):
    """Mutant: ``~`` taken for the name of a directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    salt_cloud(private_key="~/fleet.pem").create()
    assert bootstrap.called[0]["key_filename"] == str(tmp_path / "fleet.pem")


def test_file_map_is_found_and_complete(salt_cloud, bootstrap, region, tmp_path):
    """Salt's own deploy scripts are found by name. Mutant: a missing file only logged, as Salt does."""
    (tmp_path / "salt").mkdir()
    (tmp_path / "salt/bundle").touch()
    salt_cloud(file_map={"bundle": "/b", "bootstrap-salt.sh": "/s"}).create()
    (vm_,) = bootstrap.called
    first, second = vm_["file_map"]
    assert first == str(tmp_path / "salt/bundle")
    assert second.endswith("cloud/deploy/bootstrap-salt.sh")
    with pytest.raises(SaltCloudConfigError, match="file_map: nowhere is in none of"):
        salt_cloud(file_map={"nowhere": "/n"}).create("web-2")
    assert len(region.calls.of("RunInstances")) == 1


def test_name_in_the_private_zone(salt_cloud, region, launched):
    """Written at create, gone after destroy. Mutant: either left out."""
    cloud = salt_cloud(private_zone="example.internal")
    cloud.create()
    (instance,) = launched()

    def records():
        found = region.route53.list_resource_record_sets(HostedZoneId=region.zone)["ResourceRecordSets"]
        return {one["Name"]: one["ResourceRecords"] for one in found if one["Type"] == "A"}

    assert records() == {"web-1.example.internal.": [{"Value": instance["PrivateIpAddress"]}]}
    cloud.destroy("web-1")
    assert records() == {}


def test_a_zone_that_is_not_there(salt_cloud):
    """Mutant: the record silently not written."""
    with pytest.raises(SaltCloudException, match="no private hosted zone nowhere"):
        salt_cloud(private_zone="nowhere.internal").create()


def test_events(salt_cloud, monkeypatch):
    """In the order and with the tags that reactors know. Mutant: any tag changed."""
    import salt.loader

    tags = []
    patched = salt.loader.utils

    def utils(*args, **kwargs):
        loader = patched(*args, **kwargs)
        loader["cloud.fire_event"]
        loader._dict["cloud.fire_event"] = lambda key, msg, tag, **more: tags.append(tag)
        return loader

    monkeypatch.setattr(salt.loader, "utils", utils)
    cloud = salt_cloud()
    cloud.create("silent-1")  # no master is here to hear
    assert tags == []
    socket = Path(cloud.opts()["sock_dir"]) / "master_event_pull.ipc"
    socket.parent.mkdir(parents=True)
    socket.touch()
    cloud.create()
    cloud.destroy("web-1")
    assert [tag.removeprefix("salt/cloud/web-1/") for tag in tags] == [
        *("creating", "requesting", "querying", "tagging", "waiting_for_ssh", "created"),
        *("destroying", "destroyed"),
    ]


def test_master_finger_of_the_master_here(salt_cloud, bootstrap):
    """Salt hands it out only where it has launched the master. Mutant: never set."""
    import salt.utils.cloud

    cloud = salt_cloud()
    cloud.create("web-1")
    cloud.pki.mkdir(parents=True, exist_ok=True)
    (cloud.pki / "master.pub").write_text(salt.utils.cloud.gen_keys()[1])
    cloud.create("web-2")
    first, second = bootstrap.called
    assert "master_finger" not in first
    assert second["master_finger"].count(":") == 31
