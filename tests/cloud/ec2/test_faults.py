"""Maps under faults: the command ``salt-cloud`` in processes of its own, against the rehearsal's region.

Whatever has befallen a run, the next one ends with each member there once, complete, and with nothing else:
no second instance, no volume, interface, address, DNS record or key that is of no member.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.ec2.account import Account, Operator, Run, started, tags

pytestmark = pytest.mark.usefixtures("_real_time")

# Every call of a launch that changes something, and which of those of its name.
CHANGES = [
    ("RunInstances", 0),
    ("CreateTags", 0),
    ("AllocateAddress", 0),
    ("AssociateAddress", 0),
    ("ChangeResourceRecordSets", 0),
    ("CreateTags", 1),
]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with started(tmp_path_factory.mktemp("region")) as account:
        yield account


@pytest.fixture
def operator(account: Account, tmp_path: Path) -> Iterator[Callable[..., Operator]]:
    """Make somebody who runs salt-cloud; arguments are options of the profile ``web``."""

    def make(name: str = "salt", **profile: Any) -> Operator:
        return Operator(account, tmp_path / name, **profile)

    yield make
    account.clear()


def fault(action: str, effect: str, **more: Any) -> dict[str, Any]:
    return {"service": "*", "action": action, "effect": effect, **more}


def exactly(operator: Operator, *names: str, volumes_each: int = 2) -> None:
    """Check that each of these members is there once, complete, and that nothing else is."""
    account, ec2 = operator.account, operator.account.client()
    instances = {tags(one)["Name"]: one for one in account.instances()}
    assert account.names() == sorted(names)
    unfinished = [name for name, one in instances.items() if tags(one)["salt-cloud:bootstrap"] != "complete"]
    assert not unfinished
    ids = {one["InstanceId"] for one in instances.values()}
    volumes = ec2.describe_volumes()["Volumes"]
    assert {one["State"] for one in volumes} == {"in-use"}
    assert sorted(one["Attachments"][0]["InstanceId"] for one in volumes) == sorted(volumes_each * list(ids))
    interfaces = ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert sorted(one["Attachment"]["InstanceId"] for one in interfaces) == sorted(ids)
    addresses = ec2.describe_addresses()["Addresses"]
    own = sorted(one["NetworkInterfaceId"] for one in interfaces)
    assert sorted(one.get("NetworkInterfaceId", "none") for one in addresses) == own
    assert account.records() == {name: [one["PrivateIpAddress"]] for name, one in instances.items()}
    assert operator.keys() == sorted(names)


def clean(run: Run) -> None:
    """Check that a run has succeeded."""
    assert run.code == 0, run.errors
    assert "Error" not in run.output


@pytest.mark.parametrize(("action", "skip"), CHANGES)
def test_killed_after_a_change(operator, account, action, skip):
    """Mutants: the token not written down; a loose Elastic IP not found again; no tag while unfinished."""
    fleet = operator()
    account.region.set_faults(fault(action, "kill_caller", skip=skip))
    assert fleet.launch("web-1").code == -9
    clean(fleet.launch("web-1"))
    exactly(fleet, "web-1")


def test_killed_without_a_bootstrap(operator, account):
    """Mutant: a machine with ``deploy: False`` taken for complete as soon as it is launched."""
    fleet = operator(deploy=False)
    account.region.set_faults(fault("RunInstances", "kill_caller"))
    assert fleet.launch("web-1").code == -9
    run = fleet.launch("web-1")
    clean(run)
    assert run.result["web-1"]["tags"]["salt-cloud:bootstrap"] == "complete"
    exactly(fleet, "web-1")


@pytest.mark.long
def test_killed_at_each_call(operator, account):
    """Of a run of three members. Mutant: any change done once more, or not at all, after a kill."""
    counted = operator("counted")
    with account.counted() as calls:
        clean(counted.launch("web-1", "web-2", "web-3"))
    account.clear()
    for number in range(calls[0]):
        fleet = operator(f"killed-{number}")
        account.region.set_faults(fault("*", "kill_caller", skip=number))
        # The order of the members' calls differs between runs, and with it how many there are.
        assert fleet.launch("web-1", "web-2", "web-3").code == -9 or number > calls[0] - 4
        account.region.set_faults()
        clean(fleet.launch("web-1", "web-2", "web-3"))
        exactly(fleet, "web-1", "web-2", "web-3")
        account.clear()


def test_killed_again_and_again(operator, account):
    """Mutant: what one interrupted run has left hides from the second what the first has."""
    fleet = operator()
    for action in ("RunInstances", "AllocateAddress", "ChangeResourceRecordSets"):
        account.region.set_faults(fault(action, "kill_caller"))
        assert fleet.launch("web-1", "web-2").code == -9
    clean(fleet.launch("web-1", "web-2"))
    exactly(fleet, "web-1", "web-2")


@pytest.mark.parametrize("effect", ["error", "timeout_after_success"])
def test_each_change_fails_once(operator, account, effect):
    """With 500, 503, or a success that is not answered. Mutant: any of them fatal, or done twice."""
    fleet = operator()
    account.region.set_faults(
        *(fault(action, effect, skip=skip, status=500 + 3 * (number % 2), code="Unavailable")
          for number, (action, skip) in enumerate(CHANGES))
    )  # fmt: skip
    clean(fleet.launch("web-1", "web-2"))
    assert [rule["hits"] for rule in account.region.faults()] == [1] * len(CHANGES)
    exactly(fleet, "web-1", "web-2")


@pytest.mark.long
@pytest.mark.parametrize(
    ("effect", "more"),
    [
        ("error", {"status": 500, "code": "InternalError"}),
        ("error", {"status": 503, "code": "Unavailable"}),
        ("timeout_after_success", {}),
    ],
)
def test_each_call_fails_once(operator, account, effect, more):
    """Mutant: any call without retries, or one that cannot be repeated."""
    counted = operator("counted")
    with account.counted() as calls:
        clean(counted.launch("web-1", "web-2"))
    account.clear()
    for number in range(calls[0]):
        fleet = operator(f"failed-{number}")
        account.region.set_faults(fault("*", effect, skip=number, **more))
        clean(fleet.launch("web-1", "web-2"))
        account.region.set_faults()
        exactly(fleet, "web-1", "web-2")
        account.clear()


@pytest.mark.parametrize("members", [8, pytest.param(50, marks=pytest.mark.long)])
def test_throttled_launches(operator, account, members):
    """AWS's bucket of 2 a second is obeyed by all members together.

    Mutant: throttling fatal; a new token for each try.
    """
    fleet = operator()
    names = [f"web-{number:02}" for number in range(members)]
    account.region.set_faults(fault("RunInstances", "throttle", rate=2))
    run = fleet.launch(*names)
    clean(run)
    assert account.region.faults()[0]["hits"] > 0
    assert account.region.faults()[0]["seen"] < 2 * members
    exactly(fleet, *names)


def test_a_throttled_listing(operator, account):
    """Mutant: the first Describe's answer taken for an empty account."""
    fleet = operator()
    clean(fleet.launch("web-1"))
    throttled = fault("DescribeInstances", "error", status=503, code="RequestLimitExceeded")
    account.region.set_faults(throttled)
    clean(fleet.launch("web-1", "web-2"))
    assert account.region.faults()[0]["hits"] == 1
    exactly(fleet, "web-1", "web-2")


def test_a_refused_listing(operator, account):
    """D20 of the command itself, which then ends.

    Mutant: an ordinary exception in ``list_nodes_min``.
    """
    fleet = operator()
    clean(fleet.launch("web-1"))
    refused = fault("DescribeInstances", "error", status=403, code="UnauthorizedOperation", times=None)
    account.region.set_faults(refused)
    run = fleet.launch("web-1", "web-2")
    assert run.code != 0
    assert "allow it to the driver" in run.errors + run.output
    account.region.set_faults()
    exactly(fleet, "web-1")


def test_destroyed_and_launched_again_at_once(operator, account):
    """Mutants: a token of the dead machine; its volume, name or key taken for the new one's."""
    fleet = operator()
    clean(fleet.launch("web-1", "web-2"))
    before = {one["InstanceId"] for one in account.instances()}
    run = fleet.run("-d", "-m", fleet.map("web-1", "web-2"))
    assert run.code == 0, run.errors
    gone(fleet)
    clean(fleet.launch("web-1", "web-2"))
    exactly(fleet, "web-1", "web-2")
    assert not before & {one["InstanceId"] for one in account.instances()}


def gone(operator: Operator) -> None:
    """Check that nothing is left of a fleet but its volumes."""
    account = operator.account
    assert account.names() == []
    assert account.records() == {}
    assert operator.keys() == []
    assert not account.client().describe_addresses()["Addresses"]
    assert not account.client().describe_network_interfaces()["NetworkInterfaces"]


@pytest.mark.parametrize("action", ["TerminateInstances", "ReleaseAddress", "ChangeResourceRecordSets"])
def test_killed_while_destroying(operator, account, action):
    """The next run, whatever it is for, removes what the killed one had not yet.

    Mutants: nothing written down before TerminateInstances; ``finish`` not called in a run that launches.
    """
    fleet = operator(volumes=[])  # they would be kept
    clean(fleet.launch("web-1"))
    account.region.set_faults(fault(action, "kill_caller"))
    assert fleet.run("-d", "-m", fleet.map("web-1")).code == -9
    assert account.names() == []
    clean(fleet.launch("web-2"))
    exactly(fleet, "web-2", volumes_each=1)


@pytest.mark.long
def test_killed_at_each_call_of_a_destruction(operator, account):
    """Mutant: any of what is removed looked for at the living machine only."""
    counted = operator("counted")
    clean(counted.launch("web-1", "web-2"))
    with account.counted() as calls:
        assert counted.run("-d", "-m", counted.map("web-1", "web-2")).code == 0
    account.clear()
    for number in range(calls[0]):
        fleet = operator(f"killed-{number}")
        clean(fleet.launch("web-1", "web-2"))
        account.region.set_faults(fault("*", "kill_caller", skip=number))
        assert fleet.run("-d", "-m", fleet.map("web-1", "web-2")).code == -9
        account.region.set_faults()
        fleet.run("-d", "-m", fleet.map("web-1", "web-2"))
        gone(fleet)
        account.clear()


def test_unanswered_calls_of_a_destruction(operator, account):
    """Mutant: what AWS says of what is gone already taken for a failure."""
    fleet = operator()
    clean(fleet.launch("web-1"))
    changes = ("TerminateInstances", "DisassociateAddress", "ReleaseAddress", "ChangeResourceRecordSets")
    account.region.set_faults(*(fault(action, "timeout_after_success") for action in changes))
    run = fleet.run("-d", "-m", fleet.map("web-1"))
    assert run.code == 0, run.errors
    gone(fleet)


def test_a_failed_member(operator, account):
    """Makes the command fail, leaves the others complete, and is replaced by the next run.

    Mutants: exit code 0; the member skipped as existing; the failed machine left.
    """
    fleet = operator()
    run = fleet.launch("web-1", "web-2", FAILING="web-1")
    assert run.code == 1
    assert "was kept to be looked at" in run.output
    states = {tags(one)["Name"]: tags(one)["salt-cloud:bootstrap"] for one in account.instances()}
    assert states == {"web-1": "failed", "web-2": "complete"}
    before = {one["InstanceId"] for one in account.instances()}
    clean(fleet.launch("web-1", "web-2"))
    exactly(fleet, "web-1", "web-2")
    assert len(before & {one["InstanceId"] for one in account.instances()}) == 1


def test_a_stopped_member_and_a_subset(operator, account):
    """A map's members by name; a stopped one is started. Mutant: all of the map run, or it left stopped."""
    fleet = operator()
    clean(fleet.run("-m", fleet.map("web-1", "web-2", "web-3"), "-P", "web-1", "web-3"))
    exactly(fleet, "web-1", "web-3")
    key = (fleet.pki / "minions/web-1").read_text()
    (first,) = [one for one in account.instances() if tags(one)["Name"] == "web-1"]
    account.client().stop_instances(InstanceIds=[first["InstanceId"]])
    clean(fleet.launch("web-1", "web-3"))
    exactly(fleet, "web-1", "web-3")
    assert {one["State"]["Name"] for one in account.instances()} == {"running"}
    assert (fleet.pki / "minions/web-1").read_text() == key


def test_two_providers_of_one_account(operator, account):
    """Neither takes the other's machines for its own. Mutant: ``is_owned`` always True."""
    both = operator(providers={"ec2": {}, "other": {}})
    clean(both.run("-m", both.map("web-1"), "-P"))
    listed = both.run("-Q").result
    assert {alias: set(drivers["ec2"]) for alias, drivers in listed.items()} == {"ec2": {"web-1"}}
    alone = operator("alone", providers={"other": {}, "ec2": {}}, provider="other")
    clean(alone.launch("api-1"))
    assert both.run("-d", "api-1", "web-1").code == 0
    assert account.names() == []
