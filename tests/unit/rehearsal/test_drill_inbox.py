"""What the drill's receivers are told, read from what Alertmanager sends: by HTTP, and by mail."""

import json
import smtplib
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from rehearsal.drill.inbox import Inbox
from rehearsal.sinks import Sinks

DOWN = {"alertname": "ServiceDown", "device": "a, b", "instance": "app-1", "job": "app"}
SLOW = {"alertname": "HighLatency", "env": "dev", "job": "app"}
MAIL = """\
FIRING: The app on app-1 is unreachable.
Its scrape has failed for 3s.
When: 2026-11-22 04:00:00 UTC
Labels: alertname=ServiceDown, device=a, b, instance=app-1, job=app
Runbook: http://prometheus-1.saltwatch.internal:9090/user/runbooks/ServiceDown.md

RESOLVED: The app takes 1500 ms on average to answer.
When: 2026-11-22 04:00:00 UTC to 04:01:00 UTC
Labels: alertname=HighLatency, env=dev, job=app

Silence: http://prometheus-1.saltwatch.internal:9093/#/silences/new?filter=%7Bjob%3D%22app%22%7D
"""


@pytest.fixture
def sinks() -> Iterator[Sinks]:
    """Return the real servers, on this machine's loopback."""
    with Sinks() as sinks:
        yield sinks


def _post(sinks: Sinks, *alerts: tuple[str, dict[str, str]]) -> None:
    body = {"version": "4", "alerts": [{"status": status, "labels": labels} for status, labels in alerts]}
    request = urllib.request.Request(
        sinks.url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=10).close()


def _send(sinks: Sinks, subject: str, text: str) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = (
        subject,
        "a@rehearsal.internal",
        "b@rehearsal.internal",
    )
    message.set_content(text)
    host, _, port = sinks.smarthost.rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=10) as server:
        server.send_message(message)


def test_each_alert_of_a_post_is_a_notification(sinks: Sinks) -> None:
    """Mutants: the message's own status taken for each alert's; only the first alert read."""
    inbox = Inbox(sinks)
    _post(sinks, ("firing", DOWN), ("resolved", SLOW))
    found = [(each.sink, each.status, each.labels) for each in inbox.received()]
    assert found == [("webhook", "firing", DOWN), ("webhook", "resolved", SLOW)]


def test_each_alert_of_a_mail_is_a_notification(sinks: Sinks) -> None:
    """Mutants: the status of the first alert for all; labels split at each comma of the text."""
    inbox = Inbox(sinks)
    _send(sinks, "[FIRING] ServiceDown (critical)", MAIL)
    found = [(each.sink, each.status, each.labels) for each in inbox.received()]
    assert found == [("mail", "firing", DOWN), ("mail", "resolved", SLOW)]


def test_a_mail_without_labels_is_about_the_alert_of_its_subject(sinks: Sinks) -> None:
    """Mutant: such a mail is passed over."""
    inbox = Inbox(sinks)
    _send(sinks, "[RESOLVED] WatchdogSilent in dev", "Alerting does not work.\n")
    _send(sinks, "Something else", "Labels: none, really\n")
    (found,) = inbox.received()
    assert (found.status, found.labels) == ("resolved", {"alertname": "WatchdogSilent"})


def test_what_has_been_seen_keeps_its_time(sinks: Sinks) -> None:
    """Mutants: read anew each time; what comes later put before."""
    inbox = Inbox(sinks)
    _post(sinks, ("firing", DOWN))
    first = inbox.received()
    _send(sinks, "[FIRING] ServiceDown", MAIL)
    _post(sinks, ("resolved", DOWN))
    second = inbox.received()
    assert second[: len(first)] == first
    assert len(second) == 4
    assert inbox.received() == second


def test_the_next_sinks_may_listen_where_the_last_did() -> None:
    """Mutant: the mail server's thread, which closes its listener, not waited for."""
    with Sinks() as first:
        mail = int(first.smarthost.partition(":")[2])
    for _ in range(30):
        with Sinks(ports=(0, mail)):
            pass
