"""The pillar of a drill: durations scaled, notifications to the drill's sinks.

It is laid over `pillar/local` on the control node only, with a note that these are not the checkout's own
files: whatever becomes of the drill, the next `./rehearse` puts those back and applies them.
"""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from rehearsal import checkout, local
from rehearsal.drill.site import LOKI, PROMETHEUS, Site, lacks
from rehearsal.inventory import CONTROL
from rehearsal.operator import Operator, write_private

# The role whose hosts get a formula's pillar, where it is not of the formula's name.
FILES = {"watchdog": "master"}
FACTOR = 0.05  # of each alert's `for`
SCRAPE = 5  # seconds between two
# Seconds that a scaled `for` has at least. A scrape that the end of Prometheus cut off counts as failed
# after its restart, until the next one.
SHORTEST = 2 * SCRAPE
RECEIVER = "drill"
# What pillar says of receivers counts as a whole: one that no route leads to is refused.
REPLACED = {"alertmanager": ("receivers", "routes", "teams", "smtp"), "watchdog": ("webhook", "mail")}


# Alerts with windows of hours: what a drill does to the application would keep them firing long after it.
LASTING = ("AppErrorBudgetBurnFast", "AppErrorBudgetBurnSlow")
# Alerts whose `for` outlasts what is not scaled: their own window, so that one event makes none; a host's
# orderly shutdown, so that its service does not page before HostDown inhibits that; the minute between two
# probes of SSH, so that one that is slow makes none.
UNSCALED = (
    "PrometheusNotificationsDropped",
    "PrometheusRuleFailures",
    "ProbesMissing",
    "ServiceDown",
    "SshDown",
)


def pillars(
    url: str,
    smarthost: str,
    factor: float,
    without: Iterable[str] = (),
    durations: Mapping[str, float] = MappingProxyType({}),
) -> dict[str, dict[str, Any]]:
    """Return the pillar of each formula.

    Args:
        url: Of the webhook.
        smarthost: ``HOST:PORT`` of the mail server.
        factor: By which each alert's `for` is multiplied; with 1 all durations are production's.
        without: Alerts that are switched off, as they would tell of this machine and of no single host.
        durations: Seconds of `for` of each alert that there is.
    """
    scaled = factor != 1
    prometheus: dict[str, Any] = {"alert_duration_factor": factor}
    alerts: dict[str, Any] = {alert: {"enabled": False} for alert in without}
    if scaled:
        alerts |= {alert: {"enabled": False} for alert in LASTING if alert in durations}
        alerts |= {
            alert: {"for": f"{wanted / factor:.0f}s"}
            for alert, seconds in durations.items()
            if (wanted := _duration(alert, seconds, factor)) != seconds * factor
        }
    if alerts:
        prometheus["alerts"] = alerts
    if scaled:
        intervals = {
            "scrape_interval": f"{SCRAPE}s",
            "scrape_timeout": "4s",
            "evaluation_interval": "5s",
        }
        prometheus["config"] = {"global": intervals}
    # What inhibits may come later: a host that is stopped ends its services before it is gone itself, and
    # scrapes, which time out, and evaluations are each some seconds apart.
    waits = {"group_wait": "25s", "group_interval": "5s"} if scaled else {}
    mail = {"smarthost": smarthost, "from": "alertmanager@rehearsal.internal", "require_tls": False}
    address = "drill@rehearsal.internal"
    return {
        "prometheus": prometheus,
        "loki": {"alert_duration_factor": factor},
        "alertmanager": {
            "smtp": mail,
            "receivers": {RECEIVER: {"webhook": {"url": url}, "email": {"to": address}}},
            "routes": {
                "critical": {"receiver": RECEIVER, **waits},
                "warning": {"receiver": RECEIVER, **waits},
                **({"none": {"group_interval": "5s", "repeat_interval": "5s"}} if scaled else {}),
            },
        },
        "watchdog": {
            "webhook": {"url": url},
            "mail": {**mail, "to": address},
            **({"timeout": 20} if scaled else {}),
        },
    }


def _duration(alert: str, seconds: float, factor: float) -> float:
    """Return the seconds of `for` that an alert has in a drill."""
    if alert in UNSCALED:
        return seconds
    return max(seconds * factor, min(seconds, SHORTEST))


def lay(site: Site, files: Mapping[str, Mapping[str, Any]], scratch: Path) -> None:
    """Give the control node `pillar/local` with these pillars laid over it, and apply them.

    Args:
        site: The fleet.
        files: Pillar by formula.
        scratch: A directory for the copy of `pillar/local`, which only root can read; gone afterwards.

    Raises:
        StepError: It could not be applied.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True, mode=0o700)
    try:
        merge(site.settings.checkout, files, scratch)
        _send(site, scratch, "of-a-drill")
    finally:
        shutil.rmtree(scratch)
    _apply(site)


def lift(site: Site) -> None:
    """Give the control node `pillar/local` as the checkout has it, and apply that.

    Raises:
        StepError: It could not be applied.
    """
    _send(site, site.settings.checkout, None)
    _apply(site)


def merge(source: Path, files: Mapping[str, Mapping[str, Any]], target: Path) -> None:
    """Copy what a checkout has for its control node alone to ``target``, with pillars laid over it.

    Args:
        source: The checkout, which stays as it is.
        files: Pillar by formula.
        target: A directory that is there.
    """
    for name in checkout.LOCAL_FILES:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name)
        elif (source / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, target / name)
    for formula, pillar in files.items():
        path = target / local.ROLE_PILLARS / f"{FILES.get(formula, formula)}.sls"
        content = local.load(path)
        for key in REPLACED.get(formula, ()):
            content.get(formula, {}).pop(key, None)
        write_private(path, yaml.safe_dump(local.merge(content, {formula: pillar}), sort_keys=False))


def _send(site: Site, tree: Path, digest: str | None) -> None:
    """Extract the local files of a tree on the control node, noting their own digest or another."""
    archive = site.settings.state / "drill.tar"
    operator = Operator(site.settings)
    try:
        own = checkout.write_local_files(tree, archive)
        command = checkout.extract_command(operator, digest or own)
        site.step.run(command, env=operator.environment(), stdin=archive, timeout=60)
    finally:
        archive.unlink(missing_ok=True)


def _apply(site: Site) -> None:
    site.apply(PROMETHEUS, "prometheus", "alertmanager")
    if not lacks(site.settings, site.fleet, "loki"):
        site.apply(LOKI, "loki")
    site.apply(CONTROL, "watchdog")
