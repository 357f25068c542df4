"""Deployments of the application under constant load from outside: no request is lost, whatever it is."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import catalogue
import pytest
import remote
from load import Load
from website import Website

pytestmark = [pytest.mark.drift, pytest.mark.application]

CREATED = 'http_requests_total{method="POST",route="/api/tasks",status="201"}'
BUILD = ("python3", "/usr/local/lib/saltwatch/build-app")
ARTIFACTS = "/srv/artifacts/app"
# Makes a tree of the application's checkout with one piece of one file replaced.
EDIT = """
import pathlib, shutil, sys, json
source, target, file, old, new = sys.argv[1:]
shutil.rmtree(target, ignore_errors=True)
shutil.copytree(source, target)
path = pathlib.Path(target, file)
text = path.read_text() if path.exists() else ""
assert not text or old in text, f"{path}: {old!r} is not there"
path.write_text(text.replace(old, new) if text else new)
print(json.dumps(str(path)))
"""
HEALTH = ("src/saltwatch_app/health.py", '    return jsonify(status="ok")')
BAD_MIGRATION = '''"""A revision that no database can apply."""

from alembic import op


revision = "9999"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE no_such_table ADD COLUMN colour INTEGER")
'''


def _app() -> str:
    return catalogue.host_of("app")


def _call(function: str, *arguments: str) -> Any:
    """Call a function on the application's host, there: a deployment outlasts the patience of `salt`."""
    told = remote.run(_app(), "salt-call", "--out=json", function, *arguments, timeout=900, check=False)
    return json.loads(told)["local"]


def _apply(*arguments: str) -> dict[str, dict[str, Any]]:
    """Apply the formula; return the results by state id."""
    states = _call("state.apply", "app", *arguments)
    assert isinstance(states, dict), states
    return {state["__id__"]: state for state in states.values()}


def _failed(states: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: state["comment"] for name, state in states.items() if state["result"] is False}


def _deployed() -> dict[str, Any]:
    """Return what the host says of its deployments."""
    told: dict[str, Any] = _call("app_release.status")
    return told


def _process() -> str:
    """Return the process that answers."""
    return remote.run(_app(), "systemctl", "show", "--property=MainPID", "app.service")


def _failed_units() -> str:
    return remote.run(_app(), "systemctl", "list-units", "--failed", "--plain", "--no-legend", "app*")


def _created() -> float:
    port = catalogue.fleet()["services"]["app"]["port"]
    told = remote.run(_app(), "curl", "--silent", f"http://127.0.0.1:{port}/metrics")
    return sum(float(line.rpartition(" ")[2]) for line in told.splitlines() if line.startswith(CREATED))


def _sql(statement: str) -> str:
    return remote.run(catalogue.host_of("database"), "mariadb", "-NBe", statement, "app").strip()


@pytest.fixture
def load(website: Website) -> Iterator[Load]:
    """A load that goes on until the test has done its part; then every request is accounted for."""
    before = _created()
    with Load(website) as load:
        yield load
    rows = int(_sql(f"SELECT COUNT(*) FROM tasks WHERE title = '{load.title}'"))
    _sql(f"DELETE FROM tasks WHERE title = '{load.title}'")
    assert load.failures == []
    assert min(load.answered.values()) > 50
    assert rows == load.answered["POST"]
    assert _created() == before + load.answered["POST"]


@pytest.fixture
def versions() -> Iterator[Callable[[str, str, str], None]]:
    """Return a function that builds another version on the control node, of an edited checkout."""
    original = remote.run("salt-1", "cat", f"{ARTIFACTS}/VERSION")

    def build(file: str, old: str, new: str) -> None:
        tree = "/root/edited-app"
        remote.python("salt-1", EDIT, "/srv/saltwatch/app", tree, file, old, new)
        remote.run("salt-1", *BUILD, tree, ARTIFACTS, timeout=300)
        assert remote.run("salt-1", "cat", f"{ARTIFACTS}/VERSION") != original

    yield build
    remote.run("salt-1", "rm", "--recursive", "--force", "/root/edited-app")
    remote.run("salt-1", *BUILD, "/srv/saltwatch/app", ARTIFACTS, timeout=300)
    _call("app_release.retry")
    assert _failed(_apply()) == {}
    assert _deployed()["current"].startswith(original.strip())


def test_changed_settings_are_taken_up_without_losing_a_request(load: Load) -> None:
    """There and back. That nothing is left to do afterwards is test_idempotence's.

    Mutants: app.service without app.socket, and no standby; counters that start from zero with each gunicorn.
    """
    before, process = _deployed()["current"], _process()
    changed = _apply("pillar=" + json.dumps({"app": {"log_level": "WARNING"}}))
    assert _failed(changed) == {}
    assert _deployed()["current"] != before
    assert _process() != process
    assert _failed(_apply()) == {}
    assert _deployed()["current"] == before


def test_a_migration_waits_for_another_s(eventually: Callable[..., Any]) -> None:
    """For longer than a request would. Mutant: `PATIENCE` not passed on: a read ends after 3 seconds."""
    lock = "SELECT GET_LOCK('app.migration', 1), SLEEP(50)"
    other = subprocess.Popen(
        remote.ssh(catalogue.host_of("database"), "mariadb", "-NBe", lock, "app"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    holder = eventually(lambda: _sql("SELECT IS_USED_LOCK('app.migration')"), lambda found: found != "NULL")
    try:
        settings = "--property=EnvironmentFile=/opt/app/current/app.env"
        migrate = ("/opt/app/current/release/bin/python", "-m", "saltwatch_app.migrate")
        unit = ("systemd-run", "--quiet", "--wait", "--pipe", "--uid=app", settings, *migrate)
        migration = subprocess.Popen(remote.ssh(_app(), *unit))
        waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User lock'"
        eventually(lambda: _sql(waiting), lambda count: count == "1")
        time.sleep(5)
        assert migration.poll() is None
    finally:
        _sql(f"KILL {holder}")
        other.wait(60)
    assert migration.wait(60) == 0


@pytest.mark.long
def test_new_version_is_deployed_and_rolled_back_without_losing_a_request(
    versions: Callable[[str, str, str], None], load: Load
) -> None:
    """Mutants: the previous release removed with the older ones; `rollback` that refuses nothing."""
    before = _deployed()["current"]
    versions("pyproject.toml", 'version = "0.1.0"', 'version = "0.1.1"')
    predicted = _apply("test=True")
    assert predicted["app-deployment"]["result"] is None
    assert _deployed()["current"] == before
    assert _failed(_apply()) == {}
    after = _deployed()
    assert after["current"] != before
    assert after["previous"] == before
    kept = remote.run(_app(), "ls", "/opt/app/releases").split()
    assert sorted(kept) == sorted(name.rpartition("-")[0] for name in (after["current"], before))

    _call("app_release.rollback")
    assert _deployed()["current"] == before
    refused = _failed(_apply())
    assert "rolled back by hand" in refused["app-deployment"]
    assert _deployed()["current"] == before


@pytest.mark.long
@pytest.mark.parametrize(
    ("edit", "state", "cause"),
    [
        (("src/saltwatch_app/wsgi.py", "app = create_app()", "import colours"), "app-deployment", "colours"),
        ((*HEALTH, "    raise ValueError('unwell')"), "app-deployment", "/health: 500"),
        (
            ("src/saltwatch_app/migrations/versions/9999_colour.py", "", BAD_MIGRATION),
            "app-deployment",
            "no_such_table",
        ),
    ],
    ids=["import", "health", "migration"],
)
def test_broken_version_is_never_switched_to(
    versions: Callable[[str, str, str], None],
    load: Load,
    edit: tuple[str, str, str],
    state: str,
    cause: str,
) -> None:
    """Mutants: the trial, the migration or the import left out; their failure not looked at."""
    before, process = _deployed()["current"], _process()
    versions(*edit)
    failed = _failed(_apply())
    assert cause in failed.get(state, ""), failed
    assert _failed_units() == ""
    assert (_deployed()["current"], _process()) == (before, process)


@pytest.mark.long
def test_version_that_fails_only_once_it_serves_is_rolled_back_and_not_tried_again(
    versions: Callable[[str, str, str], None], load: Load
) -> None:
    """Its health is bad for whom comes over TCP, as nobody does in the trial.

    Mutants: no look at /health after the switch; the refusal not written down.
    """
    before = _deployed()["current"]
    unwell = (
        "    from flask import request\n    if request.remote_addr:\n        raise ValueError('unwell')\n"
    )
    versions(*HEALTH, unwell + HEALTH[1])
    failed = _failed(_apply())["app-deployment"]
    assert "was rolled back" in failed
    assert "/health: 500" in failed
    assert _failed_units() == ""
    assert _deployed()["current"] == before
    process = _process()
    assert "was refused" in _failed(_apply("test=True"))["app-deployment"]
    assert "was refused" in _failed(_apply())["app-deployment"]
    assert _process() == process
