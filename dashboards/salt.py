"""Salt: whether master and minions run, how hosts converge and drift, and what the logs say."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard, stat, table, timeseries

from dashboards.frame import ENV, HOST, board, row
from dashboards.parts import NONE_IS_GOOD, graph, log_graph, log_lines, number, rows

NODE = f'job="node",{HOST}'
UNIT = f'{NODE},state="active"'
# What the control node tells of the fleet.
FLEET = f'job="node",{ENV}'
LOG = 'job=~"salt_minion|salt_master|salt_publish",env=~"$env",host=~"$host"'


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    about = "The control node, the minions, highstates, drift and logs."
    made = board("salt", "Salt", about, ("env", "host"))
    for panel in _running():
        made.with_panel(panel)
    made.with_row(row("Convergence"))
    for panel in _convergence():
        made.with_panel(panel)
    made.with_row(row("Drift"))
    for panel in _drift():
        made.with_panel(panel)
    made.with_row(row("Logs"))
    made.with_panel(
        log_graph(
            "Lines",
            "Lines of master and minions, each second, by level.",
            "cps",
            (f"sum by (level) (rate({{{LOG}}}[$__interval]))", "{{level}}"),
            width=24,
        )
    )
    made.with_panel(log_lines("Lines", "Of master and minions; a traceback is one entry.", f"{{{LOG}}}"))
    return made


def _running() -> Iterator[stat.Panel | timeseries.Panel]:
    yield number(
        "Minions that run",
        "Hosts on which the minion's unit is active.",
        "short",
        f'sum(node_systemd_unit_state{{{UNIT},name="salt-minion.service"}})',
        width=6,
    )
    yield number(
        "Masters that run",
        "Hosts on which the master's unit is active.",
        "short",
        f'sum(node_systemd_unit_state{{{UNIT},name="salt-master.service"}})',
        width=6,
    )
    yield number(
        "Minions not connected",
        "Minions whose key is accepted and that have no connection to the master.",
        "short",
        f'sum(salt_minion_up{{{FLEET},minion=~"$host"}} == bool 0)',
        width=6,
        steps=NONE_IS_GOOD,
    )
    yield number(
        "Keys that wait",
        "Keys of minions that nobody has accepted or rejected yet.",
        "short",
        f'sum(salt_keys{{{FLEET},state="unaccepted"}})',
        width=6,
        steps=NONE_IS_GOOD,
    )
    yield graph(
        "Minions that run",
        "1 where the minion's unit is active, 0 where it is not.",
        "short",
        (f'node_systemd_unit_state{{{UNIT},name="salt-minion.service"}}', "{{instance}}"),
        beside=True,
    )
    yield graph(
        "Minions connected",
        "1 where the master has a connection of the minion, 0 where it has none.",
        "short",
        (f'salt_minion_up{{{FLEET},minion=~"$host"}}', "{{minion}}"),
        beside=True,
    )


def _convergence() -> Iterator[stat.Panel | timeseries.Panel]:
    yield number(
        "Hosts that failed",
        "Hosts in whose last highstate a state failed.",
        "short",
        f'sum(salt_highstate_states{{{NODE},result="failed"}} > bool 0)',
        width=8,
        steps=NONE_IS_GOOD,
    )
    yield number(
        "Hosts that changed",
        "Hosts in whose last highstate something was changed.",
        "short",
        f'sum(salt_highstate_states{{{NODE},result="changed"}} > bool 0)',
        width=8,
    )
    yield number(
        "Oldest success",
        "How long ago the host that has waited longest had a highstate in which nothing failed.",
        "s",
        f"max(time() - salt_highstate_last_success_timestamp_seconds{{{NODE}}})",
        width=8,
    )
    yield graph(
        "States changed or failed",
        "States of each host's last highstate that changed something or failed.",
        "short",
        (f'salt_highstate_states{{{NODE},result="changed"}}', "{{instance}} changed"),
        (f'salt_highstate_states{{{NODE},result="failed"}}', "{{instance}} failed"),
        beside=True,
    )
    yield graph(
        "What the states took",
        "Seconds that the states of each host's last highstate took, one after the other.",
        "s",
        (f"salt_highstate_duration_seconds{{{NODE}}}", "{{instance}}"),
        beside=True,
    )


def _drift() -> Iterator[stat.Panel | timeseries.Panel | table.Panel]:
    yield number(
        "Drift of hosts",
        "States that a highstate would change, by the last look at each host.",
        "short",
        f"sum(salt_drift_states{{{NODE}}})",
        width=8,
        steps=NONE_IS_GOOD,
    )
    yield number(
        "Drift of AWS",
        "Resources in AWS that are not as pillar and the maps have them.",
        "short",
        f"sum(salt_aws_drift_resources{{{FLEET}}})",
        width=8,
        steps=NONE_IS_GOOD,
    )
    yield number(
        "Oldest look",
        "How long ago the host that has waited longest was compared with its states.",
        "s",
        f"max(time() - salt_drift_last_run_timestamp_seconds{{{NODE}}})",
        width=8,
    )
    yield graph(
        "Drifted states",
        "States of each host that a highstate would change.",
        "short",
        (f"salt_drift_states{{{NODE}}}", "{{instance}}"),
        beside=True,
    )
    yield rows(
        "What drifted in AWS",
        "By state, or instance; salt-run drift.report says what is wrong.",
        f"salt_aws_drift{{{FLEET}}}",
        hidden=("Time", "__name__", "Value", "job", "instance", "role"),
    )
