"""Alloy: what is written on a host is in Loki with its labels."""

import secrets
from collections.abc import Callable
from typing import Any

import catalogue
import lines
import pytest
import remote
from store import Store
from website import Website


@pytest.fixture(scope="module")
def loki(real: Callable[[str], None]) -> Store:
    """Loki, where Alloy is too."""
    real("alloy")
    real("loki")
    return Store("loki")


def _role(host: str) -> str:
    role: str = catalogue.functions().roles(host, catalogue.fleet())[0]
    return role


def _labels(job: str, host: str, level: str) -> dict[str, str]:
    return {"job": job, "host": host, "role": _role(host), "env": catalogue.fleet()["env"], "level": level}


def test_a_line_in_the_journal_is_found(loki: Store, minion_id: str, eventually: Callable[..., Any]) -> None:
    """Mutants: systemd-journal none of Alloy's groups; the priority's name not translated."""
    text = f"test-{secrets.token_hex(8)}"
    remote.run(minion_id, "logger", "--tag", "saltwatch-test", "--priority", "user.err", text)
    # sudo writes its command down too, with another level.
    query = f'{{job="journal", host="{minion_id}", level="error"}} |= "{text}"'
    (labels,) = eventually(lambda: lines.streams(loki, query))
    assert _labels("journal", minion_id, "error").items() <= labels.items()


def test_a_line_of_salt_is_found(loki: Store, minion_id: str, eventually: Callable[..., Any]) -> None:
    """Mutants: the file of the minion's log not readable for adm; its level not taken from the line."""
    text = f"test-{secrets.token_hex(8)}"
    remote.salt(minion_id, "log.warning", text)
    query = f'{{job="salt_minion", host="{minion_id}"}} |= "{text}"'
    (labels,) = eventually(lambda: lines.streams(loki, query))
    assert _labels("salt_minion", minion_id, "warning").items() <= labels.items()


@pytest.mark.parametrize("job", ["http", "app"])
def test_a_request_is_found_by_its_trace(
    loki: Store, website: Website, eventually: Callable[..., Any], job: str
) -> None:
    """In nginx's log and in the application's. Mutants: trace_id a label; the log's time not taken."""
    trace, host = secrets.token_hex(16), catalogue.host_of("app")
    sent = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    assert website.ask("GET", "/test-telemetry", headers=sent).status == 200
    query = f'{{job="{job}"}} | trace_id="{trace}"'
    (labels, *_) = eventually(lambda: lines.streams(loki, query))
    assert _labels(job, host, labels["level"]).items() <= labels.items()
    assert labels["request_id"]
    series = loki.json("/loki/api/v1/series", **{"match[]": f'{{job="{job}"}}'})["data"]
    # Loki's own begin so: it splits a stream that is written fast.
    named = {label for each in series for label in each if not label.startswith("__")}
    assert named <= {"job", "host", "role", "env", "level"}
