#!/usr/bin/python3
# Managed by Salt: salt://watchdog/files/watchdog.py
"""Raises an alarm of its own when Alertmanager tells of the alert Watchdog no more.

Alertmanager posts that alert here, again and again, as to any webhook. When it was posted is kept in a file.
If that is too long ago, each receiver is told, and again when it is over; one that cannot be told is tried
again, and keeps no other waiting. What is posted to the webhook has the shape that Alertmanager's have.
"""

import argparse
import configparser
import json
import logging
import smtplib
import ssl
import sys
import threading
import time
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, generate_latest

# Seconds after a start in which nothing counts as silence: as long as this was off, nothing could arrive.
GRACE = 120
LONGEST = 1 << 20  # bytes of a message from Alertmanager
ANSWER = 10  # seconds that a peer has for each step
RETRY = 15.0  # seconds until a receiver that could not be told is tried again

LOG = logging.getLogger("watchdog")
SENT = Counter("watchdog_notifications", "Notifications of this alarm and of its end.", ["receiver"])
FAILED = Counter("watchdog_notifications_failed", "Attempts at one that failed.", ["receiver"])
HEARD = Gauge("watchdog_last_received_timestamp_seconds", "When the Watchdog was heard last.")
SILENT = Gauge("watchdog_silent", "Whether that is too long ago.")


class Memory:
    """When the Watchdog was heard, and what each receiver has been told: in a file.

    Args:
        path: of the file; its directory is there.
        timeout: seconds of silence after which there is an alarm.
        repeat: seconds after which an alarm that goes on is repeated.
    """

    def __init__(self, path: Path, timeout: float, repeat: float) -> None:
        self._path, self._timeout, self._repeat = path, timeout, repeat
        self._lock = threading.Lock()
        self._started = time.monotonic()
        try:
            kept = json.loads(path.read_text())
            self.received = float(kept["received"])
            self._told = {name: (bool(silent), float(when)) for name, (silent, when) in kept["told"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            # Nothing heard ever: the time until an alarm begins now.
            self.received, self._told = time.time(), {}
            self._write()

    def heard(self) -> None:
        """Remember that the Watchdog was heard now."""
        with self._lock:
            self.received = time.time()
            self._write()

    def silent(self) -> bool:
        """Tell whether it has been silent for too long."""
        up = time.monotonic() - self._started
        return time.time() - self.received > self._timeout and up > min(GRACE, self._timeout)

    def due(self, receiver: str) -> bool | None:
        """Return what a receiver has to be told: True of an alarm, False of its end; None if nothing."""
        silent = self.silent()
        known, when = self._told.get(receiver, (False, 0.0))
        if silent != known or (silent and time.time() - when > self._repeat):
            return silent
        return None

    def told(self, receiver: str, silent: bool) -> None:
        """Remember what a receiver has been told."""
        with self._lock:
            self._told[receiver] = (silent, time.time())
            self._write()

    def _write(self) -> None:
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps({"received": self.received, "told": self._told}))
        new.replace(self._path)


class Receiver(threading.Thread):
    """Tells a receiver what it has to be told, for ever; this one writes it to the log.

    Args:
        options: of it.
        memory: what has been heard and told.
        labels: of the alert, ``alertname`` among them.
        annotations: of the alert.
    """

    kind = "log"

    def __init__(
        self,
        options: Mapping[str, str],
        memory: Memory,
        labels: Mapping[str, str],
        annotations: Mapping[str, str],
    ) -> None:
        super().__init__(daemon=True)
        self.options, self.memory, self.labels, self.annotations = options, memory, labels, annotations
        for counter in (SENT, FAILED):
            counter.labels(self.kind)  # 0 from the beginning

    def run(self) -> None:
        """Look each second."""
        while True:
            time.sleep(1.0 if self.step() else RETRY)

    def step(self) -> bool:
        """Tell what is due; return whether nothing has to be tried again."""
        silent = self.memory.due(self.kind)
        if silent is None:
            return True
        try:
            self.tell(silent)
            self.memory.told(self.kind, silent)
        except Exception as error:  # whatever it is, this goes on; the error itself may have a secret in it
            FAILED.labels(self.kind).inc()
            LOG.error("%s could not be told: %s", self.kind, type(error).__name__)
            return False
        SENT.labels(self.kind).inc()
        return True

    def tell(self, silent: bool) -> None:
        """Tell of an alarm, or of its end."""
        LOG.warning("%s", self.title(silent))

    def title(self, silent: bool) -> str:
        """Return a line."""
        return f"[{'FIRING' if silent else 'RESOLVED'}] {self.labels['alertname']} in {self.labels['env']}"


class Webhook(Receiver):
    """Told by a POST as Alertmanager's. Its option: ``url_file``."""

    kind = "webhook"

    def tell(self, silent: bool) -> None:
        """Post it; whatever is not a success raises."""
        status = "firing" if silent else "resolved"
        since = datetime.fromtimestamp(self.memory.received, UTC).isoformat()
        alert = {"status": status, "labels": self.labels, "annotations": self.annotations, "startsAt": since}
        body = {"version": "4", "status": status, "receiver": "watchdog", "alerts": [alert]}
        body |= {"groupLabels": {"alertname": self.labels["alertname"]}, "commonLabels": self.labels}
        body |= {"commonAnnotations": self.annotations, "externalURL": ""}
        url = Path(self.options["url_file"]).read_text().strip()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - the schema looks
        urllib.request.urlopen(request, timeout=ANSWER).close()  # noqa: S310


class Mail(Receiver):
    """Told by mail. Options: those of Alertmanager's ``smtp``, and ``to``."""

    kind = "mail"

    def tell(self, silent: bool) -> None:
        """Send it; whatever is not a success raises."""
        message = EmailMessage()
        message["Subject"] = self.title(silent)
        message["From"], message["To"] = self.options["from"], self.options["to"]
        message.set_content("\n".join([*self.annotations.values(), ""]))
        host, _, port = self.options["smarthost"].rpartition(":")
        with smtplib.SMTP(host, int(port), timeout=ANSWER) as server:
            if self.options["require_tls"] == "true":
                server.starttls(context=ssl.create_default_context())
            if "auth_username" in self.options:
                password = Path(self.options["auth_password_file"]).read_text().strip()
                server.login(self.options["auth_username"], password)
            server.send_message(message)


class Handler(BaseHTTPRequestHandler):
    """Takes what Alertmanager posts; answers ``/metrics``."""

    memory: Memory
    timeout = ANSWER

    def do_POST(self) -> None:
        """Look for the Watchdog among the alerts."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LONGEST:
            return self.send_error(413)
        try:
            alerts = json.loads(self.rfile.read(int(length)))["alerts"]
            firing = [alert["labels"]["alertname"] for alert in alerts if alert["status"] == "firing"]
        except (ValueError, KeyError, TypeError):
            return self.send_error(400)
        if "Watchdog" in firing:
            self.memory.heard()
        return self._answer(b"")

    def do_GET(self) -> None:
        """Answer metrics."""
        if self.path != "/metrics":
            return self.send_error(404)
        return self._answer(generate_latest())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE_LATEST)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""


def main(arguments: list[str]) -> None:
    """Listen until stopped.

    Raises:
        SystemExit: the configuration is wrong; says how.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    parser = argparse.ArgumentParser(prog="watchdog", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="check the configuration, and end")
    parser.add_argument("config", type=Path)
    options = parser.parse_args(arguments)
    config = configparser.ConfigParser(interpolation=None)
    try:
        config.read_string(options.config.read_text())
        own = config["watchdog"]
        port, timeout, repeat = int(own["port"]), float(own["timeout"]), float(own["repeat"])
        labels, annotations = dict(config["labels"]), dict(config["annotations"])
        path = Path(own["state"])
    except (OSError, KeyError, ValueError, configparser.Error) as error:
        sys.exit(f"{options.config}: {error}")
    if options.check:
        return
    memory = Memory(path, timeout, repeat)
    for kind in (Receiver, Webhook, Mail):
        if kind.kind in config:
            kind(config[kind.kind], memory, labels, annotations).start()
    HEARD.set_function(lambda: memory.received)
    SILENT.set_function(memory.silent)
    Handler.memory = memory
    ThreadingHTTPServer(("", port), Handler).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
