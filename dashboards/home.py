"""The one screen: whether the application is well, and where to look if it is not."""

from grafana_foundation_sdk.builders import dashboard

from dashboards import application, hosts
from dashboards.frame import ENV, board
from dashboards.parts import NONE_IS_GOOD, log_graph, number, rows

BAD = 'env=~"$env",level=~"warning|error|critical"'


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board("home", "Overview", "The state of the fleet on one screen.", ("env", "host"))
    for panel in application.summary(width=5):
        made.with_panel(panel)
    made.with_panel(
        number(
            "Alerts",
            "Alerts that fire, the Watchdog aside, which always does.",
            "short",
            f'count(ALERTS{{alertstate="firing",alertname!="Watchdog",{ENV}}}) or vector(0)',
            steps=NONE_IS_GOOD,
            link=("Monitoring", "/d/stack?${env:queryparam}"),
        )
    )
    for panel in hosts.gauges():
        made.with_panel(panel)
    made.with_panel(application.by_status())
    made.with_panel(application.latency())
    made.with_panel(
        log_graph(
            "Warnings and errors",
            "Lines from the level warning, each second.",
            "cps",
            (f"sum by (level) (rate({{{BAD}}}[$__interval]))", "{{level}}"),
        )
    )
    made.with_panel(
        rows(
            "Alerts",
            "What fires or is about to; the Watchdog always does.",
            # Those that are of no environment, too, such as the Watchdog.
            'group by (alertname, alertstate, instance, severity) (ALERTS{env=~"$env|"})',
            hidden=("Time", "Value"),
            first="alertstate",
            wide={"alertname": 250},
        )
    )
    return made
