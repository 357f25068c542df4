"""Who is told of what: Alertmanager's routes, receivers, secrets and templates, asked of its own tools."""

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import salt.utils.dictupdate
import yaml
from compiled import MAPS, ROOT, Minion
from loader import load
from salt.exceptions import CommandExecutionError
from tools import run

routing = load("_modules/alert_routing.py")
schema = load("_pillar/pillar_schema.py", __opts__={"pillar_roots": {}})
SCHEMAS = {path.stem: path for path in (ROOT / "pillar/schema").glob("*.yaml")}
DEFAULTS = yaml.safe_load((ROOT / "salt/alertmanager/defaults.yaml").read_text())
TEMPLATE = ROOT / "salt/alertmanager/files/templates/saltwatch.tmpl"
SECRETS = {
    "oncall-slack": "https://hooks.slack.example/services/T0/B0/kJ3xk9QvTa7Lw2",
    "oncall-pagerduty": "kJ3xk9QvTa7Lw2mJ3xk9QvTa7Lw2abcd",
    "oncall-discord": "https://discord.example/api/webhooks/1/kJ3xk9QvTa7Lw2",
    "tickets-webhook": "https://tickets.example/kJ3xk9QvTa7Lw2",
    "smtp": "mJ3xk-9QvT_a7Lw2-smtp",
}
# One way of each kind, and a team with people of its own.
PILLAR: dict[str, Any] = {
    "smtp": {
        "smarthost": "smtp.example.org:587",
        "from": "alerts@example.org",
        "auth_username": "alerts",
        "auth_password": SECRETS["smtp"],
    },
    "receivers": {
        "oncall": {
            "slack": {"api_url": SECRETS["oncall-slack"], "channel": "#alerts"},
            "pagerduty": {"routing_key": SECRETS["oncall-pagerduty"]},
            "discord": {"webhook_url": SECRETS["oncall-discord"]},
        },
        "tickets": {"webhook": {"url": SECRETS["tickets-webhook"]}},
        "app-team": {"email": {"to": "app@example.org, more@example.org"}},
    },
    "routes": {
        "critical": {"receiver": "oncall"},
        "warning": {"receiver": "tickets", "active_time_intervals": ["office-hours"]},
    },
    "teams": {"app": {"warning": "app-team"}},
}


def _merged(more: dict[str, Any]) -> dict[str, Any]:
    return dict(salt.utils.dictupdate.merge(json.loads(json.dumps(DEFAULTS)), more))


@pytest.fixture(scope="module")
def prometheus_1(
    tmp_path_factory: pytest.TempPathFactory, local_pillar: Path, artifacts: Path
) -> Callable[[str], Minion]:
    """Return a function that returns an environment's Alertmanager with the receivers above."""
    scratch = tmp_path_factory.mktemp("alertmanager")
    shutil.copytree(local_pillar, scratch / "local")
    (scratch / "local/local/alertmanager.sls").write_text(yaml.safe_dump({"alertmanager": PILLAR}))
    arguments = scratch / "salt", scratch / "local", artifacts
    return functools.cache(lambda env: Minion("prometheus-1", env, *arguments))


@pytest.fixture(params=MAPS)
def files(request: pytest.FixtureRequest, prometheus_1: Callable[[str], Minion]) -> dict[str, str]:
    """Its files in each environment."""
    minion = prometheus_1(request.param)
    assert "_errors" not in minion.pillar
    return minion.files


@pytest.fixture
def config(files: dict[str, str], tmp_path: Path) -> Path:
    path = tmp_path / "alertmanager.yml"
    path.write_text(files["/etc/prometheus/alertmanager.yml"])
    return path


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"severity": "critical"}, "oncall"),
        ({"severity": "critical", "team": "platform"}, "oncall"),
        ({"severity": "critical", "team": "app"}, "oncall"),  # it has nobody of its own for pages
        ({"severity": "warning"}, "tickets"),
        ({"severity": "warning", "team": "platform"}, "tickets"),
        ({"severity": "warning", "team": "app"}, "app-team"),
        ({"severity": "none", "alertname": "Watchdog"}, "_watchdog"),
        ({"severity": "none", "team": "app"}, "_watchdog"),
        ({}, "tickets"),  # no alert is lost for want of a label
        ({"severity": "fatal"}, "tickets"),
    ],
)
def test_routes(config: Path, labels: dict[str, str], receiver: str) -> None:
    """Mutants: the order of the routes; a matcher's value; no routes of teams; tickets by a matcher only."""
    words = [f"{name}={value}" for name, value in {"alertname": "Any", "env": "x", **labels}.items()]
    answer = run("amtool", "config", "routes", "test", f"--config.file={config}", *words)
    assert (answer.returncode, answer.stdout.splitlines()[-1]) == (0, receiver)


def test_alertmanager_takes_it_with_its_templates(config: Path, tmp_path: Path) -> None:
    """Mutants: an option misspelled in `KINDS`; an undefined interval; `{{ end }}` left out of a template."""
    shutil.copy(TEMPLATE, tmp_path)
    config.write_text(config.read_text().replace("/etc/prometheus/alertmanager_templates", str(tmp_path)))
    answer = run("amtool", "check-config", config)
    assert answer.returncode == 0, answer.stdout
    assert "1 templates" in answer.stdout


def test_pages_are_quick_and_the_watchdog_is_quicker(config: Path) -> None:
    """Mutant: `group_wait: 30s` of pages; pillar's route in place of the default instead of over it."""
    watchdog, page, ticket = yaml.safe_load(config.read_text())["route"]["routes"]
    waits = [(route["group_wait"], route["group_interval"]) for route in (watchdog, page, ticket)]
    assert waits == [("0s", "15s"), ("5s", "30s"), ("30s", "5m")]
    assert ticket["active_time_intervals"] == ["office-hours"]
    assert "active_time_intervals" not in page


def test_the_watchdog_goes_to_its_consumer(config: Path) -> None:
    """Mutant: the consumer's port typed; `_watchdog` without it."""
    receivers = {each["name"]: each for each in yaml.safe_load(config.read_text())["receivers"]}
    assert receivers["_watchdog"]["webhook_configs"] == [{"url": "http://salt-1.saltwatch.internal:9096/"}]
    assert receivers["_nobody"] == {"name": "_nobody"}


def test_every_way_tells_of_the_end_too(config: Path) -> None:
    """Alertmanager's default is not to, for Slack and mail. Mutant: `send_resolved` left to it."""
    ways = [
        way
        for receiver in yaml.safe_load(config.read_text())["receivers"]
        if not receiver["name"].startswith("_")
        for kind, ways in receiver.items()
        if kind != "name"
        for way in ways
    ]
    assert len(ways) == 5
    assert all(way["send_resolved"] for way in ways)


def test_secrets_are_in_files_of_their_own(prometheus_1: Callable[[str], Minion]) -> None:
    """Mutants: `api_url` left in the configuration; a directory that everybody may enter; a wrong key."""
    minion = prometheus_1("prod")
    for path, text in minion.files.items():
        assert not [name for name, secret in SECRETS.items() if secret in text], path
    chunks = {chunk["__id__"]: chunk for chunk in minion.chunks}
    directory = chunks["alertmanager-secrets"]
    assert (directory["name"], directory["mode"], directory["group"]) == (
        "/etc/alertmanager",
        "0750",
        "alertmanager",
    )
    config = minion.files["/etc/prometheus/alertmanager.yml"]
    for name, secret in SECRETS.items():
        chunk = chunks[f"alertmanager-secret-{name}"]
        assert (chunk["state"], chunk["group"]) == ("secret_file", "alertmanager")
        assert chunk["name"] in config
        value: Any = minion.pillar
        for key in chunk["pillar"].split(":"):
            value = value[key]
        assert value == secret


def test_the_pair_of_prod_knows_each_other(minion: Callable[..., Minion]) -> None:
    """And both Prometheis tell both. Mutant: a peer left out; one Alertmanager in prometheus.yml."""
    first, second = (minion(f"prometheus-{number}", "prod").files for number in (1, 2))
    for files, peer in ((first, "prometheus-2"), (second, "prometheus-1")):
        arguments = files["/etc/default/prometheus-alertmanager"].replace('"', " ").split()
        assert [word for word in arguments if word.startswith("--cluster.peer=")] == [
            f"--cluster.peer={peer}.saltwatch.internal:9094"
        ]
        (told,) = yaml.safe_load(files["/etc/prometheus/prometheus.yml"])["alerting"]["alertmanagers"]
        assert told["static_configs"][0]["targets"] == [
            f"prometheus-{number}.saltwatch.internal:9093" for number in (1, 2)
        ]
    assert first["/etc/prometheus/alertmanager.yml"] == second["/etc/prometheus/alertmanager.yml"]
    urls = [files["/etc/default/prometheus-alertmanager"] for files in (first, second)]
    for number, text in enumerate(urls, 1):
        assert f"--web.external-url=http://prometheus-{number}.saltwatch.internal:9093 " in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"receivers": {"idle": {"email": {"to": "a@b"}}}}, "leads to idle"),
        (
            {"routes": {"critical": {"receiver": None}}},
            "routes:critical:receiver: expected one of app-team, ",
        ),
    ],
)
def test_what_would_tell_nobody_is_refused(change: dict[str, Any], said: str) -> None:
    """Mutants: `_check` not called; teams not looked at for who is told."""
    settings = _merged(json.loads(json.dumps(PILLAR)))
    routing.config(settings, [])
    changed = dict(salt.utils.dictupdate.merge(settings, change))
    if changed["routes"]["critical"]["receiver"] is None:
        del changed["routes"]["critical"]["receiver"]
    with pytest.raises(CommandExecutionError, match=said):
        routing.config(changed, [])


def test_without_receivers_nobody_is_told(minion: Callable[..., Minion], tmp_path: Path) -> None:
    """As in an environment that names none. Mutant: `_check` without a look at whether there are any."""
    path = tmp_path / "alertmanager.yml"
    path.write_text(minion("prometheus-1").files["/etc/prometheus/alertmanager.yml"])
    for severity, receiver in (("critical", "_nobody"), ("warning", "_nobody"), ("none", "_watchdog")):
        answer = run("amtool", "config", "routes", "test", f"--config.file={path}", f"severity={severity}")
        assert answer.stdout.splitlines()[-1] == receiver


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"receivers": {"a": {"slak": {}}}},
            "receivers:a: expected only the keys slack, email, discord, pagerduty, ",
        ),
        ({"receivers": {"a": {}}}, "receivers:a: expected a receiver with one or more of slack"),
        ({"receivers": {"A b": {"email": {"to": "a@b"}}}}, "receivers: expected pattern "),
        ({"receivers": {"a": {"slack": {"url": "https://x"}}}}, "receivers:a:slack"),
        (
            {"receivers": {"a": {"slack": {"api_url": "<url>"}}}},
            "receivers:a:slack:api_url: expected an https URL",
        ),
        ({"receivers": {"a": {"pagerduty": {"routing_key": "short"}}}}, "receivers:a:pagerduty:routing_key"),
        (
            {"receivers": {"a": {"email": {"to": "nobody"}}}},
            "receivers:a:email:to: expected one or more addresses",
        ),
        ({"routes": {"page": {}}}, "routes: expected only the keys critical, warning, none; got page"),
        ({"routes": {"critical": {"group_wait": "5"}}}, "routes:critical:group_wait: expected a duration"),
        ({"routes": {"critical": {"continue": True}}}, "routes:critical: expected only the keys receiver, "),
        ({"routes": {"none": {"receiver": "a"}}}, "routes:none: expected only the keys group_wait, "),
        ({"teams": {"app": {"none": "a"}}}, "teams:app: expected only the keys critical, warning; got none"),
        ({"smtp": {"smarthost": "mail", "from": "a@b"}}, "smtp:smarthost: expected HOST:PORT"),
        ({"config": {}}, " expected only the keys port, "),
    ],
)
def test_pillar_that_is_wrong_is_told_without_a_secret(
    minion: Callable[..., Minion], change: dict[str, Any], said: str
) -> None:
    """Mutant: a line of pillar/schema/alertmanager.yaml removed, one at a time."""
    pillar = json.loads(json.dumps(dict(minion("prometheus-1").pillar)))
    pillar["alertmanager"] |= change
    faults = list(schema.check(pillar, SCHEMAS))
    assert faults
    assert faults[0].removeprefix("alertmanager:").startswith(said), faults
    assert not any("https://x" in fault or "short" in fault for fault in faults)


ALERT = {
    "status": "firing",
    "labels": {
        "alertname": "DiskFull",
        "severity": "critical",
        "env": "dev",
        "instance": "app-1",
        "path": "/a b",
    },
    "annotations": {
        "summary": "The disk is > 90 % full & filling.",
        "description": "It was at <90 %> before.",
        "runbook_url": "https://runbooks.example/DiskFull.md",
        "dashboard_url": "https://grafana.example/d/hosts",
        "logs_url": "https://grafana.example/explore?left=%7B%7D",
    },
    "startsAt": "2026-11-22T04:00:00Z",
    "endsAt": "2026-11-22T04:10:00Z",
}
DATA = {
    "receiver": "oncall",
    "status": "firing",
    "alerts": [ALERT],
    "groupLabels": {"alertname": "DiskFull"},
    "commonLabels": ALERT["labels"],
    "commonAnnotations": ALERT["annotations"],
    "externalURL": "http://prometheus-1.saltwatch.internal:9093",
}
SILENCE = (
    "http://prometheus-1.saltwatch.internal:9093/#/silences/new?filter=%7Balertname%3D%22DiskFull%22%2Cenv%3D%22dev%22"
    "%2Cinstance%3D%22app-1%22%2Cpath%3D%22%2Fa%20b%22%2Cseverity%3D%22critical%22%7D"
)


@pytest.fixture
def rendered(tmp_path: Path) -> Callable[..., str]:
    """Return a function that returns what a template makes of an alert."""

    def render(name: str, data: dict[str, Any] = DATA) -> str:
        path = tmp_path / "data.json"
        path.write_text(json.dumps(data))
        text = f'{{{{ template "saltwatch.{name}" . }}}}'
        options = [f"--template.glob={TEMPLATE}", f"--template.text={text}", f"--template.data={path}"]
        answer = run("amtool", "template", "render", *options)
        assert answer.returncode == 0, answer.stdout
        return answer.stdout

    return render


def test_title(rendered: Callable[..., str]) -> None:
    """Mutants: the environment left out; the number of alerts told of one."""
    assert rendered("title") == "[FIRING] DiskFull (critical) in dev on app-1"
    two = {**DATA, "alerts": [ALERT, ALERT], "commonLabels": {"severity": "critical"}}
    assert rendered("title", two) == "[FIRING:2] DiskFull (critical)"
    resolved = {**DATA, "status": "resolved", "alerts": [{**ALERT, "status": "resolved"}]}
    assert rendered("title", resolved) == "[RESOLVED] DiskFull (critical) in dev on app-1"


@pytest.mark.parametrize(
    ("name", "link"),
    [("text", "{name}: {url}\n"), ("slack", "<{url}|{name}>"), ("markdown", "[{name}](<{url}>)")],
)
def test_links(rendered: Callable[..., str], name: str, link: str) -> None:
    """Mutants: a link left out; a label's space as `+`, which the page does not take for one."""
    told = rendered(name)
    urls = {
        "Runbook": ALERT["annotations"]["runbook_url"],  # type: ignore[index]
        "Dashboard": ALERT["annotations"]["dashboard_url"],  # type: ignore[index]
        "Logs": ALERT["annotations"]["logs_url"],  # type: ignore[index]
        "Silence": SILENCE,
    }
    for what, url in urls.items():
        assert link.format(name=what, url=url) in told
    assert "2026-11-22 04:00:00 UTC" in told
    bare = {**DATA, "alerts": [{**ALERT, "annotations": {"summary": "x"}}]}
    assert "Runbook" not in rendered(name, bare)


def test_slack_s_own_characters_are_escaped(rendered: Callable[..., str]) -> None:
    """Mutant: an alert's text as it is, in which `<` begins a link."""
    told = rendered("slack")
    assert "The disk is &gt; 90 % full &amp; filling." in told
    assert "It was at &lt;90 %&gt; before." in told
    assert "The disk is > 90 % full & filling." in rendered("text")


def test_the_end_says_when(rendered: Callable[..., str]) -> None:
    """Mutant: only the beginning told."""
    resolved = {**DATA, "status": "resolved", "alerts": [{**ALERT, "status": "resolved"}]}
    for name in ("text", "slack", "markdown"):
        assert "RESOLVED: " in rendered(name, resolved)
        assert "2026-11-22 04:00:00 UTC to 04:10:00 UTC" in rendered(name, resolved)
