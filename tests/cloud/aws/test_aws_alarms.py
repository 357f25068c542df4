"""From CloudWatch's alarms to the metrics that Prometheus alerts on: salt/aws_alarms' own program."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from aws_account import CHECKOUT, REGION, Account
from prometheus_client.parser import text_string_to_metric_families

PROGRAM = CHECKOUT / "salt/aws_alarms/files/aws_alarms.py"


def alarm(cloudwatch: Any, name: str, state: str) -> None:
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")


def run(account: Account, file: Path, endpoint: str | None = None) -> "subprocess.CompletedProcess[str]":
    environment = account.environment | {"AWS_DEFAULT_REGION": REGION}
    if endpoint:
        environment["AWS_ENDPOINT_URL"] = endpoint
    return subprocess.run(
        [sys.executable, PROGRAM, "saltwatch-", file],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def metrics(file: Path) -> dict[str, dict[str, float]]:
    """Return, by metric, value by alarm (empty: none)."""
    return {
        family.name: {sample.labels.get("alarm", ""): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(file.read_text())
    }


@pytest.fixture
def cloudwatch(account: Account) -> Any:
    return account.client("cloudwatch")


def test_states_become_metrics(account: Account, cloudwatch: Any, tmp_path: Path) -> None:
    # Mutants: without AlarmNamePrefix; INSUFFICIENT_DATA taken for active.
    states = {"saltwatch-one": "ALARM", "saltwatch-two": "INSUFFICIENT_DATA", "saltwatch-three": "OK"}
    for name, state in states.items():
        alarm(cloudwatch, name, state)
    alarm(cloudwatch, "theirs", "ALARM")
    file = tmp_path / "aws_alarms.prom"
    before = time.time()
    assert run(account, file).returncode == 0
    found = metrics(file)
    assert found["aws_cloudwatch_alarm_active"] == {name: float(name == "saltwatch-one") for name in states}
    (read,) = found["aws_cloudwatch_alarms_read_timestamp_seconds"].values()
    assert before - 1 <= read <= time.time() + 1
    assert file.stat().st_mode & 0o044 == 0o044, "the exporter cannot read it"
    cloudwatch.set_alarm_state(AlarmName="saltwatch-one", StateValue="OK", StateReason="a test")
    assert run(account, file).returncode == 0
    assert set(metrics(file)["aws_cloudwatch_alarm_active"].values()) == {0.0}


def test_what_was_read_stays_when_cloudwatch_is_silent(account: Account, tmp_path: Path) -> None:
    # Mutant: the file written before CloudWatch is asked.
    file = tmp_path / "aws_alarms.prom"
    file.write_text("as it was")
    answer = run(account, file, endpoint="http://127.0.0.1:9")
    assert answer.returncode != 0
    assert "Could not connect" in answer.stderr
    assert file.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [file]
