"""A real gunicorn of the application, for tests."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from saltwatch_app import migrate
from saltwatch_app.aws import Aws
from saltwatch_app.database import Database
from saltwatch_app.settings import Settings

SOURCE = Path(__file__).resolve().parents[1] / "src"


class Server:
    """A gunicorn of the application, as on a host."""

    def __init__(self, directory: Path, **variables: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = "{}:{}".format(*free.getsockname())
        self.url = f"http://{address}"
        self.directory = directory
        self.metrics = directory / "metrics"
        plain = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
        self.environ = plain | {
            "PYTHONPATH": str(SOURCE),
            "APP_DATABASE_URL": f"sqlite:///{directory}/tasks.db",
            "APP_LOG_FILE": str(directory / "app.json"),
            "APP_BIND": address,
            "APP_METRICS_DIR": str(self.metrics),
            **variables,
        }

    def run(self, *arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], env=self.environ, check=True)

    def start(self, path: str = "/health/ready") -> None:
        """Start it; wait until ``path`` is answered with success."""
        arguments = [sys.executable, "-m", "gunicorn", "-c", "python:saltwatch_app.gunicorn_conf"]
        self.process = subprocess.Popen(arguments, env=self.environ)
        self.wait(lambda: self.get(path))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    def get(self, path: str, **headers: str) -> str:
        return self.ask("GET", path, **headers)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> str:
        """Return the answer's body; with a body of ours, as JSON."""
        data = None if body is None else json.dumps(body).encode()
        headers |= {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read(), "utf-8")

    def sample(self, series: str) -> float:
        """Return a series' value, 0 if it is not there."""
        for line in self.get("/metrics").splitlines():
            if line.startswith(series + " "):
                return float(line.rpartition(" ")[2])
        return 0.0

    def log(self) -> list[dict[str, object]]:
        """Return the lines of the log."""
        return [json.loads(line) for line in (self.directory / "app.json").read_text().splitlines()]

    def wait(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                if condition():
                    return
            except urllib.error.URLError:
                pass
            assert time.monotonic() < deadline, "the condition never came true"
            time.sleep(0.1)


@contextlib.contextmanager
def serving(directory: Path, **variables: str) -> Iterator[Server]:
    """A gunicorn whose database has been migrated."""
    server = Server(directory, **variables)
    told = {name: value for name, value in server.environ.items() if name.startswith("APP_")}
    settings = Settings.from_environ(told)
    migrate.upgrade(Database(settings, Aws(settings)).engine)
    server.start()
    try:
        yield server
    finally:
        server.stop()
