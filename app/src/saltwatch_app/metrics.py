"""The application's metrics, right across workers, and across workers that were replaced.

Every scrape reaches one worker only, which has to answer for all of them, the dead ones included. Ways tried
or weighed:

- prometheus_client's multiprocess mode as it comes: a file per process id that is never removed. With workers
  recycled all day the files, and the time to read them, grow without bound.
- An endpoint per worker: what a worker counted after its last scrape dies with it, and nothing listens where
  the catalogue says.
- This: the same memory-mapped files, keyed by *slot* instead of process id. A worker takes the lowest free
  slot by a lock that the kernel gives back when the process ends, however it ends, and goes on counting from
  the values its predecessor left in that slot's files. Counts are exact, there are never more slots than
  workers alive at one time, and a scrape reads a handful of files. One exemplar a bucket fits the same
  scheme: a slot has one writer.

Process metrics are not served: the files hold counters and histograms; gauges of the moment (``tasks_total``)
are asked for at scrape time.
"""

import fcntl
import itertools
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import prometheus_client.values
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from saltwatch_app.database import Database

logger = logging.getLogger(__name__)

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_FILE_SIZE = 1 << 16  # what prometheus_client starts a file with
_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus_client looks for the directory


def join_slot(directory: Path) -> int:
    """Take a free slot for this worker process, before the application is made.

    Args:
        directory: private to the workers of one gunicorn; its files are counters' values.

    Returns:
        The slot's number. The lock is held until the process ends.
    """
    for slot in itertools.count():
        descriptor = os.open(directory / f"slot_{slot}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        break
    for kind in ("counter", "histogram"):
        _make_file(directory / f"{kind}_{slot}.db")
    os.environ[_VARIABLE] = str(directory)
    prometheus_client.values.ValueClass = prometheus_client.values.MultiProcessValue(lambda: slot)
    return slot


def _make_file(path: Path) -> None:
    """Make the file whole at once: a scrape must never read an empty one."""
    if not path.exists():
        new = path.with_suffix(".new")
        new.write_bytes(bytes(_FILE_SIZE))
        new.rename(path)


def forget(directory: Path) -> None:
    """Remove what an earlier gunicorn left, unless its workers are still there.

    An upgrade that starts a second gunicorn beside the first goes on counting.
    """
    for lock in directory.glob("slot_*.lock"):
        with lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
    for path in directory.glob("*.db"):
        path.unlink()


class TasksCollector(Collector):
    """``tasks_total``: the rows of the database when scraped; absent while it does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def describe(self) -> Iterator[Metric]:
        """Name the metric without asking the database."""
        yield GaugeMetricFamily("tasks_total", "Tasks in the database.")

    def collect(self) -> Iterator[Metric]:
        """Count."""
        try:
            count = self.database.count_tasks()
        except SQLAlchemyError as error:
            logger.warning("tasks not counted: %s", error)
            return
        yield GaugeMetricFamily("tasks_total", "Tasks in the database.", value=count)


class Metrics:
    """The metrics of this process and how they are served."""

    def __init__(self, database: Database) -> None:
        own = CollectorRegistry()
        self.requests = Counter(
            "http_requests_total", "Requests answered.", ("method", "route", "status"), registry=own
        )
        self.errors = Counter(
            "http_errors_total",
            "Requests answered with a server error (5xx).",
            ("method", "route", "status"),
            registry=own,
        )
        self.duration = Histogram(
            "http_request_duration_seconds",
            "Time from a request's arrival in the worker to its answer.",
            ("method", "route"),
            buckets=BUCKETS,
            registry=own,
        )
        self.registry = own
        if _VARIABLE in os.environ:
            self.registry = CollectorRegistry()
            MultiProcessCollector(self.registry)
        self.registry.register(TasksCollector(database))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer.

        Args:
            method: of the request; one that HTTP does not know is counted as ``other``.
            route: the template that matched, as in ``/api/tasks/<task_id>``, or ``unmatched``.
            status: of the answer.
            seconds: that it took.
        """
        method = method if method in METHODS else "other"
        self.requests.labels(method, route, str(status)).inc()
        if status >= 500:
            self.errors.labels(method, route, str(status)).inc()
        self.duration.labels(method, route).observe(seconds)

    def page(self, accept: str) -> tuple[bytes, str]:
        """Return what a scrape gets, and its content type, by the scraper's ``Accept`` header."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type
