"""A host that is down silences what runs on it: HostDown is there before anything else is told of.

Targets are scraped at moments of their own. The worst is that a service's scrape fails at once, and that of
the Node Exporter comes an interval later and waits for its time-out.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from alerting import Rule, check, render, rules
from compiled import Minion
from test_rules import seconds

RENDERED = render("prometheus")
START = 35  # seconds from the Node Exporter's start to that of the last service of a host
TICK = 5  # seconds between two evaluations of the groups that page
APP = {"env": "dev", "instance": "app-1", "role": "app"}
_SEEN_BY_LOOKING = re.compile(r"\b(?:up|probe_success)\{[^}]*\} == 0")


def _alerts() -> dict[str, Rule]:
    return {rule["alert"]: rule for text in RENDERED.values() for rule in rules(text) if "alert" in rule}


def _felt() -> list[str]:
    """Return the alerts that a host that is down brings of itself, each with the host as its instance."""
    found = [
        name
        for name, rule in _alerts().items()
        if not _SEEN_BY_LOOKING.sub("", rule["expr"]).replace("or", "").strip() and name != "HostDown"
    ]
    assert {"ServiceDown", "TargetDown", "ProbeFailed", "DatabaseDown", "SshDown", "HostUnreachable"} <= set(
        found
    )
    return found


@pytest.fixture(scope="module", params=["dev", "prod"])
def files(request: pytest.FixtureRequest, minion: Callable[..., Minion]) -> dict[str, str]:
    return minion("prometheus-1", request.param).files


@pytest.fixture(scope="module")
def late(files: dict[str, str]) -> int:
    """Seconds by which HostDown's scrape may fail later than another one of the host."""
    scrapes = yaml.safe_load(files["/etc/prometheus/prometheus.yml"])["global"]
    return seconds(scrapes["scrape_interval"]) + seconds(scrapes["scrape_timeout"])


def _waits(files: dict[str, str], severity: str) -> int:
    """Return the seconds after which Alertmanager tells of the first alert of a severity."""
    _, page, ticket = yaml.safe_load(files["/etc/prometheus/alertmanager.yml"])["route"]["routes"]
    return seconds({"critical": page, "warning": ticket}[severity]["group_wait"])


def _silenced(files: dict[str, str]) -> dict[str, Any]:
    """Return the rule by which HostDown silences."""
    inhibits = yaml.safe_load(files["/etc/prometheus/alertmanager.yml"])["inhibit_rules"]
    (rule,) = (rule for rule in inhibits if rule["source_matchers"] == ["alertname = HostDown"])
    return dict(rule)


def _scrapes(job: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Return interval and time-out of each of a job's scrapes; labels say where one has its own."""
    names = "scrape_interval", "scrape_timeout"
    for group in job["static_configs"]:
        interval, timeout = (group["labels"].get(f"__{name}__", job[name]) for name in names)
        yield interval, timeout


@pytest.mark.parametrize("name", _felt())
def test_host_down_comes_before_what_it_silences_is_told(files: dict[str, str], late: int, name: str) -> None:
    """Mutants: `for: 1m`, and `for: 40s`, of HostDown; an interval of a minute; `group_wait: 0s` of pages."""
    alerts = _alerts()
    rule = alerts[name]
    told = seconds(rule["for"]) + _waits(files, rule["labels"]["severity"])
    assert late + TICK + seconds(alerts["HostDown"]["for"]) < told


def test_host_down_goes_on_until_services_have_been_seen_again(files: dict[str, str]) -> None:
    """They start later than the Node Exporter, and are scraped when their time comes.

    Mutants: HostDown without `keep_firing_for`, and with `1m`; a probe every two minutes.
    """
    config = yaml.safe_load(files["/etc/prometheus/prometheus.yml"])
    seen = max(
        seconds(interval) + seconds(timeout)
        for job in config["scrape_configs"]
        for interval, timeout in _scrapes({**config["global"], **job})
    )
    evaluated = seen + seconds(config["global"]["evaluation_interval"])
    assert START + evaluated <= seconds(_alerts()["HostDown"].get("keep_firing_for", "0s"))


def test_promtool_sees_host_down_before_service_down_is_told(
    files: dict[str, str], late: int, tmp_path: Path
) -> None:
    """With the labels by which Alertmanager silences. Mutants: `for: 40s` of HostDown; `sum by (env)`."""
    told = seconds(_alerts()["ServiceDown"]["for"]) + _waits(files, "critical")
    down = {"severity": "critical", "team": "platform", "job": "node", **APP}
    service = {"severity": "critical", "team": "app", "job": "app", **APP}
    series = 'up{{job="{job}",env="dev",instance="app-1",role="app"}}'
    content = {
        "evaluation_interval": f"{TICK}s",
        "tests": [
            {
                "interval": f"{TICK}s",
                "input_series": [
                    {"series": series.format(job="app"), "values": "0x40"},
                    {"series": series.format(job="node"), "values": f"1x{late // TICK - 1} 0x40"},
                ],
                "alert_rule_test": [
                    # One evaluation earlier: the groups' evaluations are not at the same moment.
                    _case("HostDown", told - TICK, down, _alerts()["HostDown"]),
                    _case("ServiceDown", told, service, _alerts()["ServiceDown"]),
                ],
            }
        ],
    }
    assert check(tmp_path, [_together("reachability", "app")], content) == [""]
    for alert in (down, service):
        assert all(alert.get(label) for label in _silenced(files)["equal"])
    assert {label: down[label] for label in _silenced(files)["equal"]} == {"env": "dev", "instance": "app-1"}
    assert _silenced(files)["target_matchers"] == ["alertname != HostDown"]


def _together(*names: str) -> str:
    """Return the rules of several files as one."""
    return yaml.safe_dump({"groups": [g for n in names for g in yaml.safe_load(RENDERED[n])["groups"]]})


def _case(name: str, moment: int, labels: dict[str, str], rule: Rule) -> dict[str, Any]:
    """Return promtool's expectation that an alert fires then, with these labels."""
    notes = {
        "HostDown": {
            "summary": "app-1 does not answer.",
            "description": f"The Node Exporter of app-1 (app) could not be scraped for {rule['for']}.",
        },
        "ServiceDown": {
            "summary": "The app on app-1 is unreachable.",
            "description": f"Its scrape has failed for {rule['for']}.",
        },
    }
    fires = {"exp_labels": labels, "exp_annotations": notes[name]}
    return {"alertname": name, "eval_time": f"{moment}s", "exp_alerts": [fires]}
