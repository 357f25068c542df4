"""Notifications arrive, with their links, and so does the end of an alert; whatever one receiver does."""

import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import catalogue
import pytest
import remote
from sink import apply, sinks

from rehearsal.sinks import HANGING, Sinks

pytestmark = [pytest.mark.drift, pytest.mark.region]

HOST = catalogue.host_of("alertmanager")
URL = f"http://localhost:{catalogue.fleet()['services']['alertmanager']['port']}"
UNIT = "prometheus-alertmanager.service"
QUICK = {"group_wait": "0s", "group_interval": "1s", "receiver": "oncall"}
WAYS = ("webhook", "slack", "discord")
# Alerts of a run that was broken off may still be there.
RUN = secrets.token_hex(3)
REFUSING = "http://127.0.0.1:1/nobody-listens-here"
LINKS = {
    "runbook_url": "https://runbooks.example/TestAlert.md",
    "dashboard_url": "https://grafana.example/d/hosts",
    "logs_url": "https://grafana.example/explore",
}


def _pillar(sinks: Sinks, slack: str, discord: str) -> dict[str, Any]:
    oncall = {
        "webhook": {"url": f"{sinks.url}/webhook"},
        "email": {"to": "oncall@example.org"},
        "slack": {"api_url": slack},
        "discord": {"webhook_url": discord},
    }
    smtp = {"smarthost": sinks.smarthost, "from": "alerts@example.org", "require_tls": False}
    return {
        "smtp": smtp,
        "receivers": {"oncall": oncall},
        "routes": {"critical": QUICK, "warning": QUICK},
    }


@pytest.fixture(scope="module")
def inbox() -> Iterator[Sinks]:
    """The sinks; afterwards Alertmanager is as pillar says again."""
    with sinks() as found:
        yield found
    apply(HOST, "alertmanager", {})


@pytest.fixture(scope="module")
def told(inbox: Sinks) -> str:
    """What Salt said when it made Alertmanager tell the sinks by every way."""
    return apply(HOST, "alertmanager", _pillar(inbox, f"{inbox.url}/slack", f"{inbox.url}/discord"))


def _amtool(*arguments: str) -> str:
    return remote.run(HOST, "amtool", f"--alertmanager.url={URL}", "--output=json", *arguments)


def _fire(name: str, *more: str, **labels: str) -> None:
    labels = {"severity": "critical", "env": "dev", "instance": "app-1"} | labels
    annotations = {"summary": f"This is {name}.", **LINKS}
    _amtool(
        *("alert", "add", f"alertname={name}", *more),
        *(f"{label}={value}" for label, value in labels.items()),
        *(f"--annotation={key}={value}" for key, value in annotations.items()),
    )


def _resolve(name: str, **labels: str) -> None:
    _fire(name, f"--end={datetime.now(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}", **labels)


def _mails(inbox: Sinks, name: str) -> list[str]:
    return [str(mail["Subject"]) for mail in inbox.mails() if name in str(mail["Subject"])]


def _posts(inbox: Sinks, path: str, name: str) -> list[str]:
    return [json.dumps(post.body) for post in inbox.posts(path) if name in json.dumps(post.body)]


def test_an_alert_and_its_end_arrive_by_every_way(
    told: str, inbox: Sinks, eventually: Callable[..., Any]
) -> None:
    """Mutants: `send_resolved` left out; a template that is not there; `email` without its text."""
    name = f"TestAlert{RUN}"
    _fire(name)
    eventually(lambda: _mails(inbox, name) and all(_posts(inbox, f"/{way}", name) for way in WAYS))
    (mail,) = (mail for mail in inbox.mails() if name in str(mail["Subject"]))
    assert mail["Subject"] == f"[FIRING] {name} (critical) in dev on app-1"
    texts = {
        "mail": mail.get_body(("plain",)).get_content(),
        **{way: _posts(inbox, f"/{way}", name)[0] for way in WAYS},
    }
    page = (
        f"http://{HOST}.{catalogue.fleet()['zone']}:{catalogue.fleet()['services']['alertmanager']['port']}"
    )
    for way, text in texts.items():
        for link in LINKS.values():
            assert link in text, way
        assert (
            page if way == "webhook" else f"{page}/#/silences/new?filter=%7Balertname%3D%22{name}%22"
        ) in text
    _resolve(name)
    eventually(lambda: _mails(inbox, name)[-1].startswith("[RESOLVED]"))
    for way in WAYS:
        eventually(lambda way=way: "resolved" in _posts(inbox, f"/{way}", name)[-1].lower())


def test_secrets_are_for_alertmanager_alone(told: str, inbox: Sinks) -> None:
    """Mutants: `url` in place of `url_file`; the group `prometheus`, which others have too."""
    names = remote.run(HOST, "ls", "/etc/alertmanager").split()
    assert names == ["oncall-discord", "oncall-slack", "oncall-webhook"]
    assert remote.run(HOST, "cat", "/etc/alertmanager/oncall-slack") == f"{inbox.url}/slack"
    assert inbox.url not in told
    assert inbox.url not in remote.run(HOST, "cat", "/etc/prometheus/alertmanager.yml")
    assert remote.run(HOST, "stat", "--format=%a %U %G", "/etc/alertmanager").split() == [
        "750",
        "root",
        "alertmanager",
    ]
    others = ("setpriv", "--reuid=prometheus", "--regid=prometheus", "--clear-groups")
    for name in names:
        mode = remote.run(HOST, "stat", "--format=%a %U %G", f"/etc/alertmanager/{name}")
        assert mode.split() == ["640", "root", "alertmanager"]
        assert remote.run(HOST, *others, "cat", f"/etc/alertmanager/{name}", check=False) == ""
    assert inbox.url not in remote.run(HOST, "curl", "--silent", f"{URL}/api/v2/status")


def test_a_host_that_is_down_silences_its_services(
    told: str, inbox: Sinks, eventually: Callable[..., Any]
) -> None:
    """Mutant: `instance` left out of `equal`; the rule left out."""
    _fire("HostDown", instance="host-a")
    for instance in ("host-a", "host-b"):
        _fire(f"TestInhibited{RUN}", instance=instance)

    def inhibited() -> dict[str, bool]:
        alerts = json.loads(
            _amtool("alert", "query", "--inhibited", "--active", f"alertname=TestInhibited{RUN}")
        )
        return {each["labels"]["instance"]: bool(each["status"]["inhibitedBy"]) for each in alerts}

    try:
        eventually(inhibited, lambda found: found == {"host-a": True, "host-b": False})
        eventually(lambda: _posts(inbox, "/webhook", f"TestInhibited{RUN}"))
        assert not [text for text in _posts(inbox, "/webhook", f"TestInhibited{RUN}") if "host-a" in text]
    finally:
        for name, instance in (
            ("HostDown", "host-a"),
            (f"TestInhibited{RUN}", "host-a"),
            (f"TestInhibited{RUN}", "host-b"),
        ):
            _resolve(name, instance=instance)


def test_a_silence_survives_a_restart(told: str, inbox: Sinks, eventually: Callable[..., Any]) -> None:
    """Mutant: `--storage.path` on a file system that goes with the process."""
    silence = _amtool(
        "silence", "add", "--duration=10m", "--comment=test", "--author=test", f"alertname=TestSilenced{RUN}"
    )
    try:
        remote.run(HOST, "systemctl", "restart", UNIT)
        _fire(f"TestSilenced{RUN}")
        _fire(f"TestNotSilenced{RUN}")
        eventually(lambda: _posts(inbox, "/webhook", f"TestNotSilenced{RUN}"))
        (alert,) = json.loads(_amtool("alert", "query", "--silenced", f"alertname=TestSilenced{RUN}"))
        assert alert["status"]["silencedBy"] == [silence.strip()]
        assert not _posts(inbox, "/webhook", f"TestSilenced{RUN}")
    finally:
        _amtool("silence", "expire", silence.strip())
        _resolve(f"TestSilenced{RUN}")
        _resolve(f"TestNotSilenced{RUN}")


def test_a_receiver_that_hangs_or_refuses_stops_no_other(
    told: str, inbox: Sinks, eventually: Callable[..., Any]
) -> None:
    """What hangs is answered only when the sinks close, and so still hangs when the others have been told.

    Mutant: an answer of the hanging one awaited first, as `TestLater` then never comes.
    """
    apply(HOST, "alertmanager", _pillar(inbox, f"{inbox.url}{HANGING}", REFUSING))
    for name in (f"TestHanging{RUN}", f"TestLater{RUN}"):
        _fire(name)
        eventually(lambda name=name: _posts(inbox, HANGING, name))
        eventually(lambda name=name: _mails(inbox, name) and _posts(inbox, "/webhook", name))
    metrics = remote.run(HOST, "curl", "--silent", f"{URL}/metrics")
    (line,) = (
        line
        for line in metrics.splitlines()
        if line.startswith('alertmanager_notification_requests_failed_total{integration="discord"')
    )
    assert float(line.split()[-1]) > 0
    for name in (f"TestHanging{RUN}", f"TestLater{RUN}"):
        _resolve(name)
        eventually(lambda name=name: _mails(inbox, name)[-1].startswith("[RESOLVED]"))
