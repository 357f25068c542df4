"""The application alone, as README.md tells a developer to start it: no AWS, no telemetry, no settings."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gunicorn_server import SOURCE, Server
from sinks import free_port


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Server]:
    readme = (SOURCE.parent / "README.md").read_text()
    (command,) = re.findall(r"^    (flask .*?)\s+#", readme, re.MULTILINE)
    server = Server(tmp_path)  # for its questions only
    server.url = f"http://127.0.0.1:{free_port()}"
    # A developer's environment; `pip install ./app` makes PYTHONPATH needless.
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(SOURCE)}
    arguments = [sys.executable, "-m", *command.split(), "--port", server.url.rpartition(":")[2]]
    with (tmp_path / "app.json").open("w") as log:
        server.process = subprocess.Popen(arguments, env=environ, cwd=tmp_path, stdout=log, stderr=log)
    server.wait(lambda: server.get("/health/ready"))
    yield server
    server.stop()


def test_one_command_is_all_a_developer_needs(alone: Server, tmp_path: Path) -> None:
    """Mutants: a dependency that has to be configured; spans exported to OpenTelemetry's default endpoint."""
    task = json.loads(alone.ask("POST", "/api/tasks", {"title": "salt"}))
    assert json.loads(alone.get(f"/api/tasks/{task['id']}"))["title"] == "salt"
    assert "<h1" in alone.get("/")
    assert alone.sample("tasks_total") == alone.sample("tasks_created_total") == 1
    assert alone.sample("process_resident_memory_bytes") > 0
    assert list(json.loads(alone.get("/health/ready"))["checks"]) == ["database"]
    told = json.loads(alone.get("/test-telemetry"))
    assert told["sampled"]
    assert not told["exported"]
    lines = [json.loads(line) for line in (tmp_path / "app.json").read_text().splitlines() if line[0] == "{"]
    assert told["trace_id"] in [line["trace_id"] for line in lines]
    assert not [line for line in lines if line["logger"].startswith("opentelemetry")]
    assert (tmp_path / ".local/state/saltwatch-app/tasks.db").is_file()
