"""Alertmanager's configuration from pillar: who is told of what, and by which way.

``alertmanager:receivers`` in pillar names people, each with the ways to reach them (`Kind`), and
``alertmanager:routes`` which of them is told of which severity. What is secret in that is no part of the
configuration: Alertmanager reads it from files. Source of the keys:
https://prometheus.io/docs/alerting/0.28/configuration/
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from salt.exceptions import CommandExecutionError

Settings = Mapping[str, Any]

SECRETS = "/etc/alertmanager"
TEMPLATES = "/etc/prometheus/alertmanager_templates/*.tmpl"
# Receivers that pillar cannot name.
NOBODY, WATCHDOG = "_nobody", "_watchdog"


class Kind(NamedTuple):
    """A way to reach somebody: its secret key, the option that takes the file of that, and what is fixed."""

    secret: str | None
    option: str | None
    fixed: Mapping[str, Any]


KINDS = {
    "slack": Kind(
        "api_url",
        "api_url_file",
        {
            "color": '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}',
            "title": '{{ template "saltwatch.title" . }}',
            "fallback": '{{ template "saltwatch.title" . }}',
            "text": '{{ template "saltwatch.slack" . }}',
        },
    ),
    "email": Kind(
        None,
        None,
        {
            "headers": {"Subject": '{{ template "saltwatch.title" . }}'},
            "html": "",
            "text": '{{ template "saltwatch.text" . }}',
        },
    ),
    "discord": Kind(
        "webhook_url",
        "webhook_url_file",
        {
            "title": '{{ template "saltwatch.title" . }}',
            "message": '{{ template "saltwatch.markdown" . }}',
        },
    ),
    "pagerduty": Kind(
        "routing_key",
        "routing_key_file",
        {
            "description": '{{ template "saltwatch.title" . }}',
            "severity": '{{ if eq .CommonLabels.severity "critical" }}critical{{ else }}warning{{ end }}',
            "details": {"text": '{{ template "saltwatch.text" . }}'},
        },
    ),
    "webhook": Kind("url", "url_file", {}),
}


def config(alertmanager: Settings, watchdogs: Sequence[str]) -> dict[str, Any]:
    """Return the content of ``alertmanager.yml``.

    Args:
        alertmanager: the formula's settings, the defaults merged with pillar.
        watchdogs: ``HOST:PORT`` of those who are told of the alert Watchdog (severity ``none``).

    Raises:
        CommandExecutionError: there are receivers, and a severity that none is told of; or there is one that
            is told of nothing.
    """
    _check(alertmanager)
    return {
        **_mail(alertmanager.get("smtp")),
        "templates": [TEMPLATES],
        "route": _route(alertmanager),
        "receivers": [
            {"name": NOBODY},
            {"name": WATCHDOG, "webhook_configs": [{"url": f"http://{peer}/"} for peer in watchdogs]},
            *(_receiver(name, ways) for name, ways in sorted(alertmanager["receivers"].items())),
        ],
        "inhibit_rules": alertmanager["inhibit_rules"],
        "time_intervals": [
            {"name": name, "time_intervals": intervals}
            for name, intervals in sorted(alertmanager["time_intervals"].items())
        ],
    }


def secrets(alertmanager: Settings) -> dict[str, str]:
    """Return where in pillar (keys with colons) the content of each file of `SECRETS` is."""
    found = {
        _file(name, kind): f"alertmanager:receivers:{name}:{kind}:{KINDS[kind].secret}"
        for name, ways in alertmanager["receivers"].items()
        for kind in ways
        if KINDS[kind].secret
    }
    if "auth_password" in alertmanager.get("smtp", {}):
        found["smtp"] = "alertmanager:smtp:auth_password"
    return found


def _check(alertmanager: Settings) -> None:
    names = set(alertmanager["receivers"])
    for severity in ("critical", "warning"):
        if names and "receiver" not in alertmanager["routes"][severity]:
            raise CommandExecutionError(
                f"alertmanager:routes:{severity}:receiver: expected one of {', '.join(sorted(names))}; "
                "it is missing, and nobody would be told"
            )
    if idle := sorted(names - set(_told(alertmanager))):
        raise CommandExecutionError(
            f"alertmanager:receivers: expected a route or a team that leads to {', '.join(idle)}"
        )


def _told(alertmanager: Settings) -> Iterator[str]:
    for route in alertmanager["routes"].values():
        yield route.get("receiver", NOBODY)
    for team in alertmanager["teams"].values():
        yield from team.values()


def _route(alertmanager: Settings) -> dict[str, Any]:
    """Return the tree: the Watchdog, pages, and tickets, to which goes what says no severity as well."""
    routes = alertmanager["routes"]
    return {
        "receiver": NOBODY,
        "group_by": alertmanager["group_by"],
        "routes": [
            {"matchers": ['severity = "none"'], **routes["none"], "receiver": WATCHDOG},
            {"matchers": ['severity = "critical"'], **_severity("critical", alertmanager)},
            _severity("warning", alertmanager),
        ],
    }


def _severity(severity: str, alertmanager: Settings) -> dict[str, Any]:
    """Return the route of a severity, with one each for the teams that have a receiver of their own."""
    own = [
        {"matchers": [f'team = "{team}"'], "receiver": receivers[severity]}
        for team, receivers in sorted(alertmanager["teams"].items())
        if severity in receivers
    ]
    return {"receiver": NOBODY, **alertmanager["routes"][severity], **({"routes": own} if own else {})}


def _receiver(name: str, ways: Mapping[str, Settings]) -> dict[str, Any]:
    return {
        "name": name,
        **{f"{kind}_configs": [_way(name, kind, way)] for kind, way in sorted(ways.items())},
    }


def _way(name: str, kind: str, way: Settings) -> dict[str, Any]:
    secret, option, fixed = KINDS[kind]
    shown = {key: value for key, value in way.items() if key != secret}
    files = {option: f"{SECRETS}/{_file(name, kind)}"} if option else {}
    return {"send_resolved": True, **fixed, **shown, **files}


def _mail(smtp: Settings | None) -> dict[str, Any]:
    """Return ``global``, if mail can be sent."""
    if smtp is None:
        return {}
    options = {f"smtp_{key}": value for key, value in smtp.items() if key != "auth_password"}
    if "auth_password" in smtp:
        options["smtp_auth_password_file"] = f"{SECRETS}/smtp"
    return {"global": options}


def _file(name: str, kind: str) -> str:
    return f"{name}-{kind}"
