"""Logs as JSON, one line an event, in the shape that the fleet's log pipeline expects.

Every line has ``ts`` (RFC 3339, UTC), ``level``, ``logger``, ``message``, ``service``, ``env``, ``host``,
``request_id``, ``trace_id`` and ``span_id`` (null outside a request), then what the event adds:
``logger.info("...", extra={"fields": {...}})``.
"""

import io
import json
import logging
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from typing import Any

from saltwatch_app.identity import current_ids
from saltwatch_app.settings import Settings

SERVICE = "app"
SECONDS_QUIET = 60.0
EXCEPTION_LIMIT = 16_384  # characters; the end is kept, where the cause is


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON; nothing in a message can start a second line."""

    def __init__(self, env: str, host: str) -> None:
        super().__init__()
        self.env, self.host = env, host

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its newline."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        ids = current_ids()
        line: dict[str, Any] = {
            "ts": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "service": SERVICE,
            "env": self.env,
            "host": self.host,
            "request_id": ids.request_id,
            "trace_id": ids.trace_id,
            "span_id": ids.span_id,
        }
        for name, value in getattr(record, "fields", {}).items():
            line.setdefault(name, value)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)[-EXCEPTION_LIMIT:]
        return json.dumps(line, default=str)


class OncePerMinute(logging.Filter):
    """Lets each message of OpenTelemetry through once a minute: every batch that is lost makes one."""

    def __init__(self) -> None:
        super().__init__("opentelemetry")
        self._told: dict[tuple[str, int], float] = {}  # by line of OpenTelemetry's code

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is written."""
        if not super().filter(record):
            return True
        key = (record.pathname, record.lineno)
        if record.created - self._told.get(key, -SECONDS_QUIET) < SECONDS_QUIET:
            return False
        self._told[key] = record.created
        return True


class SharedFileHandler(WatchedFileHandler):
    """A log file that all workers append to and that logrotate may move away.

    Each line is one unbuffered ``write`` to a file opened for appending, so that workers' lines never mix.
    """

    def _open(self) -> io.TextIOWrapper:
        raw = io.FileIO(self.baseFilename, "ab")
        return io.TextIOWrapper(raw, encoding="utf-8", write_through=True)  # type: ignore[type-var]


def configuration(settings: Settings) -> dict[str, Any]:
    """Return the configuration (``logging.config.dictConfig``) for the application and for gunicorn."""
    handler: dict[str, Any] = {"formatter": "json", "filters": ["once_per_minute"]}
    if settings.log_file:
        handler |= {"()": SharedFileHandler, "filename": str(settings.log_file)}
    else:
        handler |= {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter, "env": settings.env, "host": settings.host}},
        "filters": {"once_per_minute": {"()": OncePerMinute}},
        "handlers": {"lines": handler},
        "root": {"level": settings.log_level, "handlers": ["lines"]},
        "loggers": {
            "gunicorn.error": {"level": "NOTSET", "handlers": [], "propagate": True},
            # At DEBUG boto3's parts write down what they send, credentials included.
            **{name: {"level": "WARNING"} for name in ("alembic", "boto3", "botocore", "urllib3")},
        },
    }
