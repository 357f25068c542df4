"""The application with less instrumentation than it has, to be served by gunicorn beside the whole of it.

``BENCH_VARIANT`` says which: ``plain`` has neither metrics nor traces nor a log line a request, ``metrics``
the metrics only, ``everything`` is the application as it is.
"""

import logging
import os
import time

from flask import Flask, Response, current_app, g, request
from saltwatch_app import factory, observe, telemetry
from saltwatch_app.identity import current_ids
from saltwatch_app.metrics import Metrics


def _observe_nothing(app: Flask) -> None:
    app.register_blueprint(observe.blueprint)


def _observe_metrics(app: Flask) -> None:
    """Count and time each request, as `observe` does."""

    def start() -> None:
        g.start = time.perf_counter()

    def finish(answer: Response) -> Response:
        metrics: Metrics = current_app.extensions["metrics"]
        route = observe._template(request.url_rule.rule) if request.url_rule else "unmatched"
        metrics.observe(
            request.method, route, answer.status_code, time.perf_counter() - g.start, current_ids()
        )
        return answer

    app.before_request(start)
    app.after_request(finish)
    app.register_blueprint(observe.blueprint)


def make() -> Flask:
    """Make the variant that the environment names."""
    variant = os.environ["BENCH_VARIANT"]
    if variant != "everything":
        telemetry.start = lambda settings: None
        telemetry.init_app = lambda app: None
        observe.init_app = {"plain": _observe_nothing, "metrics": _observe_metrics}[variant]
    made = factory.create_app()
    if variant != "everything":
        logging.getLogger("saltwatch_app").setLevel(logging.WARNING)
    return made


app = make()
