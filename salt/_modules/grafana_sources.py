"""Grafana's data sources: those whose server the fleet has, under uids that never change, and their links.

The uids are what dashboards refer to: ``prometheus``, ``mimir``, ``loki``, ``tempo``, ``alertmanager`` and
``cloudwatch``. What is not there is deleted in Grafana, and nothing links to it.
"""

from collections.abc import Callable, Mapping
from typing import Any

# The service of the catalogue and the path on it, by uid.
SERVERS = {
    "prometheus": ("prometheus", ""),
    "mimir": ("mimir", "/prometheus"),
    "loki": ("loki", ""),
    "tempo": ("tempo", ""),
    "alertmanager": ("alertmanager", ""),
}
NAMES = {
    "prometheus": "Prometheus",
    "mimir": "Mimir",
    "loki": "Loki",
    "tempo": "Tempo",
    "alertmanager": "Alertmanager",
    "cloudwatch": "CloudWatch",
}
# As a line of JSON has it (the application's and nginx's).
TRACE_ID = r'"trace_id": ?"([0-9a-f]{32})"'
# Grafana replaces environment variables in these files: a dollar of its own is doubled.
LOGS_OF_TRACE = '{job=~".+"} | trace_id = "$${__trace.traceId}"'

Source = dict[str, Any]


def provisioning() -> dict[str, Any]:
    """Return the file of provisioning for this minion's fleet.

    Source of its keys: https://grafana.com/docs/grafana/latest/administration/provisioning/#data-sources
    """
    grafana = __salt__["slsutil.merge"](
        __salt__["slsutil.renderer"]("salt://grafana/defaults.yaml", default_renderer="yaml"),
        __pillar__["grafana"],
    )
    return build(__salt__["fleet.endpoints"], grafana["interval"], grafana["cloudwatch_region"])


def build(endpoints: Callable[[str], list[str]], interval: str, region: str | None) -> dict[str, Any]:
    """Return the file of provisioning.

    Args:
        endpoints: returns ``<host>:<port>`` of each host of a service; nothing if it is not there.
        interval: how far apart samples are, as ``15s``.
        region: of CloudWatch; None for no such source.
    """
    urls = {
        uid: f"http://{found[0]}{path}" for uid, (name, path) in SERVERS.items() if (found := endpoints(name))
    }
    present = {*urls, *(["cloudwatch"] if region else [])}
    sources = [_source(uid, urls[uid], _options(uid, present, interval)) for uid in urls]
    if region:
        sources.append(_source("cloudwatch", None, {"authType": "default", "defaultRegion": region}))
    return {
        "apiVersion": 1,
        "deleteDatasources": [{"name": NAMES[uid], "orgId": 1} for uid in NAMES if uid not in present],
        "datasources": sources,
    }


def _source(uid: str, url: str | None, options: Mapping[str, Any]) -> Source:
    kind = "prometheus" if uid == "mimir" else uid
    source: Source = {
        "name": NAMES[uid],
        "uid": uid,
        "type": kind,
        "access": "proxy",
        "orgId": 1,
        "isDefault": uid == "prometheus",
        "editable": False,
        "jsonData": dict(options),
    }
    return source | ({"url": url} if url else {})


def _options(uid: str, present: set[str], interval: str) -> dict[str, Any]:
    """Return a source's own options (``jsonData``), with its links to the others that are there."""
    if uid in ("prometheus", "mimir"):
        return _metrics(uid, present, interval)
    if uid == "loki":
        return _logs(present)
    if uid == "tempo":
        return _traces(present)
    return {"implementation": "prometheus", "handleGrafanaManagedAlerts": False}


def _metrics(uid: str, present: set[str], interval: str) -> dict[str, Any]:
    """An exemplar leads to its trace; rules and silences are shown beside each other."""
    options: dict[str, Any] = {
        "httpMethod": "POST",
        "timeInterval": interval,
        "prometheusType": "Mimir" if uid == "mimir" else "Prometheus",
    }
    if "alertmanager" in present:
        options |= {"manageAlerts": True, "alertmanagerUid": "alertmanager"}
    if "tempo" in present:
        options["exemplarTraceIdDestinations"] = [{"name": "trace_id", "datasourceUid": "tempo"}]
    return options


def _logs(present: set[str]) -> dict[str, Any]:
    """A line leads to its trace."""
    options: dict[str, Any] = {"maxLines": 1000}
    if "alertmanager" in present:
        options |= {"manageAlerts": True, "alertmanagerUid": "alertmanager"}
    if "tempo" in present:
        field = {
            "name": "trace_id",
            "matcherRegex": TRACE_ID,
            "url": "$${__value.raw}",
            "datasourceUid": "tempo",
        }
        options["derivedFields"] = [field]
    return options


def _traces(present: set[str]) -> dict[str, Any]:
    """A trace leads to its lines; the service graph is made of the metrics of Tempo's generator."""
    options: dict[str, Any] = {"nodeGraph": {"enabled": True}}
    if "loki" in present:
        options["tracesToLogsV2"] = {
            "datasourceUid": "loki",
            "spanStartTimeShift": "-5m",
            "spanEndTimeShift": "5m",
            "customQuery": True,
            "query": LOGS_OF_TRACE,
        }
    if "prometheus" in present:
        options["serviceMap"] = {"datasourceUid": "prometheus"}
    return options
