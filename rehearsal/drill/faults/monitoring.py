"""Faults of what watches the fleet."""

from rehearsal.drill.fault import Expected, Fault
from rehearsal.drill.site import APP, PROMETHEUS, Site
from rehearsal.inventory import FLEET

EXPORTER = "nginx"  # the catalogue's row; of one host, so that no other one loses a target
_GROUPS = {"group": f"{FLEET}-app", "source": f"{FLEET}-prometheus"}


def _block(site: Site) -> None:
    """Revoke the rule. A connection that is open outlives it, as on AWS: the exporter closes it."""
    site.ec2("close", port=site.fleet.port(EXPORTER), **_GROUPS)
    site.run(APP, "systemctl restart prometheus-nginx-exporter.service")


def _unblock(site: Site) -> None:
    described = f"{EXPORTER} from {_GROUPS['source']}"
    site.ec2("open", port=site.fleet.port(EXPORTER), description=described, **_GROUPS)


def _break(site: Site, file: str, unit: str) -> None:
    site.run(PROMETHEUS, f"echo 'broken: by hand: no YAML' >> {file}\nsystemctl reload {unit}")


def _break_prometheus(site: Site) -> None:
    _break(site, "/etc/prometheus/prometheus.yml", "prometheus.service")


def _mend_prometheus(site: Site) -> None:
    site.apply(PROMETHEUS, "prometheus")


def _break_alertmanager(site: Site) -> None:
    _break(site, "/etc/prometheus/alertmanager.yml", "prometheus-alertmanager.service")


def _mend_alertmanager(site: Site) -> None:
    site.apply(PROMETHEUS, "alertmanager")


def _stop_prometheus(site: Site) -> None:
    site.run(PROMETHEUS, "systemctl stop prometheus.service")


def _start_prometheus(site: Site) -> None:
    site.run(PROMETHEUS, "systemctl start prometheus.service")


FAULTS = (
    Fault(
        "scrape_blocked",
        f"{APP}: Prometheus may not connect to nginx's exporter (RevokeSecurityGroupIngress)",
        Expected("TargetDown", {"instance": APP, "job": EXPORTER}),
        _block,
        _unblock,
        group=1,
    ),
    Fault(
        "prometheus_config_broken",
        f"{PROMETHEUS}: prometheus.yml is no YAML, then a reload",
        Expected("PrometheusConfigReloadFailed", {"instance": PROMETHEUS}),
        _break_prometheus,
        _mend_prometheus,
        group=3,
    ),
    Fault(
        "alertmanager_config_broken",
        f"{PROMETHEUS}: alertmanager.yml is no YAML, then a reload",
        Expected("AlertmanagerConfigReloadFailed", {"instance": PROMETHEUS}),
        _break_alertmanager,
        _mend_alertmanager,
        group=5,  # after host_stopped, which has to find Alertmanager settled: command.SETTLING
    ),
    Fault(
        "prometheus_dead",
        f"{PROMETHEUS}: Prometheus is stopped",
        Expected("WatchdogSilent"),
        _stop_prometheus,
        _start_prometheus,
        group=6,
        consequences=(Expected("PrometheusRemoteWriteFailing", {"job": "tempo"}),),  # what it makes of traces
        # Alertmanager takes the Watchdog for firing until four minutes after the last word of it.
        patience=420,
    ),
)
