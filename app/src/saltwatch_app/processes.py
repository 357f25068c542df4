"""What gunicorn and its workers use, summed: prometheus_client serves no process metrics across processes.

The names and units are those of prometheus_client's own ProcessCollector. The processor time of workers that
are gone is what the kernel added to their parent's account (proc_pid_stat(5): cutime, cstime), so that the
counter survives them.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """What one process uses."""

    cpu: float  # seconds
    cpu_of_ended_children: float  # seconds
    start: float  # seconds since the machine started
    resident: int  # bytes; pages shared with other processes count in each
    threads: int
    descriptors: int


def usage(pid: int) -> Usage:
    """Ask the kernel about a process of this user.

    Raises:
        OSError: it has ended.
    """
    directory = Path(f"/proc/{pid}")
    # The second field is the program's name, in parentheses; it may hold spaces.
    fields = (directory / "stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = (int(field) / _TICK for field in fields[11:15])
    return Usage(
        cpu=user + system,
        cpu_of_ended_children=children_user + children_system,
        threads=int(fields[17]),
        start=int(fields[19]) / _TICK,
        resident=int(fields[21]) * _PAGE,
        descriptors=len(os.listdir(directory / "fd")),  # noqa: PTH208 - the names are not wanted
    )


def children(pid: int) -> list[int]:
    """Return the children of a process with one thread, which gunicorn's arbiter is."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class WorkersCollector(Collector):
    """The metrics of gunicorn, this process's parent, and all its workers."""

    def __init__(self) -> None:
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        self._boot = time.time() - uptime

    def describe(self) -> Iterator[Metric]:
        """Name no metric: registering would otherwise ask the kernel."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Sum up; nothing if workers come and go while it is asked."""
        arbiter = os.getppid()
        for _ in range(3):
            try:
                workers = children(arbiter)
                parent, each = usage(arbiter), [usage(pid) for pid in workers]
                # A worker that ends in between would be counted twice or not at all.
                if children(arbiter) != workers:
                    continue
            except OSError:
                continue
            everyone = [parent, *each]
            cpu = parent.cpu_of_ended_children + sum(one.cpu + one.cpu_of_ended_children for one in each)
            yield CounterMetricFamily(
                "process_cpu_seconds_total", "Processor time of all processes.", parent.cpu + cpu
            )
            for name, text, value in (
                ("process_resident_memory_bytes", "Resident memory of all processes.", "resident"),
                ("process_open_fds", "Open file descriptors of all processes.", "descriptors"),
                ("process_threads", "Threads of all processes.", "threads"),
            ):
                yield GaugeMetricFamily(name, text, sum(getattr(one, value) for one in everyone))
            yield GaugeMetricFamily(
                "process_start_time_seconds", "When gunicorn started.", self._boot + parent.start
            )
            yield GaugeMetricFamily("app_workers", "Worker processes.", len(workers))
            return
