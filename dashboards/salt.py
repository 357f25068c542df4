"""Salt: whether master and minions run, and what they complain of."""

from grafana_foundation_sdk.builders import dashboard

from dashboards.parts import HOST, board, graph, log_graph, log_lines, number

UNIT = f'job="node",{HOST},state="active"'
LOG = 'job=~"salt_minion|salt_master|salt_publish",env=~"$env",host=~"$host"'


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board("salt", "Salt", "The control node, the minions and their logs.", ("env", "host"))
    made.with_panel(
        number(
            "Minions that run",
            "Hosts on which the minion's unit is active.",
            "short",
            f'sum(node_systemd_unit_state{{{UNIT},name="salt-minion.service"}})',
            width=12,
        )
    )
    made.with_panel(
        number(
            "Masters that run",
            "Hosts on which the master's unit is active.",
            "short",
            f'sum(node_systemd_unit_state{{{UNIT},name="salt-master.service"}})',
            width=12,
        )
    )
    made.with_panel(
        graph(
            "Minions",
            "1 where the minion's unit is active, 0 where it is not.",
            "short",
            (f'node_systemd_unit_state{{{UNIT},name="salt-minion.service"}}', "{{instance}}"),
        )
    )
    made.with_panel(
        log_graph(
            "Lines",
            "Lines of master and minions, each second, by level.",
            "logs/s",
            (f"sum by (level) (rate({{{LOG}}}[$__interval]))", "{{level}}"),
        )
    )
    made.with_panel(log_lines("Lines", "Of master and minions; a traceback is one entry.", f"{{{LOG}}}"))
    return made
