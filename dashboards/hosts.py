"""The hosts: how full they are, and what keeps them busy."""

from grafana_foundation_sdk.builders import dashboard, gauge, stat, timeseries

from dashboards.frame import HOST, board, row
from dashboards.parts import NONE_IS_GOOD, fullness, graph, number

NODE = f'job="node",{HOST}'
DISKS = 'device!~"loop.*|ram.*|sr.*"'
FILES = 'fstype!~"tmpfs|devtmpfs|ramfs|squashfs|fuse.*|nsfs",mountpoint!~"/(run|etc|dev|proc|sys)/.*"'

CPU = f'100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{{{NODE},mode="idle"}}[$__rate_interval])))'
MEMORY = (
    f"100 * (1 - max by (instance) (node_memory_MemAvailable_bytes{{{NODE}}})"
    f" / max by (instance) (node_memory_MemTotal_bytes{{{NODE}}}))"
)
FILESYSTEM = (
    f"max by (instance) (100 * (1 - node_filesystem_avail_bytes{{{NODE},{FILES}}}"
    f" / (node_filesystem_size_bytes{{{NODE},{FILES}}} > 0)))"
)


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board("hosts", "Hosts", "Processor, memory, disks and network of every host.", ("env", "host"))
    for panel in (*gauges(), *_summary()):
        made.with_panel(panel)
    made.with_row(row("Processor and memory"))
    for panel in _load():
        made.with_panel(panel)
    made.with_row(row("Disks"))
    for panel in _disks():
        made.with_panel(panel)
    made.with_row(row("Network"))
    for panel in _network():
        made.with_panel(panel)
    return made


def gauges() -> list[gauge.Panel]:
    """Return how full processors, memory and file systems are, a gauge a host."""
    return [
        fullness("Processor", "Share of the processors' time that is used.", CPU, "{{instance}}"),
        fullness("Memory", "Share of the memory that is not available.", MEMORY, "{{instance}}"),
        fullness("File systems", "The fullest file system of each host.", FILESYSTEM, "{{instance}}"),
    ]


def _summary() -> list[stat.Panel]:
    return [
        number("Hosts", "Hosts whose Node Exporter answers.", "short", f"sum(up{{{NODE}}})", width=6),
        number(
            "Failed units",
            "Units of systemd that have failed.",
            "short",
            f'sum(node_systemd_unit_state{{{NODE},state="failed"}})',
            width=6,
            steps=NONE_IS_GOOD,
            link=("Their lines", "/d/logs?var-job=journal&${env:queryparam}&${host:queryparam}"),
        ),
        number(
            "Shortest uptime",
            "Time since the host that booted last has done so.",
            "s",
            f"min(node_time_seconds{{{NODE}}} - node_boot_time_seconds{{{NODE}}})",
            width=6,
        ),
        number(
            "Processes", "Processes on all hosts.", "short", f"sum(node_processes_pids{{{NODE}}})", width=6
        ),
    ]


def _load() -> list[timeseries.Panel]:
    logs = ("Lines of this host", "/d/logs?var-host=${__field.labels.instance}&${env:queryparam}")
    return [
        graph(
            "Processor",
            "Share of the time that is used.",
            "percent",
            (CPU, "{{instance}}"),
            top=100,
            link=logs,
            beside=True,
        ),
        graph(
            "Memory",
            "Share that is not available.",
            "percent",
            (MEMORY, "{{instance}}"),
            top=100,
            link=logs,
            beside=True,
        ),
        graph(
            "Load",
            "Processes that run or wait, averaged over 1 minute.",
            "short",
            (f"node_load1{{{NODE}}}", "{{instance}}"),
            link=logs,
            beside=True,
        ),
        graph(
            "Processes",
            "Processes that run now, and those that wait for a disk.",
            "short",
            (f"node_procs_running{{{NODE}}}", "{{instance}} running"),
            (f"node_procs_blocked{{{NODE}}}", "{{instance}} waiting"),
            beside=True,
        ),
    ]


def _disks() -> list[timeseries.Panel]:
    def rate(metric: str) -> str:
        return f"sum by (instance) (rate({metric}{{{NODE},{DISKS}}}[$__rate_interval]))"

    busy = f"rate(node_disk_io_time_seconds_total{{{NODE},{DISKS}}}[$__rate_interval])"
    return [
        graph(
            "File systems",
            "The fullest of each host.",
            "percent",
            (FILESYSTEM, "{{instance}}"),
            top=100,
            beside=True,
        ),
        graph(
            "Busy",
            "Share of the time in which the busiest disk of a host has something to do.",
            "percentunit",
            (f"max by (instance) ({busy})", "{{instance}}"),
            beside=True,
        ),
        _bytes("Read", "From all disks.", rate("node_disk_read_bytes_total")),
        _bytes("Written", "To all disks.", rate("node_disk_written_bytes_total")),
    ]


def _network() -> list[timeseries.Panel]:
    def rate(direction: str, what: str) -> str:
        metric = f"node_network_{direction}_{what}_total"
        return f'sum by (instance) (rate({metric}{{{NODE},device!="lo"}}[$__rate_interval]))'

    return [
        _bytes("Received", "On all interfaces.", rate("receive", "bytes")),
        _bytes("Sent", "On all interfaces.", rate("transmit", "bytes")),
        graph(
            "Errors",
            "Packets a second that were received or sent with an error.",
            "pps",
            (rate("receive", "errs"), "{{instance}} received"),
            (rate("transmit", "errs"), "{{instance}} sent"),
            width=24,
            steps=NONE_IS_GOOD,
            beside=True,
        ),
    ]


def _bytes(title: str, description: str, expression: str) -> timeseries.Panel:
    return graph(title, description, "Bps", (expression, "{{instance}}"), beside=True)
