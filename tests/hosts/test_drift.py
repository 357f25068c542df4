"""What someone changed by hand, on hosts and in AWS, is reported, mended by the next apply, and then gone."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import catalogue
import pytest
import remote
import saltcloud
import seeds
from hand import DRIFTS, Hand
from highstate import apply, changes, settle
from prometheus import Prometheus

pytestmark = [pytest.mark.drift, pytest.mark.alone]

SEED = 3006  # of the drifts; a failure names what was drifted
CONTROL = "salt-1"
TEXTFILES = "/var/lib/prometheus/node-exporter"


def report() -> list[dict[str, str]]:
    """Return the rows of ``salt-run drift.report``."""
    settle(*catalogue.hosts())
    rows: list[dict[str, str]] = json.loads(
        remote.run(CONTROL, "salt-run", "--out=json", "drift.report", timeout=900)
    )
    return rows


def by_host(rows: list[dict[str, str]]) -> dict[str, set[str]]:
    """Return the ids that are reported, by host."""
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["host"], set()).add(row["state"])
    return found


def samples(host: str, name: str) -> dict[str, float]:
    """Return the metrics of a host's textfile."""
    lines = remote.run(host, "cat", f"{TEXTFILES}/{name}.prom").splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
    return {key: float(value) for key, value in pairs}


def apply_aws(*arguments: str) -> set[str]:
    """Apply the foundation as the operator; return the ids that changed."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("salt-call"),
            "-c",
            "operator",
            "--out=json",
            "state.apply",
            *arguments,
        ],
        cwd=catalogue.CHECKOUT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    states = json.loads(done.stdout)["local"]
    assert isinstance(states, dict), states
    failed = {state["__id__"]: state["comment"] for state in states.values() if not state["result"]}
    assert not failed, failed
    return changes({"aws": states}).get("aws", set())


def reported_mended_gone(hosts: int, aws: int, foundation: str) -> None:
    """Make drifts, and compare what is reported with what was done, and with what an apply then changes.

    Args:
        hosts: how many of hosts.
        aws: how many of AWS.
        foundation: the states that mend those.
    """
    states = remote.salt("*", "state.show_lowstate")
    chosen, hand = seeds.drifts(states, hosts, SEED), Hand()
    done, expected = [], {"aws": {state for _, state in DRIFTS[:aws]}}
    assert len(expected["aws"]) == aws
    rows: list[dict[str, str]] = []
    try:
        for host, state, command in chosen:
            remote.run(host, *command)
            expected.setdefault(host, set()).add(state)
            done.append(f"{host}: {' '.join(command)}")
        for drift, _ in DRIFTS[:aws]:
            drift(hand)
        rows = report()
        counted = {host: samples(host, "salt_drift")["salt_drift_states"] for host in catalogue.hosts()}
    finally:
        applied = changes(apply()) | {"aws": apply_aws(foundation)}
    assert all(row["state"] for row in rows), rows
    reported = by_host(rows)
    assert {host: ids - _untold(host, states, chosen) for host, ids in reported.items()} == {
        host: ids - _untold(host, states, chosen) for host, ids in applied.items()
    }, done
    assert all(ids <= reported.get(host, set()) for host, ids in applied.items()), done
    assert all(row["what"] for row in rows)
    # Beside what was drifted, only what follows from it: a service that has to be restarted, say.
    assert applied["aws"] == expected["aws"], rows
    assert {host: ids - applied.get(host, set()) for host, ids in expected.items()} == {
        host: set() for host in expected
    }, done
    assert sum(len(ids) for ids in expected.values()) == hosts + aws
    assert counted == {host: len(reported.get(host, ())) for host in counted}
    assert report() == [], done


def _untold(host: str, states: dict[str, seeds.States], chosen: list[tuple[str, str, list[str]]]) -> set[str]:
    """Return the states of services that a prediction reports and an apply may find well.

    Their unit's file was gone and is back, or an earlier state of the same service has mended it.
    """
    gone = {
        Path(command[-1]).name.removesuffix(".service")
        for other, _, command in chosen
        if other == host and command[0] == "rm" and "/systemd/system/" in command[-1]
    }
    services = [state for state in states.get(host, ()) if state["state"] == "service"]
    names = [state["name"].removesuffix(".service") for state in services]
    return {
        state["__id__"]
        for state, name in zip(services, names, strict=True)
        if name in gone or (names.count(name) > 1 and "reload" in state)
    }


def test_drifts_are_reported_mended_and_gone(prometheus: Prometheus, eventually: Callable[..., Any]) -> None:
    """And metrics say so.

    Mutants: a state whose `test=True` stays silent; a host, or AWS, left out of the report; the record of a
    prediction left out; the control node's policy without ec2:DescribeVpcAttribute.
    """
    started = time.time()
    reported_mended_gone(hosts=10, aws=2, foundation="aws.security_groups")
    fresh = f"salt_drift_last_run_timestamp_seconds > {started}"
    hosts = set(catalogue.hosts())

    def seen(expression: str) -> set[str]:
        return {labels["instance"] for labels, _ in prometheus.query(expression)}

    eventually(lambda: seen(f"(salt_drift_states == 0) and on (instance) ({fresh})"), hosts.__eq__)
    fresh = f"salt_aws_drift_last_run_timestamp_seconds > {started}"
    eventually(lambda: seen(f"(salt_aws_drift_resources == 0) and on (instance) ({fresh})"), {CONTROL}.__eq__)


@pytest.mark.long
def test_thirty_drifts_are_reported_mended_and_gone() -> None:
    """Mutants: those of the short one; the network left out of what the control node compares."""
    reported_mended_gone(hosts=30 - len(DRIFTS), aws=len(DRIFTS), foundation="aws")


@pytest.mark.long
def test_an_instance_that_is_not_as_its_map_has_it() -> None:
    """Its type and a tag; and how docs/drift.md mends a tag. AWS changes the type of a stopped instance only.

    Mutants: the map not asked; tags left out of the driver's differences.
    """
    ec2 = boto3.client("ec2")
    host = catalogue.host_of("database")
    instance = saltcloud.instances()[host]
    (reservation,) = ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    size = reservation["Instances"][0]["InstanceType"]
    try:
        ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": "t3.large"})
        ec2.create_tags(Resources=[instance], Tags=[{"Key": "Role", "Value": "mine"}])
        (row,) = _aws_drift()
        found = samples(CONTROL, "salt_aws_drift")
    finally:
        ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": size})
        code, told = saltcloud.run("-a", "set_tags", host, "Role=database")
    assert code == 0, told
    assert row["state"] == f"instance {host}"
    assert json.loads(row["what"]) == {
        "size": {"is": "t3.large", "wanted": size},
        "tags": {"wanted": {"Role": "database"}},
    }
    assert found[f'salt_aws_drift{{resource="instance {host}"}}'] == 1
    assert _aws_drift() == []


def _aws_drift() -> list[dict[str, str]]:
    maps = json.dumps(["/srv/saltwatch/cloud.map"])
    rows: list[dict[str, str]] = remote.salt(CONTROL, "control_node.aws_drift", maps)[CONTROL]
    assert isinstance(rows, list), rows
    return rows


def test_a_host_applies_its_highstate_by_itself() -> None:
    """As its timer would. A run that fails says so, and leaves the time of the last success.

    Nobody is there to bring extension modules of which the master has others.

    Mutants: `salt-call test.true` in the unit, or no `saltutil.sync_all`; the time of the success written
    whatever failed.
    """
    host, unit = catalogue.host_of("app"), "salt-highstate.service"
    target = "/etc/systemd/system/salt-highstate.timer"
    settle(host)
    before = _runs(host)
    stale = "/var/cache/salt/minion/extmods/modules/stale.py"
    try:
        remote.run(host, "touch", stale)
        remote.run(host, "sh", "-c", f"rm {target} && mkdir {target}")  # what file.managed does not replace
        remote.run(host, "systemctl", "start", unit, timeout=600, check=False)
        failed = _runs(host)
    finally:
        remote.run(host, "rmdir", target)
        remote.run(host, "systemctl", "reset-failed", unit, check=False)
        mended = remote.salt(host, "state.apply", "highstate")[host]
    assert changes({host: mended}) == {host: {"highstate-timer-unit"}}
    assert before['salt_highstate_states{result="failed"}'] == 0
    assert failed['salt_highstate_states{result="failed"}'] > 0
    assert failed['salt_highstate_states{result="ok"}'] > 50
    last, success = (f"salt_highstate_last_{word}_timestamp_seconds" for word in ("run", "success"))
    assert failed[last] > before[last]
    assert failed[success] == before[success]


def _runs(host: str) -> dict[str, float]:
    return samples(host, "salt_highstate") | samples(host, "salt_highstate_success")


def test_every_host_s_last_highstate_is_known(prometheus: Prometheus, eventually: Callable[..., Any]) -> None:
    """Published by the master, too. Mutant: the record left out of the top file."""
    hosts = set(catalogue.hosts())
    for name in ("salt_highstate_last_run_timestamp_seconds", "salt_highstate_duration_seconds"):
        eventually(
            lambda name=name: {labels["instance"] for labels, _ in prometheus.query(f"{name} > 0")},
            hosts.__eq__,
        )


def test_the_control_node_knows_which_minions_are_connected(
    prometheus: Prometheus, eventually: Callable[..., Any]
) -> None:
    """Mutants: every accepted minion taken for connected; the timer not started."""
    hosts, host = set(catalogue.hosts()), catalogue.host_of("app")

    def told() -> set[str]:
        return {labels["minion"] for labels, _ in prometheus.query("salt_minion_up == 1")}

    def up() -> bool:
        remote.run(CONTROL, "systemctl", "start", "salt-status.service")
        return samples(CONTROL, "salt_status")[f'salt_minion_up{{minion="{host}"}}'] == 1

    remote.run(CONTROL, "systemctl", "is-active", "salt-status.timer")
    eventually(told, hosts.__eq__)
    assert prometheus.value('salt_keys{state="accepted"}') == len(hosts)
    try:
        remote.run(host, "systemctl", "stop", "salt-minion")
        eventually(up, lambda answer: not answer)
    finally:
        remote.run(host, "systemctl", "start", "salt-minion")
    eventually(up)
