"""The rules of Prometheus: their unit tests, and what each alert needs."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from alerting import TESTS, Rule, check, render, rules, unit_tests
from compiled import ROOT
from salt.exceptions import CommandExecutionError

from dashboards.__main__ import NAMES

SOURCES = {
    path.stem: yaml.safe_load(path.read_text())
    for path in sorted((ROOT / "salt/prometheus/files/rules").glob("*.yaml"))
}
RENDERED = render("prometheus")
RUNBOOKS = ROOT / "docs/runbooks"
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def _all(kind: str) -> list[Any]:
    """Return the parameters (file, rule) of every ``alert`` or ``record``."""
    return [
        pytest.param(name, rule, id=rule[kind])
        for name, text in RENDERED.items()
        for rule in rules(text)
        if kind in rule
    ]


def seconds(duration: str) -> int:
    """Return the seconds of a duration of Prometheus."""
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([dhms])", duration))


def _groups(name: str) -> list[dict[str, Any]]:
    """Return the groups of unit tests of a rule file."""
    return [test for content in unit_tests(name) for test in content["tests"]]


def test_each_rule_file_is_read_and_tested() -> None:
    """Mutants: a rule file left out of defaults.yaml; its tests removed, or named after no rule file."""
    assert set(RENDERED) == set(SOURCES) == {path.name.partition(".")[0] for path in TESTS.glob("*.yaml")}


@pytest.mark.parametrize("name", RENDERED)
def test_rules_do_what_their_tests_say(name: str, tmp_path: Path) -> None:
    """Mutants: ``> `` of HighErrorRate made ``>=``; ``5..`` made ``[45]..``."""
    for content in unit_tests(name):
        assert check(tmp_path, [RENDERED[name]], content) == [""]


@pytest.mark.parametrize(("name", "rule"), _all("alert"))
def test_each_alert_has_what_it_needs(name: str, rule: Rule) -> None:
    """Mutants: the firing case of HighLatency removed from tests/rules/app.yaml; its runbook; its team."""
    cases = [case for test in _groups(name) for case in test.get("alert_rule_test", [])]
    mine = [case for case in cases if case["alertname"] == rule["alert"]]
    assert any(case["exp_alerts"] for case in mine), f"{rule['alert']} is never seen firing"
    if rule["expr"] != "vector(1)":
        assert any(not case["exp_alerts"] for case in mine), f"{rule['alert']} is never seen silent"
    assert {"summary", "description", "runbook_url"} <= set(rule["annotations"])
    assert set(rule["annotations"]) <= {"summary", "description", "runbook_url", "dashboard_url", "logs_url"}
    assert (RUNBOOKS / rule["annotations"]["runbook_url"].rpartition("/")[2]).exists()
    assert rule["labels"]["severity"] in ("critical", "warning", "none")
    assert rule["labels"]["team"] in ("app", "platform")


@pytest.mark.parametrize(("name", "rule"), _all("record"))
def test_each_record_is_tested(name: str, rule: Rule) -> None:
    """Mutant: the expectations of http_request_duration_ms removed from tests/rules/app.yaml."""
    asked = {case["expr"] for test in _groups(name) for case in test.get("promql_expr_test", [])}
    assert rule["record"] in asked


def _changed(rule: Rule, interval: int) -> Iterator[dict[str, Any]]:
    """Yield what pillar might change of an alert so that it fires a little earlier or later.

    Args:
        rule: as the source has it.
        interval: of the evaluations, in seconds.
    """
    for key, value in rule.get("values", {}).items():
        if isinstance(value, int | float):
            step = 1 if isinstance(value, int) and abs(value) <= 20 else abs(value) / 10
            yield from ({"values": {key: changed}} for changed in (value - step, value + step))
    if "for" in rule:
        lasts = seconds(rule["for"])
        yield from ({"for": f"{changed}s"} for changed in (lasts - interval, lasts + interval))


def _asking(name: str, alert: str) -> dict[str, Any]:
    """Return the file of unit tests that asks of an alert, with only what does. Each alert has one."""
    found = []
    for content in unit_tests(name):
        mine = []
        for test in content["tests"]:
            cases = [case for case in test.get("alert_rule_test", []) if case["alertname"] == alert]
            if cases:
                mine.append({**test, "promql_expr_test": [], "alert_rule_test": cases})
        if mine:
            found.append({**content, "tests": mine})
    (one,) = found
    return one


def _only(name: str, alert: str, change: Mapping[str, Any]) -> str:
    """Return a rule file with one alert of its, changed."""
    others = [rule["alert"] for rule in rules(RENDERED[name]) if rule.get("alert", alert) != alert]
    alerts = {other: {"enabled": False} for other in others} | {alert: change}
    return render("prometheus", alerts, rules=[name])[name]


@pytest.mark.parametrize(
    ("name", "alert"),
    [
        pytest.param(name, rule, id=rule["alert"])
        for name, source in SOURCES.items()
        for group in source["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ],
)
def test_a_changed_threshold_or_duration_is_noticed(name: str, alert: Rule, tmp_path: Path) -> None:
    """By when the alert fires, not by what its annotations say.

    Each is silent just below its threshold and fires just above it, when its duration is over and not before.

    Mutants: in tests/rules, HighLatency fires at 1200 ms only, ServiceDown is asked 15 s later, 19 requests
    for DiskSaturated instead of 19.5, the firing case of HighErrorRate removed; a record that it needs.
    """
    content = _asking(name, alert["alert"])
    changes = list(_changed(alert, seconds(content.get("evaluation_interval", "1m"))))
    changed = [_only(name, alert["alert"], change) for change in changes]
    faults, *noticed = check(tmp_path, [RENDERED[name], *changed], content, alert["alert"], annotations=False)
    assert not faults
    unnoticed = [change for change, report in zip(changes, noticed, strict=True) if not report]
    assert not unnoticed, f"nothing fails if {alert['alert']} has one of these"


def test_each_runbook_is_of_an_alert() -> None:
    """Mutant: an alert renamed without its page."""
    alerts = {
        rule["alert"]
        for text in (*RENDERED.values(), *render("loki").values())
        for rule in rules(text)
        if "alert" in rule
    }
    # The Watchdog's consumer has an alarm of its own, which no rule makes.
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == alerts | {"WatchdogSilent"}


@pytest.mark.parametrize(
    ("line", "counted"),
    [
        ("Failed password for root from 10.0.0.5 port 51234 ssh2", True),
        ("Connection closed by authenticating user admin 10.0.0.5 port 51234 [preauth]", True),
        ("Connection reset by authenticating user admin 10.0.0.5 port 51234 [preauth]", True),
        ("Disconnected from invalid user oracle 10.0.0.5 port 51234 [preauth]", True),
        (
            "Disconnecting authenticating user root 10.0.0.5 port 51234: Too many authentication failures",
            True,
        ),
        ("drop connection #0 from [10.0.0.5]:51234 on [10.0.0.6]:22 penalty: failed authentication", True),
        ("drop connection #10 from [10.0.0.5]:51234 on [10.0.0.6]:22 past MaxStartups", False),
        ("Invalid user oracle from 10.0.0.5 port 51234", False),  # its end is counted
        ("Accepted publickey for admin from 10.0.0.5 port 51234 ssh2: ED25519 SHA256:x", False),
        ("Disconnected from user admin 10.0.0.5 port 51234", False),
        ("Connection closed by 10.0.0.5 port 51234 [preauth]", False),  # a scan or a probe
    ],
)
def test_failed_logins_are_told_by_sshd_s_lines(line: str, counted: bool) -> None:
    """In OpenSSH's own words. Mutants: ``invalid`` left out; ``authenticating `` made optional; refused
    connections left out, which is what sshd makes of most guesses."""
    (rule,) = (one for one in rules(render("loki")["logs"]) if one["alert"] == "SshLoginsFailed")
    (pattern,) = re.findall(r'\|~ "([^"]+)"', rule["expr"])
    assert bool(re.search(pattern, line)) is counted


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_each_runbook_says_what_is_needed(path: Path) -> None:
    """What it means comes first, then who notices; how to silence it last.

    Mutants: the last line of HostDown.md first; another alert's name in it.
    """
    parts = path.read_text().rstrip().split("\n\n")
    assert parts[0] == f"# {path.stem}"
    assert re.search("[Uu]sers see", path.read_text())
    assert parts[-1].startswith(("Silence", "Do not silence"))
    assert f"alertname={path.stem}" in parts[-1]


def test_links_lead_to_dashboards_that_exist() -> None:
    """Mutant: ``dashboard: app`` in salt/prometheus/files/rules/app.yaml."""
    named = {
        rule["dashboard"]
        for source in SOURCES.values()
        for group in source["groups"]
        for rule in group["rules"]
        if "dashboard" in rule
    }
    assert named
    assert named <= set(NAMES)


def _rule(name: str = "HighLatency", **settings: Any) -> Rule:
    (rule,) = (rule for rule in rules(render("prometheus", **settings)["app"]) if rule.get("alert") == name)
    return rule


def test_pillar_changes_alerts() -> None:
    """Mutants: each of the four keys ignored; the factor ignored."""
    rule = _rule(
        alerts={"HighLatency": {"for": "1m", "values": {"threshold": 20}, "labels": {"severity": "warning"}}},
        alert_duration_factor=0.5,
    )
    assert rule["expr"].endswith("> 20")
    assert rule["for"] == "30s"
    assert rule["labels"] == {"severity": "warning", "team": "app"}
    assert "20 ms for 30s" in rule["annotations"]["description"]
    names = [
        one.get("alert") for one in rules(render("prometheus", {"HighLatency": {"enabled": False}})["app"])
    ]
    assert "HighLatency" not in names
    assert "HighErrorRate" in names


def test_pillar_changes_the_objective() -> None:
    """Mutants: the values of records ignored; those of pillar only."""

    def objective(**settings: Any) -> str:
        made = rules(render("prometheus", **settings)["slo"])
        (rule,) = (rule for rule in made if rule.get("record") == "app_slo_objective_percent")
        assert set(rule) == {"record", "expr"}
        return str(rule["expr"])

    assert objective() == "vector(99.9)"
    changed = {"app_slo_objective_percent": {"values": {"objective": 99.5}}}
    assert objective(alerts=changed) == "vector(99.5)"


@pytest.mark.parametrize(
    ("alerts", "message"),
    [
        (
            {"HighLatencies": {}},
            "pillar prometheus:alerts: no alert 'HighLatencies'; did you mean 'HighLatency'?",
        ),
        (
            {"HighLatency": {"values": {"threshhold": 1}}},
            "pillar prometheus:alerts:HighLatency:values: no value 'threshhold'; did you mean 'threshold'?",
        ),
        ({"ServiceDown": {"values": {"x": 1}}}, "no value 'x'; there are: none"),
        ({"HighLatency": {"for": "5 m"}}, "'5 m' is no duration such as"),
    ],
)
def test_what_there_is_not_cannot_be_changed(alerts: dict[str, Any], message: str) -> None:
    """Mutant: unknown names ignored."""
    with pytest.raises(CommandExecutionError) as error:
        render("prometheus", alerts)
    assert message in str(error.value)


def test_links_of_an_alert() -> None:
    """Mutants: the label unquoted; a dashboard without its host; runbooks elsewhere ignored."""
    notes = _rule("ServiceDown")["annotations"]
    assert notes["runbook_url"] == "http://prometheus.example:9090/user/runbooks/ServiceDown.md"
    assert (
        notes["dashboard_url"]
        == "http://grafana.example:3000/d/hosts?var-host={{ $labels.instance | urlquery }}"
    )
    assert notes["logs_url"].startswith(
        "http://grafana.example:3000/explore?schemaVersion=1&orgId=1&panes=%7B%22alert%22"
    )
    assert "host%3D%5C%22{{ $labels.instance | urlquery }}%5C%22" in notes["logs_url"]
    elsewhere = _rule("ServiceDown", runbooks_url="https://wiki.example/alerts")["annotations"]
    assert elsewhere["runbook_url"] == "https://wiki.example/alerts/ServiceDown.md"
