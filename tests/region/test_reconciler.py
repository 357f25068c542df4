"""The world that the hypervisor is shown, and when."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from rehearsal.model import Outside, Rule, Volume, World
from rehearsal.region.control import Control
from rehearsal.region.reconciler import Reconciler
from rehearsal.region.world import observe
from tests.region.local import LocalRegion

WAIT = 20.0  # seconds; a bound, nothing is measured by it


@pytest.fixture
def world(region: LocalRegion) -> Any:
    client = region.server.client("ec2")
    return lambda: observe(client)


@pytest.fixture
def reconciler(region: LocalRegion) -> Any:
    reconciler = region.server.reconciler
    reconciler.start()
    yield reconciler
    reconciler.stop()


def test_an_instance_as_the_hypervisor_sees_it(
    world: Any, ec2: Any, vpc: str, subnet: str, launch: Any
) -> None:
    """Mutants: groups of the instance alone; the root volume among the volumes; the Name tag not read."""
    group = ec2.create_security_group(GroupName="base", Description="-", VpcId=vpc)["GroupId"]
    interface = {
        "DeviceIndex": 0,
        "SubnetId": subnet,
        "Groups": [group],
        "PrivateIpAddress": "10.0.0.9",
        "AssociatePublicIpAddress": False,
    }
    instance_id = launch(
        NetworkInterfaces=[interface],
        BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 5}}],
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "loki-1"}]}],
    )["InstanceId"]
    loose = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=3)["VolumeId"]
    seen: World = world()
    [instance] = seen.instances
    assert (instance.id, instance.name, instance.running) == (instance_id, "loki-1", True)
    assert (instance.private_ip, instance.subnet) == (IPv4Address("10.0.0.9"), IPv4Network("10.0.0.0/24"))
    assert (instance.public_ip, instance.outside, instance.groups) == (None, Outside.NONE, (group,))
    [data] = [item for item in seen.volumes if item.id != loose]
    assert data == Volume(data.id, 5, instance_id, "/dev/sdf")
    assert Volume(loose, 3) in seen.volumes
    assert len(seen.volumes) == 2


def test_stopped_instances_exist_and_terminated_ones_do_not(world: Any, ec2: Any, launch: Any) -> None:
    """Mutant: GONE without "terminated", or with "stopped"."""
    stopped, terminated = launch()["InstanceId"], launch()["InstanceId"]
    ec2.stop_instances(InstanceIds=[stopped])
    ec2.terminate_instances(InstanceIds=[terminated])
    assert [(item.id, item.running) for item in world().instances] == [(stopped, False)]


def test_rules_of_groups(world: Any, ec2: Any, vpc: str) -> None:
    """Mutants: ports read for every protocol; those of icmp not, so that one type is all; peers dropped."""
    group = ec2.create_security_group(GroupName="base", Description="-", VpcId=vpc)["GroupId"]
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 443, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]},
            {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]},
            {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": "10.1.0.0/16"}]},
            {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]},
        ],
    )
    [seen] = [item for item in world().groups if item.id == group]
    assert set(seen.ingress) == {
        Rule("tcp", (80, 443), (IPv4Network("198.51.100.0/24"),)),
        Rule("icmp", (-1, -1), (IPv4Network("10.0.0.0/16"),)),
        Rule("icmp", (8, -1), (IPv4Network("10.1.0.0/16"),)),
        Rule("-1", None, (), (group,)),
    }
    assert (seen.name, seen.egress) == ("base", ())


def test_the_way_outside_is_the_route_tables(
    world: Any, ec2: Any, vpc: str, subnet: str, launch: Any
) -> None:
    """Mutants: a public address enough without a route; the main table not fallen back on."""
    private = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.10.0/24")["Subnet"]["SubnetId"]
    public = launch(
        NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": True}]
    )["InstanceId"]
    behind = launch(SubnetId=private)["InstanceId"]

    def ways() -> dict[str, tuple[Outside, IPv4Address | None]]:
        return {item.id: (item.outside, item.nat_address) for item in world().instances}

    assert ways() == {public: (Outside.NONE, None), behind: (Outside.NONE, None)}
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    elastic = ec2.allocate_address(Domain="vpc")
    answer = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=elastic["AllocationId"])
    nat = answer["NatGateway"]["NatGatewayId"]
    filters = [{"Name": "association.main", "Values": ["true"]}, {"Name": "vpc-id", "Values": [vpc]}]
    main = ec2.describe_route_tables(Filters=filters)["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    nat_address = IPv4Address(elastic["PublicIp"])
    assert ways() == {public: (Outside.PUBLIC, None), behind: (Outside.NAT, nat_address)}
    # With a public address, but a route that leads elsewhere.
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    assert ways()[public] == (Outside.NAT, nat_address)
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    assert ways() == {public: (Outside.PUBLIC, None), behind: (Outside.NONE, None)}


def test_each_change_is_shown_and_reads_are_not(
    region: LocalRegion, reconciler: Reconciler, ec2: Any, launch: Any
) -> None:
    """Mutants: `changed` not waking; every call waking."""
    instance_id = launch()["InstanceId"]
    assert reconciler.settle(WAIT)
    shown = len(region.hypervisor.worlds)
    assert [item.id for item in region.hypervisor.worlds[-1].instances] == [instance_id]
    ec2.describe_instances()
    region.client("iam").create_user(UserName="u")
    assert reconciler.settle(WAIT)
    assert len(region.hypervisor.worlds) == shown
    ec2.terminate_instances(InstanceIds=[instance_id])
    assert reconciler.settle(WAIT)
    assert region.hypervisor.worlds[-1].instances == ()


def test_a_world_that_could_not_be_made_true_is_shown_again(
    region: LocalRegion, reconciler: Reconciler, launch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutant: `_done` counted although reconciling failed."""
    failures = [RuntimeError("once"), RuntimeError("twice")]
    record = region.hypervisor.reconcile

    def failing(world: World) -> None:
        if failures:
            raise failures.pop()
        record(world)

    monkeypatch.setattr("rehearsal.region.reconciler.PERIOD", 0.01)
    monkeypatch.setattr(region.hypervisor, "reconcile", failing)
    instance_id = launch()["InstanceId"]
    assert reconciler.settle(WAIT)
    assert [item.id for item in region.hypervisor.worlds[-1].instances] == [instance_id]


def test_rebootinstances_reboots_the_host(
    region: LocalRegion, reconciler: Reconciler, ec2: Any, launch: Any
) -> None:
    """Mutant: `reboot_instances` left to moto, which does nothing."""
    instance_id = launch()["InstanceId"]
    ec2.reboot_instances(InstanceIds=[instance_id])
    assert reconciler.settle(WAIT)
    assert region.hypervisor.reboots == [instance_id]


@pytest.mark.parametrize(("behavior", "state"), [("stop", "stopped"), ("terminate", "terminated")])
def test_a_host_that_powers_itself_off(
    region: LocalRegion,
    reconciler: Reconciler,
    ec2: Any,
    launch: Any,
    monkeypatch: pytest.MonkeyPatch,
    behavior: str,
    state: str,
) -> None:
    """Mutant: `_powered_off` doing one for both."""
    monkeypatch.setattr("rehearsal.region.reconciler.PERIOD", 0.01)
    instance_id = launch(InstanceInitiatedShutdownBehavior=behavior)["InstanceId"]
    assert reconciler.settle(WAIT)
    shown = len(region.hypervisor.worlds)
    region.hypervisor.stopped.append(instance_id)
    reconciler.changed("ec2")  # a round, whose beginning finds the host
    assert reconciler.settle(WAIT)
    assert len(region.hypervisor.worlds) > shown
    described = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
    assert described["State"]["Name"] == state


def test_terminate_all_means_all(region: LocalRegion, reconciler: Reconciler, ec2: Any, launch: Any) -> None:
    """Mutant: termination protection left on."""
    ids = [launch()["InstanceId"], launch(DisableApiTermination=True)["InstanceId"]]
    control: Control = region.server.control
    answer = control._terminate_all(None)  # type: ignore[arg-type]
    assert (sorted(answer["terminated"]), answer["settled"]) == (sorted(ids), True)
    assert region.hypervisor.worlds[-1].instances == ()
    assert control._terminate_all(None)["terminated"] == []  # type: ignore[arg-type]
