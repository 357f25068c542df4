"""CloudWatch Logs as a second place for lines: of chosen services, by Alloy, with its host's role."""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import calls
import catalogue
import lines
import pytest
import remote
from prometheus import Prometheus
from store import Store

from rehearsal.region.client import Region

pytestmark = [pytest.mark.drift, pytest.mark.alone]

# Of each kind of source: JSON lines, lines of text, the journal.
SERVICES = ["app", "nginx", "ssh"]
REFUSED = {"effect": "error", "code": "InvalidParameterException", "status": 400, "times": None}
AWAY = {"effect": "error", "code": "ServiceUnavailableException", "status": 503, "times": None}


def _operator(*arguments: str) -> None:
    salt_call = Path(sys.executable).with_name("salt-call")
    command = [salt_call, "-c", "operator", "--out=json", "--retcode-passthrough", "state.apply", *arguments]
    done = subprocess.run(
        command, cwd=catalogue.CHECKOUT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _alloy(host: str, *arguments: str) -> None:
    answer = remote.salt(host, "state.apply", "alloy", *arguments)[host]
    assert all(state["result"] for state in answer.values()), answer


class Group:
    """The log group, as the operator reads it."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.name: str = catalogue.functions().log_group(catalogue.fleet())
        self.started = int(time.time() * 1000) - 60_000

    def stream(self, service: str) -> dict[str, str]:
        return {
            "logGroupName": self.name,
            "logStreamName": f"{service}-{catalogue.fleet()['env']}",
        }

    def events(self, service: str, text: str) -> list[dict[str, Any]]:
        """Return the events of a service, since the tests started, whose line has a text."""
        pages = {"startTime": self.started, "startFromHead": True}
        got = boto3.client("logs").get_log_events(**self.stream(service), **pages)["events"]
        return [
            event for event in map(json.loads, (each["message"] for each in got)) if text in event["body"]
        ]

    def write(self, text: str) -> None:
        """Write a warning with a text into the log of each service."""
        chosen = [each for each in lines.sources(self.host) if each["job"] in SERVICES]
        assert len(chosen) == len(SERVICES)
        lines.write(self.host, chosen, text)


@pytest.fixture(scope="module")
def group(real: Callable[[str], None]) -> Iterator[Group]:
    """The group, while the application's host writes to it; afterwards all is as pillar says."""
    real("alloy")
    found = Group(catalogue.host_of("app"))
    told = f"pillar={json.dumps({'fleet': {'cloudwatch_logs': {'services': SERVICES}}})}"
    try:
        _operator("aws.logs,aws.iam", told)
        _alloy(found.host, told)
        yield found
    finally:
        _alloy(found.host)
        _operator("aws.iam")
        boto3.client("logs").delete_log_group(logGroupName=found.name)


def test_a_line_is_in_its_service_s_stream(group: Group, eventually: Callable[..., Any]) -> None:
    """Once, with host and level, and in no other.

    Mutants: logs:PutLogEvents not in policies/logs.yaml; no stream made; signed for another service.
    """
    text = f"test-{secrets.token_hex(8)}"
    group.write(text)
    for service in SERVICES:
        (event,) = eventually(lambda service=service: group.events(service, text))
        assert event["attributes"].items() >= {"host": group.host, "level": "warning"}.items()
    assert [len(group.events(service, text)) for service in SERVICES] == [1, 1, 1]


def test_its_role_writes_to_no_other_stream(group: Group) -> None:
    """Mutant: `log-stream:*` in policies/logs.yaml."""
    event = {
        "logEvents": [{"timestamp": int(time.time() * 1000), "message": json.dumps({"body": "by hand"})}]
    }
    own, other = (("logs", "put_log_events", group.stream(name) | event) for name in ("app", "grafana"))
    assert calls.as_role(group.host, own, other) == ["ok", "AccessDenied"]
    making = ("logs", "create_log_stream", group.stream("grafana"))
    assert calls.as_role(group.host, making) == ["AccessDenied"]


@pytest.mark.region
def test_loki_does_not_wait_for_cloudwatch(
    group: Group, region: Region, real: Callable[[str], None], eventually: Callable[..., Any]
) -> None:
    """And CloudWatch gets what it missed when it is back.

    Mutants: Loki's receiver left out of `forward_to` where there are streams; `max_elapsed_time` of a second.
    """
    real("loki")
    loki, text = Store("loki"), f"test-{secrets.token_hex(8)}"
    region.set_faults({"service": "logs", "action": "PutLogEvents", **AWAY})
    group.write(text)
    query = f'{{host="{group.host}"}} |= "{text}"'
    eventually(
        lambda: {each["job"] for each in lines.streams(loki, query)}, lambda found: found == set(SERVICES)
    )
    eventually(lambda: region.faults()[0]["hits"])
    assert [group.events(service, text) for service in SERVICES] == [[], [], []]
    region.set_faults()
    for service in SERVICES:
        eventually(lambda service=service: group.events(service, text))


@pytest.mark.region
def test_what_cloudwatch_refuses_is_counted(
    group: Group, region: Region, prometheus: Prometheus, eventually: Callable[..., Any]
) -> None:
    """By what AlloyLogsNotInCloudWatch asks for. Mutant: the metric's name without `_total`."""
    region.set_faults({"service": "logs", "action": "PutLogEvents", **REFUSED})
    group.write(f"test-{secrets.token_hex(8)}")
    query = f'sum(otelcol_exporter_send_failed_log_records_total{{instance="{group.host}"}})'
    eventually(lambda: prometheus.value(query), lambda lines: lines is not None and lines >= len(SERVICES))
