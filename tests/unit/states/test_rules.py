"""The rules of Prometheus: their unit tests, and that there is one of each."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from compiled import ROOT
from tools import run

RULES = sorted((ROOT / "salt/prometheus/files/rules").glob("*.yaml"))
TESTS = ROOT / "tests/rules"


def _rules(path: Path) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def _all(kind: str) -> list[Any]:
    """Return the parameters (file, rule) of every ``alert`` or ``record``."""
    rules = [(path, rule) for path in RULES for rule in _rules(path) if kind in rule]
    return [pytest.param(path, rule, id=rule[kind]) for path, rule in rules]


@pytest.mark.parametrize("path", sorted(TESTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_rules_do_what_their_tests_say(path: Path) -> None:
    """Mutant: ``> 5`` of HighErrorRate made ``>= 5``; its ``for`` made 1m or 4m; ``5..`` made ``[45]..``."""
    answer = run("promtool", "test", "rules", path)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(("path", "rule"), _all("alert"))
def test_each_alert_is_tested_and_has_a_runbook(path: Path, rule: dict[str, Any]) -> None:
    """Mutant: the firing case of HighLatency removed from tests/rules/app.yaml; its runbook removed."""
    tests = yaml.safe_load((TESTS / path.name).read_text())["tests"]
    cases = [case for test in tests for case in test.get("alert_rule_test", [])]
    mine = [case for case in cases if case["alertname"] == rule["alert"]]
    assert any(case["exp_alerts"] for case in mine), f"{rule['alert']} is never seen firing"
    if rule["expr"] != "vector(1)":
        assert any(not case["exp_alerts"] for case in mine), f"{rule['alert']} is never seen silent"
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
    assert (ROOT / rule["annotations"]["runbook_url"]).exists()
    assert rule["labels"]["severity"] in ("critical", "warning", "none")


@pytest.mark.parametrize(("path", "rule"), _all("record"))
def test_each_record_is_tested(path: Path, rule: dict[str, Any]) -> None:
    """Mutant: the expectations of http_request_duration_ms removed from tests/rules/app.yaml."""
    tests = yaml.safe_load((TESTS / path.name).read_text())["tests"]
    asked = {case["expr"] for test in tests for case in test.get("promql_expr_test", [])}
    assert rule["record"] in asked
