"""Faults made on purpose: their alerts fire, are delivered by HTTP and by mail, and resolve."""

import boto3
import pytest
import remote
from prometheus import Prometheus

from rehearsal import settings
from rehearsal.drill.command import Drill, Outcome
from rehearsal.drill.faults import FAULTS
from rehearsal.progress import Progress

pytestmark = [pytest.mark.drift, pytest.mark.region, pytest.mark.alone, pytest.mark.undisturbed]

QUICK = ["service_killed", "scrape_blocked"]


def _drill(names: list[str]) -> Outcome:
    own = settings.load()
    return Drill(own, Progress(own.logs)).run(names)


def _told(outcome: Outcome) -> list[str]:
    problems = [
        f"{r.fault.name}: {'; '.join(r.problems) or r.missing()}" for r in outcome.records if not r.passed
    ]
    return [*problems, *outcome.unexpected]


def _durations(prometheus: Prometheus) -> dict[str, float]:
    """Return the `for` of each alert, in seconds."""
    groups = prometheus.get("rules", type="alert")["groups"]
    return {rule["name"]: rule["duration"] for group in groups for rule in group["rules"]}


def _permissions() -> list[object]:
    filters = [{"Name": "tag:Fleet", "Values": ["saltwatch"]}]
    groups = boto3.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
    return sorted(
        (
            group["GroupName"],
            permission["IpProtocol"],
            str(permission.get("FromPort")),
            str(permission.get("ToPort")),
            repr(source),
        )
        for group in groups
        for permission in group["IpPermissions"]
        for source in (*permission["IpRanges"], *permission["UserIdGroupPairs"], *permission["PrefixListIds"])
    )


@pytest.mark.long
def test_two_faults_are_seen_from_injection_to_resolution(prometheus: Prometheus) -> None:
    """Side by side, which is what keeps a drill short.

    Mutants: `for` of ServiceDown an hour; the exporter not restarted, whose connection outlives the rule;
    `email` left out of the drill's receiver; the drill's pillar not lifted; the rule not authorized again.
    """
    durations, permissions = _durations(prometheus), _permissions()
    outcome = _drill(QUICK)
    assert _told(outcome) == []
    assert [record.fault.name for record in outcome.records] == QUICK
    assert _durations(prometheus) == durations
    assert _permissions() == permissions
    assert remote.run("app-1", "systemctl", "is-active", "app.service").strip() == "active"


@pytest.mark.long
@pytest.mark.parametrize("turn", [1, 2, 3])
def test_the_whole_drill_three_times(turn: int) -> None:
    """Mutants: those of each alert's rule; a fault that is mended by half, which the next turn meets."""
    outcome = _drill([])
    assert _told(outcome) == []
    assert {record.fault.name for record in outcome.records} | outcome.skipped.keys() == FAULTS.keys()
