"""The log group of services' lines and who may write to it: against the requirement, and its drift."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from aws_account import LOGS, Account, States, changed, empty_account
from judged import findings, listed, of_roles
from test_minimal import Call, permitted

GROUP = "/saltwatch/services"
STREAMS = {"app-dev", "alertmanager-dev", "ssh-dev"}
ARN = f"arn:aws:logs:eu-west-1:123456789012:log-group:{GROUP}:log-stream:"
# By the role of an instance profile: prometheus-1 runs Alertmanager, too.
WRITERS = {"app": {"app-dev", "ssh-dev"}, "prometheus": {"alertmanager-dev", "ssh-dev"}, "loki": {"ssh-dev"}}
MADE = {"aws-logs-group", *(f"aws-logs-stream-{stream}" for stream in STREAMS)}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account of an operator who has chosen services, and nothing else."""
    with empty_account(tmp_path_factory.mktemp("operator"), parts=[], logs=LOGS) as made:
        yield made


@pytest.fixture(scope="module")
def applied(account: Account) -> States:
    predicted = account.apply("aws.logs", "test=True")
    assert account.client("logs").describe_log_groups()["logGroups"] == [], "test=True wrote something"
    states = account.apply("aws.logs")
    assert changed(predicted) == changed(states)
    assert set(changed(states)) == MADE
    return states


def streams(account: Account) -> set[str]:
    found = account.client("logs").describe_log_streams(logGroupName=GROUP)["logStreams"]
    return {stream["logStreamName"] for stream in found}


def test_group_and_streams_are_there_for_a_week(account: Account, applied: States) -> None:
    # Mutants: `days: 30` in the state; the environment left out of a stream's name; no tags.
    logs = account.client("logs")
    (group,) = logs.describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == (GROUP, 7)
    assert logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"]["Fleet"] == "saltwatch"
    assert streams(account) == STREAMS


def test_what_is_gone_comes_back(account: Account, applied: States) -> None:
    # Mutants: stream_present that asks for the group only; `read` without the days.
    logs = account.client("logs")
    logs.delete_log_stream(logGroupName=GROUP, logStreamName="app-dev")
    logs.create_log_stream(logGroupName=GROUP, logStreamName="app-dev-2")  # begins as ours does
    logs.delete_retention_policy(logGroupName=GROUP)
    predicted, states = account.apply("aws.logs", "test=True"), account.apply("aws.logs")
    assert changed(predicted) == changed(states)
    assert set(changed(states)) == {"aws-logs-group", "aws-logs-stream-app-dev"}
    logs.delete_log_stream(logGroupName=GROUP, logStreamName="app-dev-2")
    assert changed(account.apply("aws.logs")) == {}
    test_group_and_streams_are_there_for_a_week(account, states)


def test_the_whole_has_it_where_services_are_chosen(account: Account, applied: States) -> None:
    # Mutant: aws.logs not included in init.sls, or always.
    assert set(account.apply("aws", "test=True")) >= MADE
    account.pillar(parts=[])
    assert not MADE & set(account.apply("aws", "test=True"))
    account.pillar(parts=[], logs=LOGS)


@pytest.fixture(scope="module")
def policies(account: Account) -> dict[str, list[dict[str, Any]]]:
    """Return the statements about logs of each role that has some."""
    account.apply("aws.iam")
    found = {}
    for role, policy in of_roles(account.client("iam")).items():
        assert findings(policy) == set(), role
        own = [each for each in policy["Statement"] if "logs:" in str(each["Action"])]
        found[role.removeprefix("saltwatch-")] = own
    return found


@pytest.mark.parametrize("role", WRITERS)
def test_a_role_writes_to_the_streams_of_its_hosts(
    policies: dict[str, list[dict[str, Any]]], role: str
) -> None:
    # And may do nothing else there. Mutants: `log-stream:*`; streams of the role's own services only, without
    # Alertmanager's; logs:CreateLogStream beside PutLogEvents; without that action.
    allowed = {stream for stream in STREAMS if permitted(policies[role], _writing(stream))}
    assert allowed == WRITERS[role]
    actions = {action for statement in policies[role] for action in listed(statement["Action"])}
    assert actions == {"logs:PutLogEvents"}
    assert not permitted(policies[role], _writing("app-prod"))
    for stream in WRITERS[role]:
        assert not permitted(policies[role], _writing(stream), without="logs:PutLogEvents")


def _writing(stream: str) -> Call:
    return Call("logs:PutLogEvents", ARN + stream, "otelcol.exporter.otlphttp of salt/alloy")


def test_a_service_without_logs_is_named(account: Account) -> None:
    # Mutant: the check in fleet.log_streams left out: a stream that nobody ever writes to.
    account.pillar(parts=[], logs=["ping"])
    answer = account.apply("aws", fails=True)
    account.pillar(parts=[], logs=LOGS)
    assert (
        "fleet:cloudwatch_logs:services: expected services of the catalogue that have logs, not ping"
        in str(answer)
    )


def test_lines_are_kept_unless_told_twice(account: Account, applied: States) -> None:
    # Mutant: `/saltwatch/` missing among the prefixes of absent.sls.
    logs = account.client("logs")
    event = {"timestamp": int(time.time() * 1000), "message": "a line"}
    logs.put_log_events(logGroupName=GROUP, logStreamName="app-dev", logEvents=[event])
    refused = account.apply("aws.absent", fails=True)
    assert GROUP in refused["aws-absent-groups"]["comment"]
    account.apply("aws.absent", 'pillar={"aws": {"delete_data": true}}')
    assert logs.describe_log_groups()["logGroups"] == []
