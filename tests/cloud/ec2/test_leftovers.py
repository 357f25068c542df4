"""What a machine has beside itself: addresses, records, keys. None is lost, none is somebody else's."""

import pytest
from _ec2.state import State
from salt.exceptions import SaltCloudException, SaltCloudExecutionFailure

from tests.cloud.ec2.account import tags

ALLOCATES = {"network_interfaces": [{"DeviceIndex": 0, "allocate_new_eip": True}]}


class Killed(BaseException):
    """Nobody catches it, as nobody catches SIGKILL."""


def killed_at(region, operation):
    """Have the process end as soon as an operation has succeeded."""
    ordinary = region.calls._make

    def aws(client, made, request):
        answer = ordinary(client, made, request)
        if made == operation:
            region.calls._make = ordinary
            raise Killed
        return answer

    region.calls._make = aws


def addresses(region):
    return {one["PublicIp"]: one for one in region.ec2.describe_addresses()["Addresses"]}


def records(region):
    found = region.route53.list_resource_record_sets(HostedZoneId=region.zone)["ResourceRecordSets"]
    return {one["Name"].split(".")[0] for one in found if one["Type"] == "A"}


@pytest.mark.parametrize("by", ["AllocationId", "PublicIp"])
def test_an_address_of_ones_own(salt_cloud, region, by):
    """Associated, and never released. Mutant: released with the machine; looked for under the wrong key."""
    own = region.ec2.allocate_address(Domain="vpc")
    interface = {"DeviceIndex": 0, "associate_eip": own[by], "SourceDestCheck": False}
    cloud = salt_cloud(network_interfaces=[interface])
    assert cloud.create()["public_ips"] == [own["PublicIp"]]
    (found,) = region.ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert found["SourceDestCheck"] is False
    cloud.destroy("web-1")
    assert list(addresses(region)) == [own["PublicIp"]]


def test_an_address_for_each_private_one(salt_cloud, region):
    """Mutant: one only; or ``allocate_new_eip`` giving one to each too."""
    ordinary = region.calls._make

    def aws(client, operation, request):
        if operation == "AssociateAddress":
            return {}
        answer = ordinary(client, operation, request)
        if operation == "DescribeInstances":  # moto gives an interface one address
            for reservation in answer["Reservations"]:
                second = {"PrivateIpAddress": "10.0.1.250", "Primary": False}
                reservation["Instances"][0]["NetworkInterfaces"][0]["PrivateIpAddresses"].append(second)
        return answer

    region.calls._make = aws
    cloud = salt_cloud(network_interfaces=[{"DeviceIndex": 0, "allocate_new_eips": True}])
    first = cloud.create()["private_ips"][0]
    associated = [one["PrivateIpAddress"] for one in region.calls.of("AssociateAddress")]
    assert associated == [first, "10.0.1.250"]
    cloud = salt_cloud(**ALLOCATES)
    cloud.create("web-2")
    assert len(region.calls.of("AssociateAddress")) == 3


def test_an_address_is_not_lost_between_two_calls(salt_cloud, region):
    """A kill leaves one allocated: it is taken, and what is over is released.

    Mutants: a new one allocated; another machine's taken.
    """
    cloud = salt_cloud(**ALLOCATES)
    killed_at(region, "AllocateAddress")
    with pytest.raises(BaseException):  # noqa: B017 - salt-cloud makes of it what it likes
        cloud.create()
    assert len(addresses(region)) == 1
    for name in ("web-1", "web-2"):
        given = [{"Key": "Name", "Value": name}, {"Key": "salt-cloud:provider", "Value": "ec2"}]
        region.ec2.allocate_address(
            Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": given}]
        )
    cloud.create()
    left = {address: tags(one)["Name"] for address, one in addresses(region).items()}
    assert sorted(left.values()) == ["web-1", "web-2"]


def test_a_try_whose_answer_was_lost_has_allocated_too(salt_cloud, region):
    """botocore says that it has tried again. Mutant: what the first try has made left."""
    ordinary = region.calls._make

    def aws(client, operation, request):
        answer = ordinary(client, operation, request)
        if operation == "AllocateAddress":
            answer = ordinary(client, operation, request)
            answer["ResponseMetadata"]["RetryAttempts"] = 1
        return answer

    region.calls._make = aws
    node = salt_cloud(**ALLOCATES).create()
    assert list(addresses(region)) == node["public_ips"]


def test_what_is_gone_already_is_no_failure(salt_cloud, region):
    """Mutants: AWS's words for it fatal; every refusal passed over."""
    cloud = salt_cloud(**ALLOCATES, private_zone="example.internal")
    cloud.create()
    region.calls.fail("DisassociateAddress", "InvalidAssociationID.NotFound")
    region.calls.fail("ReleaseAddress", "InvalidAllocationID.NotFound")
    region.calls.fail("ChangeResourceRecordSets", "InvalidChangeBatch")
    cloud.destroy("web-1")
    cloud.create("web-2")
    region.calls.fail("ReleaseAddress", "UnauthorizedOperation")
    with pytest.raises(SaltCloudExecutionFailure, match=r"releasing .*allow it to the driver"):
        cloud.destroy("web-2")


@pytest.mark.parametrize("again", [False, True])
def test_an_interrupted_destruction_is_finished(salt_cloud, region, again):
    """By the next run that launches anything; the key of a name that is in use again stays.

    Mutants: no word left before TerminateInstances; the new machine's key removed.
    """
    cloud = salt_cloud(**ALLOCATES, private_zone="example.internal")
    cloud.create()
    (cloud.pki / "master.pem").touch()
    killed_at(region, "TerminateInstances")
    with pytest.raises(Killed):
        cloud.destroy("web-1")
    assert len(addresses(region)) == 1
    assert records(region) == {"web-1"}
    if again:
        named = [{"Key": "Name", "Value": "web-1"}, {"Key": "salt-cloud:provider", "Value": "ec2"}]
        region.ec2.run_instances(
            ImageId="ami-0000000000000new1",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": named}],
        )
    # salt-cloud asks this first, in a process that has no part in this one's region.
    cloud.mapper(profile="web").clouds["ec2.list_nodes_min"]()
    assert addresses(region) == {}
    assert records(region) == set()
    assert (cloud.pki / "minions/web-1").exists() == again


def test_a_destruction_that_never_began(salt_cloud, region):
    """A machine that lives keeps what it has. Mutant: word of its end believed."""
    cloud = salt_cloud(**ALLOCATES)
    id_ = cloud.create()["id"]
    State(cloud.state).write(f"terminating-{id_}", {"instance": {}, "addresses": [], "for_good": True})
    cloud.run_map({"web": ["web-1"]})
    assert len(addresses(region)) == 1
    assert State(cloud.state).names("terminating-") == []


def test_records_and_keys_of_no_machine(salt_cloud, region):
    """Mutants: those of a living machine reported; none looked for."""
    provider = {"driver": "ec2", "location": "eu-west-1", "owner": "136693071363"}
    cloud = salt_cloud(providers={"ec2": provider | {"private_zone": "example.internal"}})
    cloud.create()
    change = {
        "Name": "old-1.example.internal",
        "Type": "A",
        "TTL": 30,
        "ResourceRecords": [{"Value": "10.0.1.250"}],
    }
    region.route53.change_resource_record_sets(
        HostedZoneId=region.zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": change}]}
    )
    assert cloud.function("leaks")["records"] == ["old-1.example.internal"]


def test_a_default_vpc(salt_cloud, region):
    """Where no subnet is named, groups are its. Mutant: groups of any VPC."""
    vpcs = region.ec2.describe_vpcs()["Vpcs"]
    (default,) = [one["VpcId"] for one in vpcs if one["IsDefault"]]
    group = region.ec2.create_security_group(GroupName="web", VpcId=default, Description="-")["GroupId"]
    salt_cloud(subnetname=None, securitygroupname=["web"], deploy=False).create()
    assert region.calls.of("RunInstances")[0]["NetworkInterfaces"][0]["Groups"] == [group]


def test_no_default_vpc(salt_cloud, region):
    """Mutant: AWS's own answer, VPCIdNotSpecified."""
    ordinary = region.calls._make
    region.calls._make = lambda client, operation, request: (
        {"Vpcs": []} if operation == "DescribeVpcs" else ordinary(client, operation, request)
    )
    with pytest.raises(SaltCloudException, match="no default VPC: set `subnetname`"):
        salt_cloud(subnetname=None, deploy=False).create()
    assert not region.calls.of("RunInstances")


def test_a_gateway(salt_cloud, bootstrap, tmp_path):
    """Mutants: its key not checked, its port or user not handed over."""
    key = tmp_path / "gateway.pem"
    key.touch(0o600)
    salt_cloud(
        ssh_gateway="192.0.2.1",
        ssh_gateway_port=2222,
        ssh_gateway_username="jump",
        ssh_gateway_private_key=str(key),
    ).create()
    assert bootstrap.called[0]["gateway"] == {
        "ssh_gateway": "192.0.2.1",
        "ssh_gateway_port": 2222,
        "ssh_gateway_user": "jump",
        "ssh_gateway_key": str(key),
        "ssh_gateway_command": "nc -q0 %h %p",
    }


def test_an_interface_without_an_address(salt_cloud, bootstrap):
    """Mutant: None handed to the bootstrap."""
    with pytest.raises(
        SaltCloudException, match="has no address of public_ips; set `ssh_interface: private_ips`"
    ):
        salt_cloud(salt_interface="public_ips").create()
    assert not bootstrap.called


def test_a_bootstrap_that_only_says_what_failed(salt_cloud, bootstrap):
    """Mutant: the machine taken for complete."""
    bootstrap.answers = [{"deployed": True, "File Upload Failure": ["/x"]}]
    with pytest.raises(SaltCloudException, match="these files do not exist here"):
        salt_cloud().create()


def test_an_error_of_the_driver_itself(salt_cloud, region, monkeypatch):
    """Salt would crash, and lose the other members' results. Mutant: passed on as it is."""
    from _ec2 import schema

    def broken(*_):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(schema, "validate", broken)
    output = salt_cloud().run_map({"web": ["web-1"]})
    assert "web-1: creating it: oops" in output["web-1"]["Error"]


def test_a_protected_machine_leaves_no_word_of_its_end(salt_cloud, region):
    """Mutant: the entry left; the next run would take its addresses."""
    cloud = salt_cloud(**ALLOCATES)
    cloud.create()
    region.calls.fail("TerminateInstances", "OperationNotPermitted")
    with pytest.raises(SaltCloudExecutionFailure, match="termination protection may be on"):
        cloud.destroy("web-1")
    assert State(cloud.state).names("terminating-") == []
    assert len(addresses(region)) == 1


@pytest.mark.parametrize("done", [True, False])
def test_an_attachment_whose_answer_was_lost(salt_cloud, region, done):
    """AWS refuses the second try. Mutants: that fatal; a volume that another machine has got passed over."""
    volume = region.ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
    cloud = salt_cloud(volumes=[{"volume_id": volume, "device": "/dev/sdg"}])
    region.calls.fail("AttachVolume", "VolumeInUse", after=done)
    if done:
        assert cloud.create()["deployed"] is True
    else:
        with pytest.raises(SaltCloudException, match="VolumeInUse"):
            cloud.create()
