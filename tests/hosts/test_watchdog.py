"""Somebody notices when alerts are told no more: when Alertmanager is gone, and when Prometheus is."""

from collections.abc import Callable, Iterator
from typing import Any

import catalogue
import pytest
import remote
from prometheus import Prometheus
from sink import apply, sinks

from rehearsal.sinks import Sinks

ROW = catalogue.fleet()["services"]["watchdog"]
HOST, ALERTING = catalogue.host_of(ROW["role"]), catalogue.host_of("alertmanager")
TIMEOUT = 10  # seconds


def _silent() -> str:
    told = remote.run(HOST, "curl", "--silent", f"http://localhost:{ROW['port']}/metrics")
    (line,) = (line for line in told.splitlines() if line.startswith("watchdog_silent "))
    return line.split()[1]


def test_the_watchdog_is_heard(prometheus: Prometheus, eventually: Callable[..., Any]) -> None:
    """Mutants: the consumer left out of Alertmanager's receivers; no rule for it in the security groups."""
    age = 'time() - watchdog_last_received_timestamp_seconds{job="watchdog"}'
    eventually(
        lambda: prometheus.value(age), lambda seconds: seconds is not None and seconds < 120, seconds=180
    )
    assert _silent() == "0.0"


@pytest.fixture
def inbox() -> Iterator[Sinks]:
    """What the consumer tells, which waits for a short time only; afterwards all is as pillar says."""
    with sinks() as found:
        mail = {
            "to": "a@example.org",
            "from": "b@example.org",
            "smarthost": found.smarthost,
            "require_tls": False,
        }
        own = {"timeout": TIMEOUT, "webhook": {"url": f"{found.url}/watchdog"}, "mail": mail}
        try:
            apply(
                ALERTING,
                "alertmanager",
                {"routes": {"none": {"group_interval": "1s", "repeat_interval": "2s"}}},
            )
            apply(HOST, "watchdog", own)
            yield found
        finally:
            apply(HOST, "watchdog", {})
            apply(ALERTING, "alertmanager", {})


def _told(inbox: Sinks) -> tuple[list[Any], list[str]]:
    posts = [alert for post in inbox.posts("/watchdog") for alert in post.alerts]
    return posts, [str(mail["Subject"]) for mail in inbox.mails()]


def _break_and_mend(
    fault: tuple[str, ...],
    mend: tuple[str, ...],
    inbox: Sinks,
    eventually: Callable[..., Any],
    seconds: float,
) -> None:
    """Break something until the consumer has told of it, and mend it until it has told of the end."""
    env = catalogue.fleet()["env"]
    firing = [("firing", "WatchdogSilent")], [f"[FIRING] WatchdogSilent in {env}"]
    resolved = [("resolved", "WatchdogSilent")], [f"[RESOLVED] WatchdogSilent in {env}"]
    assert (_silent(), _told(inbox)) == ("0.0", ([], []))
    try:
        remote.run(ALERTING, "systemctl", *fault)
        eventually(lambda: _told(inbox), lambda told: told == firing, seconds=seconds)
    finally:
        remote.run(ALERTING, "systemctl", *mend)
    both = firing[0] + resolved[0], firing[1] + resolved[1]
    eventually(lambda: _told(inbox), lambda told: told == both, seconds=180)
    (alert,) = inbox.posts("/watchdog")[0].body["alerts"]
    assert alert["labels"]["severity"] == "critical"
    assert alert["annotations"]["runbook_url"].endswith("/WatchdogSilent.md")


@pytest.mark.drift
@pytest.mark.region
def test_it_alarms_when_alertmanager_hangs_and_says_when_that_is_over(
    inbox: Sinks, eventually: Callable[..., Any]
) -> None:
    """Mutants: the receivers left out of the formula's file; the silence not looked at."""
    unit = "prometheus-alertmanager.service"
    freeze, go_on = (("kill", f"--signal={signal}", unit) for signal in ("STOP", "CONT"))
    _break_and_mend(freeze, go_on, inbox, eventually, seconds=90)


@pytest.mark.long
@pytest.mark.drift
@pytest.mark.region
def test_it_alarms_when_prometheus_is_gone_and_says_when_it_is_back(
    inbox: Sinks, eventually: Callable[..., Any]
) -> None:
    """Alertmanager keeps an alert for some minutes that Prometheus sends no more (docs/alerting.md).

    Mutant: a Watchdog that is resolved taken for one that was heard.
    """
    unit = "prometheus.service"
    _break_and_mend(("stop", unit), ("start", unit), inbox, eventually, seconds=600)
