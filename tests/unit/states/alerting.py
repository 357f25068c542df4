"""Rule files as the daemons read them, and their unit tests on them."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from loader import ROOT, load
from tools import run

Rule = dict[str, Any]

TESTS = ROOT / "tests/rules"
URLS = {
    "prometheus": "http://prometheus.example:9090",
    "grafana": "http://grafana.example:3000",
    "loki": "http://loki.example:3100",
}


def render(formula: str, alerts: Mapping[str, Any] | None = None, **settings: Any) -> dict[str, str]:
    """Return a formula's rule files, by name; ``alerts`` and ``settings`` are those of pillar."""
    module = load("_modules/alert_rules.py", __salt__={"cp.get_file_str": _file, "fleet.url": URLS.get})
    defaults = yaml.safe_load((ROOT / f"salt/{formula}/defaults.yaml").read_text())
    answer: dict[str, str] = module.render(formula, defaults | {"alerts": alerts or {}} | settings)
    return answer


def _file(url: str) -> str:
    path = ROOT / "salt" / url.removeprefix("salt://")
    return path.read_text() if path.exists() else ""


def rules(text: str) -> Iterator[Rule]:
    """Yield the rules of a rule file."""
    for group in yaml.safe_load(text)["groups"]:
        yield from group["rules"]


def unit_tests(name: str) -> dict[str, Any]:
    """Return the unit tests of a rule file."""
    content: dict[str, Any] = yaml.safe_load((TESTS / f"{name}.yaml").read_text())
    series = [one for test in content["tests"] for one in test.get("input_series", [])]
    numbers = [one for one in series if not isinstance(one["values"], str)]
    assert not numbers, f"{name}.yaml: to be quoted, YAML takes 0x20 for a number: {numbers}"
    return content


def check(
    directory: Path, text: str, content: Mapping[str, Any], alert: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run unit tests on a rule file by promtool; they need not repeat the links of annotations.

    Args:
        directory: where it may write.
        text: the rule file.
        content: the tests.
        alert: the only alert to be there, beside what is recorded; None: all.
    """
    source = yaml.safe_load(text)
    for group in source["groups"]:
        group["rules"] = [rule for rule in group["rules"] if alert in (None, rule.get("alert", alert))]
        for rule in group["rules"]:
            notes = rule.get("annotations", {})
            for key in [key for key in notes if key.endswith("_url")]:
                del notes[key]
    (directory / "rules.yaml").write_text(yaml.safe_dump(source))
    (directory / "tests.yaml").write_text(yaml.safe_dump({**content, "rule_files": ["rules.yaml"]}))
    return run("promtool", "test", "rules", directory / "tests.yaml")
