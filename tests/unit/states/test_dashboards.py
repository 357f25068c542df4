"""The dashboards: the committed JSON, and every query, job, label, link and threshold in it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from compiled import ROOT
from tools import run

from dashboards.__main__ import DIRECTORY, NAMES, render

BOARDS = {name: json.loads(render(name)) for name in NAMES}
SERVICES = yaml.safe_load((ROOT / "pillar/base/fleet/services.yaml").read_text())
ALLOY = yaml.safe_load((ROOT / "salt/alloy/defaults.yaml").read_text())
# Labels of metrics: the contract's, those of Prometheus itself, and the exporters'.
METRIC_LABELS = {
    *("job", "instance", "role", "env"),
    *("__name__", "alertname", "alertstate", "severity", "le", "service"),
    *("method", "route", "status"),
    *("device", "fstype", "mode", "mountpoint", "name", "phase", "state"),
    *("minion", "result", "resource"),
}
LOG_LABELS = {"job", "host", "role", "env", "level"}
# Fields of nginx's lines, taken out of them by the query.
LINE_FIELDS = {"path", "status", "seconds"}
KINDS_WITH_UNIT = {"timeseries", "stat", "gauge"}


def _panels() -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, panel) for name, board in BOARDS.items() for panel in board["panels"] if panel["type"] != "row"
    ]


def _queries(source: str) -> list[Any]:
    """Return the parameters (expression) of every query to a data source."""
    return [
        pytest.param(target["expr"], id=f"{name}-{panel['title']}-{target['refId']}")
        for name, panel in _panels()
        for target in panel["targets"]
        if panel["datasource"]["uid"] == source
    ]


def _annotation(name: str) -> dict[str, Any]:
    (annotation,) = BOARDS[name]["annotations"]["list"]
    found: dict[str, Any] = annotation
    return found


def _matchers(expression: str) -> list[tuple[str, str]]:
    """Return the labels and values that an expression selects by."""
    braces = re.findall(r"\{([^{}]*)\}", expression)
    return [pair for inside in braces for pair in re.findall(r'(\w+)\s*[=!]~?\s*"([^"]*)"', inside)]


def _grouped(expression: str) -> set[str]:
    return {
        label.strip() for inside in re.findall(r"by \(([^)]*)\)", expression) for label in inside.split(",")
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_json_is_that_of_the_python(name: str) -> None:
    """``python -m dashboards`` writes it. Mutant: a title changed in the Python only, or in the JSON only."""
    assert (DIRECTORY / f"{name}.json").read_text() == render(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_is_not_called_like_its_folder(name: str) -> None:
    """Grafana 9 refuses one that is. Mutant: the home dashboard called Saltwatch, as it once was."""
    assert BOARDS[name]["title"] != DIRECTORY.name


def test_there_is_no_other_json() -> None:
    """Mutant: a file that is left over from a dashboard that is gone."""
    assert {path.stem for path in DIRECTORY.rglob("*.json")} == set(NAMES)


def test_promtool_takes_every_query(tmp_path: Path) -> None:
    """As recording rules, with the variables filled in. Mutant: a parenthesis missing in a query."""
    rules = [
        {"record": f"query:{number}", "expr": _filled(query.values[0])}
        for number, query in enumerate([*_queries("prometheus"), pytest.param(_annotation("home")["expr"])])
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    answer = run("promtool", "check", "rules", path)
    assert answer.returncode == 0, answer.stdout
    assert f"{len(rules)} rules found" in answer.stdout


def _filled(expression: str) -> str:
    filled = expression.replace("$__rate_interval", "1m").replace("$__interval", "1m")
    return re.sub(r"\$\w+", ".+", filled)


@pytest.mark.parametrize("expression", _queries("prometheus"))
def test_jobs_and_labels_of_metrics_are_the_catalogue_s(expression: str) -> None:
    """Mutants: ``job="apps"`` in a query; a label ``host`` where metrics have ``instance``."""
    scraped = {name for name, row in SERVICES.items() if "metrics" in row} | {"probe"}
    matchers = _matchers(expression)
    assert {label for label, _ in matchers} | _grouped(expression) <= METRIC_LABELS
    assert {job for label, value in matchers if label == "job" for job in value.split("|")} <= scraped


@pytest.mark.parametrize("expression", _queries("loki"))
def test_jobs_and_labels_of_logs_are_the_catalogue_s(expression: str) -> None:
    """Mutants: ``job="nginx-access"`` in a query; a label ``instance`` where logs have ``host``."""
    read = {name for name, row in SERVICES.items() if "logs" in row}
    read |= {"journal", "$job"} | {source["job"] for source in ALLOY["files"]}
    matchers = _matchers(expression)
    assert {label for label, _ in matchers} <= LOG_LABELS
    assert _grouped(expression) <= LOG_LABELS | LINE_FIELDS
    assert {job for label, value in matchers if label == "job" for job in value.split("|")} <= read
    levels = {level for label, value in matchers if label == "level" for level in value.split("|")}
    assert levels <= {"$level", *ALLOY["levels"]}


@pytest.mark.parametrize(
    ("name", "panel"), _panels(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_panel_explains_itself(name: str, panel: dict[str, Any]) -> None:
    """Mutants: a description, a unit, thresholds, the numbers of a legend or their order left out; a legend
    beside a graph that is too narrow for both.
    """
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["datasource"]["uid"] in ("prometheus", "loki", "tempo")
    if panel["type"] not in KINDS_WITH_UNIT:
        return
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"]
    assert defaults["thresholds"]["steps"]
    if panel["type"] == "timeseries":
        legend = panel["options"]["legend"]
        assert legend["calcs"] == ["mean", "max", "lastNotNull"]
        assert (legend["sortBy"], legend["sortDesc"]) == ("Max", True)
        assert legend["placement"] == "bottom" or panel["gridPos"]["w"] >= 12
    if panel["type"] == "gauge":
        steps = [(step["value"], step["color"]) for step in defaults["thresholds"]["steps"]]
        assert steps == [(None, "green"), (70, "yellow"), (90, "red")]
        assert (defaults["min"], defaults["max"], defaults["unit"]) == (0, 100, "percent")


@pytest.mark.parametrize("name", NAMES)
def test_times_and_names_are_those_of_all(name: str) -> None:
    """Mutants: a refresh of 30 s; the file called otherwise than the uid; panels that lie on each other."""
    board = BOARDS[name]
    assert (board["refresh"], board["time"]) == ("10s", {"from": "now-15m", "to": "now"})
    assert board["uid"] == name
    assert board["description"]
    places = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & places, panel["title"]
        places |= cells


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_is_one_area_with_its_name(name: str) -> None:
    """Mutants: an area for each host that has it; one for the Watchdog, which always fires; no title."""
    annotation = _annotation(name)
    assert annotation["expr"].startswith("group by (alertname) (")
    assert 'alertname!="Watchdog"' in annotation["expr"]
    assert annotation["titleFormat"] == "{{alertname}}"


def test_links_lead_to_dashboards_that_are_there() -> None:
    """Mutant: ``/d/host`` instead of ``/d/hosts`` in a link; a variable that the other one has not."""
    found = 0
    for _, panel in _panels():
        for link in panel.get("fieldConfig", {}).get("defaults", {}).get("links", []):
            uid, _, query = link["url"].removeprefix("/d/").partition("?")
            variables = {variable["name"] for variable in BOARDS[uid]["templating"]["list"]}
            assert set(re.findall(r"var-(\w+)|\$\{(\w+):queryparam\}", query)) <= {
                pair for variable in variables for pair in ((variable, ""), ("", variable))
            }
            found += 1
    assert found > 5


@pytest.mark.parametrize("name", NAMES)
def test_variables_that_a_query_uses_are_there(name: str) -> None:
    """Mutant: ``level`` left out of the variables of the dashboard of logs."""
    text = json.dumps(BOARDS[name]["panels"])
    used = set(re.findall(r"\$(env|host|job|level)\b", text))
    assert used <= {variable["name"] for variable in BOARDS[name]["templating"]["list"]}


def test_salt_s_metrics_are_those_that_are_written() -> None:
    """Mutant: ``salt_minions_up`` in a query."""
    texts = [
        (ROOT / "salt" / path).read_text() for path in ("_states/highstate.py", "_modules/control_node.py")
    ]
    written = set(re.findall(r'"(salt_\w+)"', "".join(texts)))
    asked = set(re.findall(r"\b(salt_\w+)\{", " ".join(param.values[0] for param in _queries("prometheus"))))
    assert len(asked) > 5
    assert asked <= written
