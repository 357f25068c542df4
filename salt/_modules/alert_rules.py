"""Alerting and recording rules, from how a formula writes them to what Prometheus and Loki read.

A formula's rule file is one of Prometheus' with four keys more for each alert:

``values``
    What ``[[ name ]]`` stands for in the alert's texts: thresholds, windows. Pillar may set others.
    ``[[ duration ]]`` is what ``for`` says.
``dashboard``
    The uid of one of our dashboards: becomes the annotation ``dashboard_url``.
``logs``
    A LogQL query: becomes the annotation ``logs_url``, which opens it in Grafana.
``filter``
    The label that ``dashboard`` is filtered by, where it is not ``instance``; null for none.

A recording rule may have ``values`` too.

The annotation ``runbook_url`` is added to each alert; what leads to Grafana or Loki is left out where they
are not available.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

import jinja2
import salt.utils.yaml
from salt.exceptions import CommandExecutionError

Rule = dict[str, Any]
Settings = Mapping[str, Any]

# Prometheus' own templates have braces, PromQL has single brackets.
_TEMPLATES = jinja2.Environment(  # noqa: S701 - no HTML
    variable_start_string="[[", variable_end_string="]]", undefined=jinja2.StrictUndefined
)
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_SECONDS = (86400, 3600, 60, 1)
# What Prometheus fills in, in an annotation.
_ACTION = re.compile(r"(\{\{.*?\}\})")
# The variable of our dashboards that selects by a label.
_VARIABLES = {"instance": "host"}


def render(formula: str, settings: Settings) -> dict[str, str]:
    """Return the rule files that a daemon reads.

    Args:
        formula: whose ``files/rules`` they are made from.
        settings: the formula's: ``rules`` (the files' names without ``.yaml``), ``alerts`` (by name of alert:
            ``enabled``, ``for``, ``labels``, ``values``; by name of a record that has values: ``values``),
            ``alert_duration_factor`` (every ``for`` is multiplied with it), ``runbooks_url`` (null: where the
            fleet's Prometheus serves them).

    Returns:
        The text of each file, by its name.

    Raises:
        CommandExecutionError: a rule file is not there; ``alerts`` names an alert or a value that is not.
    """
    urls = {name: f"salt://{formula}/files/rules/{name}.yaml" for name in settings["rules"]}
    sources = {name: _read(url) for name, url in urls.items()}
    _check_names(formula, settings["alerts"], sources.values())
    complete = partial(_complete, settings=settings, links=_links(settings["runbooks_url"]))
    return {
        name: f"# Managed by Salt: {urls[name]}\n{_rendered(source, settings['alerts'], complete)}"
        for name, source in sources.items()
    }


def _links(runbooks: str | None) -> dict[str, str | None]:
    """Return where an alert's links lead: the pages of runbooks, Grafana, and Grafana where it has logs."""
    url = __salt__["fleet.url"]
    grafana = url("grafana")
    return {
        "runbooks": runbooks or f"{url('prometheus')}/user/runbooks",
        "dashboards": grafana,
        "logs": grafana if url("loki") else None,
    }


def _read(url: str) -> dict[str, Any]:
    """Return what a rule file holds, read as Salt reads YAML: by libyaml, ten times as fast as without."""
    text = __salt__["cp.get_file_str"](url)
    if not text:
        raise CommandExecutionError(f"{url}: there is no such file, or it is empty")
    content: dict[str, Any] = salt.utils.yaml.safe_load(text)
    return content


def _check_names(formula: str, alerts: Mapping[str, Any], sources: Iterable[Mapping[str, Any]]) -> None:
    known = {
        _name(rule): rule
        for source in sources
        for rule in _rules(source)
        if "alert" in rule or "values" in rule
    }
    for name, overrides in alerts.items():
        if name not in known:
            raise CommandExecutionError(f"pillar {formula}:alerts: no alert {name!r}{_nearest(name, known)}")
        values = known[name].get("values", {})
        for value in overrides.get("values", {}):
            if value not in values:
                key = f"{formula}:alerts:{name}:values"
                raise CommandExecutionError(f"pillar {key}: no value {value!r}{_nearest(value, values)}")


def _nearest(name: str, known: Iterable[str]) -> str:
    """Return what may have been meant, or all that there are."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(names) or 'none'}"


def _rendered(source: dict[str, Any], alerts: Mapping[str, Any], complete: Callable[[Rule], None]) -> str:
    """Return the text of a rule file; ``source`` is changed."""
    for group in source["groups"]:
        group["rules"] = [
            rule for rule in group["rules"] if alerts.get(rule.get("alert"), {}).get("enabled", True)
        ]
        for rule in group["rules"]:
            if "alert" in rule:
                complete(rule)
            elif "values" in rule:
                values = rule.pop("values") | alerts.get(rule["record"], {}).get("values", {})
                rule["expr"] = _filled(rule["expr"], values)
    text: str = salt.utils.yaml.safe_dump(source, sort_keys=False, width=120, default_flow_style=False)
    return text


def _rules(source: Mapping[str, Any]) -> Iterator[Rule]:
    for group in source["groups"]:
        yield from group["rules"]


def _name(rule: Rule) -> str:
    return str(rule.get("alert") or rule["record"])


def _complete(rule: Rule, settings: Settings, links: Mapping[str, str | None]) -> None:
    """Make an alert of Prometheus of one of ours, in place."""
    overrides = settings["alerts"].get(rule["alert"], {})
    values = rule.pop("values", {}) | overrides.get("values", {})
    if "for" in rule:
        rule["for"] = _scaled(overrides.get("for", rule["for"]), settings["alert_duration_factor"])
        values["duration"] = rule["for"]
    rule["expr"] = _filled(rule["expr"], values)
    rule["labels"] = rule["labels"] | overrides.get("labels", {})
    notes = {key: _filled(text, values) for key, text in rule["annotations"].items()}
    notes["runbook_url"] = f"{links['runbooks']}/{rule['alert']}.md"
    dashboard, label = rule.pop("dashboard", None), rule.pop("filter", "instance")
    if dashboard and links["dashboards"]:
        notes["dashboard_url"] = _dashboard_url(links["dashboards"], dashboard, label)
    logs = rule.pop("logs", None)
    if logs and links["logs"]:
        notes["logs_url"] = _logs_url(links["logs"], _filled(logs, values))
    rule["annotations"] = notes


def _filled(text: str, values: Mapping[str, Any]) -> str:
    return _TEMPLATES.from_string(text).render(values)


def _scaled(duration: str, factor: float) -> str:
    """Return a duration of Prometheus, multiplied and in whole seconds."""
    found = _DURATION.fullmatch(duration)
    if not found or not duration:
        raise CommandExecutionError(f"{duration!r} is no duration such as '90s', '5m' or '1h30m'")
    if factor == 1:
        return duration
    seconds = sum(int(number or 0) * unit for number, unit in zip(found.groups(), _SECONDS, strict=True))
    return f"{round(seconds * factor)}s"


def _dashboard_url(grafana: str, uid: str, label: str | None) -> str:
    if label is None:
        return f"{grafana}/d/{uid}"
    return f"{grafana}/d/{uid}?var-{_VARIABLES.get(label, label)}={{{{ $labels.{label} | urlquery }}}}"


def _logs_url(grafana: str, query: str) -> str:
    """Return the address at which Grafana's Explore shows the last hour of a LogQL query."""
    pane = {
        "datasource": "loki",
        "queries": [{"refId": "A", "expr": query, "datasource": {"type": "loki", "uid": "loki"}}],
        "range": {"from": "now-1h", "to": "now"},
    }
    parts = _ACTION.split(json.dumps({"alert": pane}))
    quoted = "".join(_escaped(part) if _ACTION.fullmatch(part) else quote(part) for part in parts)
    return f"{grafana}/explore?schemaVersion=1&orgId=1&panes={quoted}"


def _escaped(action: str) -> str:
    return action.removesuffix("}}").rstrip() + " | urlquery }}"
