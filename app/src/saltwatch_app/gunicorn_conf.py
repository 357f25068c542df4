"""Gunicorn's settings: ``gunicorn -c python:saltwatch_app.gunicorn_conf``.

They come from the same environment variables as the application's own (README.md).

No request is lost when a gunicorn takes over from another on the same socket, or a worker from another:
what was accepted is answered, and what was not stays in the queue of the socket, which somebody else keeps
open (systemd: app.socket). A kept-alive connection that a worker closes just as a request is sent on it would
be the exception. A worker that stops keeps those open for 2 s more (``STOP_KEEPALIVE_LINGER`` of gunicorn's
gthread), so nginx is told to close what it has not used for 1 s (``keepalive_timeout`` of its upstream).
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from gunicorn import systemd
from gunicorn.glogging import Logger

from saltwatch_app import logs, slots
from saltwatch_app.settings import Settings, exit_on_error

_settings = exit_on_error(lambda: Settings.from_environ(os.environ))

wsgi_app = "saltwatch_app.wsgi:app"
bind = [_settings.bind]
worker_class = "gthread"
workers = _settings.workers
threads = _settings.threads
max_requests = _settings.max_requests
max_requests_jitter = _settings.max_requests // 10  # workers are not replaced all at once
graceful_timeout = _settings.graceful_timeout
timeout = 60  # seconds until a worker that hangs is replaced
keepalive = 75  # seconds; longer than nginx keeps an upstream connection, so that nginx is the one to close
limit_request_line = 8190
limit_request_field_size = 8190
control_socket_disable = True
logconfig_dict = logs.configuration(_settings)


class logger_class(Logger):
    """Gunicorn's own logger, but for the access log: the application logs each request itself."""

    def access(self, *_: Any) -> None:
        """Say nothing."""


def _metrics_dir() -> Path:
    """Return the directory of the workers' counters, a temporary one if none was set."""
    if _settings.metrics_dir:
        return _settings.metrics_dir
    directory = Path(tempfile.mkdtemp(prefix="saltwatch-app-metrics-"))
    master = os.getpid()

    def remove() -> None:
        if os.getpid() == master:  # workers inherit this
            shutil.rmtree(directory)

    atexit.register(remove)
    return directory


_directory = _metrics_dir()
# Gunicorn itself would say that it is ready before any worker has loaded the application.
_notify_socket = os.environ.pop("NOTIFY_SOCKET", None)


def on_starting(server: Any) -> None:
    """Take the directory of the counters."""
    slots.open_directory(_directory)


def post_fork(server: Any, worker: Any) -> None:
    """Give the worker its slot before it loads the application."""
    slots.join_slot(_directory)


def post_worker_init(worker: Any) -> None:
    """Say to systemd that the service is ready: this worker has loaded the application."""
    if _notify_socket:
        os.environ["NOTIFY_SOCKET"] = _notify_socket
        systemd.sd_notify("READY=1", worker.log, unset_environment=True)
