"""The application's metrics and how they are served; slots.py says how they are right across workers."""

import logging
from collections.abc import Iterator
from concurrent.futures import TimeoutError as NotDone

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from saltwatch_app.aws import NOT_TRIED
from saltwatch_app.database import Database
from saltwatch_app.health import READY_TIMEOUT, Check
from saltwatch_app.identity import Ids, current_ids
from saltwatch_app.processes import WorkersCollector
from saltwatch_app.slots import registry_over_slots

logger = logging.getLogger(__name__)

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class TasksCollector(Collector):
    """``tasks_total``: the rows of the database when scraped; absent while it does not answer.

    Everything else is served then, in time for the scrape.
    """

    def __init__(self, database: Database) -> None:
        self._count = Check(database.count_tasks)

    def describe(self) -> Iterator[Metric]:
        """Name the metric without asking the database."""
        yield GaugeMetricFamily("tasks_total", "Tasks in the database.")

    def collect(self) -> Iterator[Metric]:
        """Count."""
        try:
            count = self._count.ask().result(READY_TIMEOUT)
        except (SQLAlchemyError, NotDone) as error:
            logger.warning("tasks not counted", extra={"fields": {"reason": repr(error)}})
            return
        yield GaugeMetricFamily("tasks_total", "Tasks in the database.", value=count)


class Metrics:
    """The metrics of this process and how they are served."""

    def __init__(self, database: Database) -> None:
        own = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=own)

        def histogram(name: str, text: str, *labels: str) -> Histogram:
            return Histogram(name, text, labels, buckets=BUCKETS, registry=own)

        self._requests = counter("http_requests_total", "Requests answered.", "method", "route", "status")
        self._errors = counter(
            "http_errors_total", "Requests answered with a server error (5xx).", "method", "route", "status"
        )
        self._duration = histogram(
            "http_request_duration_seconds",
            "Time from a request's arrival in the worker to its answer.",
            "method",
            "route",
        )
        self._aws = counter("aws_requests_total", "Calls to AWS.", "service", "operation", "outcome")
        self._aws_duration = histogram(
            "aws_request_duration_seconds",
            "Time of a call to AWS, its retries included.",
            "service",
            "operation",
        )
        self.tasks_created = counter("tasks_created_total", "Tasks created.")
        self.tasks_completed = counter("tasks_completed_total", "Tasks completed.")
        self.tasks_deleted = counter("tasks_deleted_total", "Tasks deleted.")
        self.messages_sent = counter("messages_sent_total", "Messages sent.")
        self.messages_received = counter("messages_received_total", "Messages received and deleted.")
        self.data_saved = counter("data_saved_total", "Items saved.")
        self.workflows = counter("workflows_total", "Workflows run.", "outcome")
        self.telemetry_tests = counter("test_telemetry_total", "Requests for telemetry to test with.")
        over_slots = registry_over_slots()
        self.registry = over_slots or own
        if over_slots:
            self.registry.register(WorkersCollector())
        else:
            ProcessCollector(registry=own)
        self.registry.register(TasksCollector(database))

    def observe(self, method: str, route: str, status: int, seconds: float, ids: Ids) -> None:
        """Count one answer, with its trace as the exemplar of its duration.

        Args:
            method: of the request; one that HTTP does not know is counted as ``other``.
            route: the template that matched, as in ``/api/tasks/<task_id>``, or ``unmatched``.
            status: of the answer.
            seconds: that it took.
            ids: of the request.
        """
        method = method if method in METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        if status >= 500:
            self._errors.labels(method, route, str(status)).inc()
        self._duration.labels(method, route).observe(seconds, _exemplar(ids))

    def observe_aws(self, service: str, operation: str, outcome: str, seconds: float) -> None:
        """Count one call to AWS, and its duration if it was made.

        Args:
            service: as boto3 names it, ``sqs``.
            operation: as AWS names it, ``SendMessage``.
            outcome: one of `saltwatch_app.aws.OUTCOMES`.
            seconds: that it took.
        """
        self._aws.labels(service, operation, outcome).inc()
        if outcome != NOT_TRIED:  # nothing of it is AWS's time, and they are most while it is gone
            self._aws_duration.labels(service, operation).observe(seconds, _exemplar(current_ids()))

    def page(self, accept: str) -> tuple[bytes, str]:
        """Return what a scrape gets, and its content type, by the scraper's ``Accept`` header."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


def _exemplar(ids: Ids) -> dict[str, str] | None:
    """Return the trace, if it is one that is kept."""
    return {"trace_id": ids.trace_id} if ids.trace_id and ids.sampled else None
