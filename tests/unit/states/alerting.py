"""Rule files as the daemons read them, and their unit tests on them."""

from collections.abc import Iterable, Iterator, Mapping
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
    defaults = _read((ROOT / f"salt/{formula}/defaults.yaml").read_text())
    answer: dict[str, str] = module.render(formula, defaults | {"alerts": alerts or {}} | settings)
    return answer


def _file(url: str) -> str:
    path = ROOT / "salt" / url.removeprefix("salt://")
    return path.read_text() if path.exists() else ""


def rules(text: str) -> Iterator[Rule]:
    """Yield the rules of a rule file."""
    for group in _read(text)["groups"]:
        yield from group["rules"]


def _read(text: str) -> dict[str, Any]:
    """Read YAML by libyaml: these files are many and long."""
    content: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return content


def unit_tests(name: str) -> list[dict[str, Any]]:
    """Return the unit tests of a rule file: of NAME.yaml, and of NAME.WHAT.yaml evaluated at other times."""
    return [_unit_tests(path) for path in sorted(TESTS.glob(f"{name}.*yaml"))]


def _unit_tests(path: Path) -> dict[str, Any]:
    content = _read(path.read_text())
    series = [one for test in content["tests"] for one in test.get("input_series", [])]
    numbers = [one for one in series if not isinstance(one["values"], str)]
    assert not numbers, f"{path.name}: to be quoted, YAML takes 0x20 for a number: {numbers}"
    return content


def check(
    directory: Path,
    texts: Iterable[str],
    content: Mapping[str, Any],
    alert: str | None = None,
    *,
    annotations: bool = True,
) -> list[str]:
    """Run the same unit tests on each of some rule files by promtool, started once.

    The tests need not repeat the links of annotations.

    Args:
        directory: where it may write.
        texts: the rule files.
        content: the tests.
        alert: the only alert to be there, beside what is recorded for it; None: all.
        annotations: whether they are compared; if not, only when an alert fires and its labels are.

    Returns:
        What is wrong with each rule file: nothing, if it passes.
    """
    if not annotations:
        content = _without_annotations(content)
    tests = []
    for number, text in enumerate(texts):
        rules = _write(directory / f"rules-{number}.yaml", _tested(text, alert, annotations))
        tests.append(_write(directory / f"tests-{number}.yaml", {**content, "rule_files": [rules.name]}))
    answer = run("promtool", "test", "rules", *tests).stdout
    reports = [report.strip() for report in answer.split("Unit Testing:")[1:]]
    assert len(reports) == len(tests), answer
    passed = [f"{test}\n  SUCCESS" for test in tests]
    return ["" if report == success else report for report, success in zip(reports, passed, strict=True)]


def _write(path: Path, document: Mapping[str, Any]) -> Path:
    path.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper))
    return path


def _without_annotations(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return unit tests that ask of an alert's instances nothing but their labels."""
    tests = [
        {
            **test,
            "alert_rule_test": [
                {**case, "exp_alerts": [{"exp_labels": one["exp_labels"]} for one in case["exp_alerts"]]}
                for case in test["alert_rule_test"]
            ],
        }
        for test in content["tests"]
    ]
    return {**content, "tests": tests}


def _tested(text: str, alert: str | None, annotations: bool) -> dict[str, Any]:
    """Return a rule file's content without what the tests do not need."""
    source = _read(text)
    if alert:
        _keep(source["groups"], alert)
    for rule in (rule for group in source["groups"] for rule in group["rules"]):
        notes = rule.pop("annotations", {})
        if annotations and notes:
            rule["annotations"] = {key: note for key, note in notes.items() if not key.endswith("_url")}
    return source


def _keep(groups: list[dict[str, Any]], alert: str) -> None:
    """Leave an alert and what its expression names, or what that names; each rule costs an evaluation."""
    everything = [rule for group in groups for rule in group["rules"]]
    queue = [rule for rule in everything if rule.get("alert") == alert]
    kept: list[Rule] = []
    while queue:
        rule = queue.pop()
        kept.append(rule)
        queue += [
            one
            for one in everything
            if one.get("record", "\0") in rule["expr"] and one not in kept and one not in queue
        ]
    for group in groups:
        group["rules"] = [rule for rule in group["rules"] if rule in kept]
