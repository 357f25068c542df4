"""Stress on purpose: each profile does what it says, ends by itself, and leaves nothing."""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import catalogue
import pytest
import remote
from prometheus import Prometheus
from website import Website

pytestmark = [pytest.mark.drift, pytest.mark.application]

HOST = catalogue.host_of("stress")
BEGAN = int(time.time())  # of earlier runs the journal is not asked
_JOURNAL = ("journalctl", f"--since=@{BEGAN}", "--output=cat", "--no-pager")
# Short ones, of every kind; the states get them as `pillar=`, beside those of the pillar itself.
PROFILES: dict[str, dict[str, Any]] = {
    "test-load": {"kind": "load", "rate": 10, "duration": 6, "concurrency": 2},
    "test-errors": {"kind": "errors", "rate": 5, "duration": 6, "concurrency": 1},
    "test-latency": {"kind": "latency", "rate": 4, "duration": 6, "concurrency": 2, "milliseconds": 2600},
    "test-logs": {"kind": "logs", "rate": 2, "duration": 5, "concurrency": 1, "lines": 50},
    "test-cpu": {"kind": "cpu", "duration": 5, "concurrency": 2},
    "test-memory": {"kind": "memory", "duration": 6, "megabytes": 150},
    "test-long": {"kind": "load", "rate": 20, "duration": 900, "concurrency": 4},
    "test-greedy": {"kind": "memory", "duration": 5, "megabytes": 1024},
}


def _apply(pillar: dict[str, Any]) -> None:
    answer = remote.salt(HOST, "state.apply", "stress", f"pillar={json.dumps({'stress': pillar})}")[HOST]
    failed = [result for result in answer.values() if not result["result"]]
    assert not failed


@pytest.fixture(scope="module", autouse=True)
def profiles() -> Iterator[None]:
    """The profiles of this test; afterwards the host has those of its pillar."""
    _apply({"profiles": PROFILES})
    yield
    _apply({})


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Neither a process nor a task, whatever the test did."""
    yield
    for name in PROFILES:
        remote.run(HOST, "systemctl", "stop", f"stress@{name}.service")
    assert remote.run(HOST, "pgrep", "-a", "-u", "stress", check=False) == ""
    assert _tasks() == "0"


def _tasks() -> str:
    """Return how many tasks a run has left in the database."""
    return _sql(f"SELECT COUNT(*) FROM {_schema()}.tasks WHERE title LIKE 'made by stress %'")


def _schema() -> str:
    return _sql("SELECT table_schema FROM information_schema.tables WHERE table_name = 'tasks'")


def _sql(statement: str) -> str:
    return remote.run(catalogue.host_of("database"), "mariadb", "-NBe", statement).strip()


def _state(name: str) -> str:
    return remote.run(
        HOST, "systemctl", "show", "--property=ActiveState", "--value", f"stress@{name}"
    ).strip()


def _journal(name: str) -> list[dict[str, Any]]:
    """Return the lines of JSON that runs of a profile wrote."""
    journal = remote.run(HOST, *_JOURNAL, f"--unit=stress@{name}")
    found = [json.loads(line) for line in journal.splitlines() if line.startswith("{")]
    assert found, journal
    return found


def _report(name: str) -> dict[str, Any]:
    """Return what the last run of a profile reported."""
    ended = [line for line in _journal(name) if line["message"] == "run ended"]
    assert ended, _journal(name)
    return ended[-1]


@pytest.fixture
def run(eventually: Callable[..., Any]) -> Callable[[str], dict[str, Any]]:
    """Start a profile, wait until it has ended by itself, return its report."""

    def run(name: str) -> dict[str, Any]:
        remote.run(HOST, "systemctl", "start", f"stress@{name}.service")
        eventually(lambda: _state(name), lambda state: state == "inactive")
        report = _report(name)
        assert (report["profile"], report["kind"]) == (name, PROFILES[name]["kind"])
        return report

    return run


def _metrics() -> dict[str, float]:
    """Return the application's series, as it tells them itself."""
    port = catalogue.fleet()["services"]["app"]["port"]
    told = remote.run(HOST, "curl", "--silent", f"http://localhost:{port}/metrics")
    pairs = (line.rpartition(" ") for line in told.splitlines() if not line.startswith("#"))
    return {series: float(value) for series, _, value in pairs}


def _grown(before: dict[str, float], pattern: str) -> float:
    """Return by how much the series that match have grown together."""
    now = _metrics()
    return sum(now[series] - before.get(series, 0) for series in now if re.match(pattern, series))


def _noise() -> int:
    path = catalogue.fleet()["services"]["app"]["logs"]["file"]
    return int(remote.run(HOST, "grep", "-c", "noise on purpose", path, check=False))


def test_load_is_bounded_and_takes_its_tasks_along(run: Callable[[str], dict[str, Any]]) -> None:
    """Mutants: `wait_time` left out; `host` the application's port; no DELETE; a user killed in a request."""
    before = _metrics()
    report = run("test-load")
    most = 10 * report["duration_seconds"] + 2
    assert 10 <= report["requests"] <= most
    assert report["errors"] == 0, _journal("test-load")
    assert report["p99_seconds"] > 0
    created = _grown(before, "tasks_created_total")
    assert 0 < created == _grown(before, "tasks_deleted_total")
    # By way of nginx, which says so.
    log = catalogue.fleet()["services"]["http"]["logs"]["file"]
    line = json.loads(remote.run(HOST, "grep", "DELETE /api/tasks/", log).splitlines()[-1])
    assert line["client"] == "127.0.0.0"


def test_errors_are_the_application_s(run: Callable[[str], dict[str, Any]]) -> None:
    """Mutant: errors that only the client sees, of a port where nobody listens."""
    before = _metrics()
    report = run("test-errors")
    assert 0 < report["errors"] == report["requests"]
    assert _grown(before, r'http_errors_total\{.*route="/faults/error"') == report["errors"]


def test_slow_answers_are_slow_in_the_histogram(run: Callable[[str], dict[str, Any]]) -> None:
    """Mutant: `milliseconds` not passed on, which is a second."""
    before = _metrics()
    report = run("test-latency")
    route = r'\{.*route="/faults/latency"'
    count = _grown(before, f"http_request_duration_seconds_count{route}")
    fast = _grown(
        before, r'http_request_duration_seconds_bucket\{(?=.*le="2\.5")(?=.*route="/faults/latency")'
    )
    # One question of a millisecond tells whether faults are offered at all.
    assert (count, fast) == (report["requests"] + 1, 1)
    assert report["errors"] == 0
    assert report["p99_seconds"] >= 2.5


def test_log_noise_is_as_many_lines_as_asked_for(run: Callable[[str], dict[str, Any]]) -> None:
    """Mutant: `lines` not passed on, which is 100."""
    before = _noise()
    report = run("test-logs")
    assert 0 < report["requests"] <= 2 * report["duration_seconds"] + 1
    assert _noise() - before == 50 * report["requests"]


def test_processors_are_kept_busy_within_bounds(run: Callable[[str], dict[str, Any]]) -> None:
    """Mutants: `--cpu` left out; CPUQuota left out of the unit; four processes for two."""
    report = run("test-cpu")
    assert 0.1 < report["cpu_seconds"] <= 2 * report["duration_seconds"] + 2
    shown = remote.run(HOST, "systemctl", "show", "stress@test-cpu.service")
    properties = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    assert properties["CPUQuotaPerSecUSec"] == "600ms"
    assert properties["MemoryMax"] == str(512 * 1024 * 1024)
    assert properties["RuntimeMaxUSec"] == "16min"


def test_memory_is_taken_and_given_back(eventually: Callable[..., Any]) -> None:
    """Mutants: `--vm-keep` left out; megabytes taken for bytes."""
    remote.run(HOST, "systemctl", "start", "stress@test-memory.service")
    eventually(_resident, lambda kilobytes: 150 * 1024 <= kilobytes <= 160 * 1024)
    eventually(lambda: _state("test-memory"), lambda state: state == "inactive")


def _resident() -> int:
    """Return the memory of the largest of the unit's processes (kilobytes)."""
    sizes = remote.run(HOST, "ps", "-u", "stress", "-o", "rss=", check=False).split()
    return max(map(int, sizes), default=0)


def test_more_memory_than_the_unit_may_have_is_a_failure_that_says_so(
    eventually: Callable[..., Any],
) -> None:
    """Mutants: LimitDATA left out; the exit code of `stress` not looked at."""
    remote.run(HOST, "systemctl", "start", "stress@test-greedy.service")
    eventually(lambda: _state("test-greedy"), lambda state: state == "failed")
    journal = remote.run(HOST, *_JOURNAL, "--unit=stress@test-greedy")
    assert "--vm-bytes 1024M" in journal
    remote.run(HOST, "systemctl", "reset-failed", "stress@test-greedy.service")


def test_stopped_early_it_reports_and_leaves_nothing(
    prometheus: Prometheus, eventually: Callable[..., Any]
) -> None:
    """What is left is looked for by `nothing_is_left`.

    Mutants: SIGTERM not handled; `on_stop` without its DELETE; ExecStopPost left out.
    """
    before = _metrics()
    remote.run(HOST, "systemctl", "start", "stress@test-long.service")
    eventually(lambda: _grown(before, "tasks_created_total") > 1)
    remote.run(HOST, "systemctl", "stop", "stress@test-long.service")
    report = _report("test-long")
    assert report["requests"] > 0
    assert report["duration_seconds"] < 900
    query = 'stress_last_run_requests{profile="test-long",kind="load"}'
    eventually(lambda: prometheus.value(query), lambda value: value == report["requests"])


def test_what_failed_is_told_and_leaves_nothing(eventually: Callable[..., Any]) -> None:
    """A task whose DELETE fails is deleted later; `nothing_is_left` looks.

    Mutants: `clear_up` not called; the failures not told.
    """
    before = _metrics()
    trigger = f"{_schema()}.no_delete"
    _sql(f"CREATE TRIGGER {trigger} BEFORE DELETE ON {_schema()}.tasks FOR EACH ROW SIGNAL SQLSTATE '45000'")
    try:
        remote.run(HOST, "systemctl", "start", "stress@test-long.service")
        eventually(lambda: _grown(before, r'http_errors_total\{.*method="DELETE"') > 0)
    finally:
        _sql(f"DROP TRIGGER {trigger}")
    remote.run(HOST, "systemctl", "stop", "stress@test-long.service")
    failures = [line for line in _journal("test-long") if line["message"] == "requests failed"]
    assert "DELETE /api/tasks/ID" in {line["request"] for line in failures}
    assert _report("test-long")["errors"] > 0


def test_a_profile_that_there_is_not_says_so() -> None:
    """Mutant: an exception's last line instead."""
    remote.run(HOST, "systemctl", "start", "stress@nobody.service")
    path = "/usr/local/lib/saltwatch/stress"
    asked = f"{path} /etc/stress/profiles.yaml nobody /dev/null 2>&1"
    assert "no profile 'nobody'" in remote.run(HOST, "sh", "-c", asked, check=False)
    remote.run(HOST, "systemctl", "reset-failed", "stress@nobody.service", check=False)


def test_a_schedule_starts_it_and_is_off_by_default(eventually: Callable[..., Any]) -> None:
    """Mutants: the timer not enabled; timers that are no more in pillar left alone."""
    timers = ("systemctl", "list-units", "--all", "--no-legend", "stress@*.timer")
    assert remote.run(HOST, *timers) == ""
    journal = (*_JOURNAL, "--unit=stress@test-logs")
    before = remote.run(HOST, *journal).count("run ended")
    try:
        _apply({"profiles": PROFILES, "schedule": {"test-logs": "*-*-* *:*:0/5"}})
        assert "stress@test-logs.timer" in remote.run(HOST, *timers)
        eventually(lambda: remote.run(HOST, *journal).count("run ended") > before)
    finally:
        _apply({"profiles": PROFILES})
    assert remote.run(HOST, *timers) == ""
    found = remote.run(HOST, "find", "/etc/systemd", "-name", "stress@*.timer")
    assert found == ""


@pytest.mark.parametrize("path", ["/faults/error", "/faults/latency", "/faults/logs", "//faults/error"])
def test_faults_are_not_for_visitors(website: Website, path: str) -> None:
    """Mutants: /faults not hidden by nginx and its X-Forwarded-For not looked at."""
    assert website.ask("GET", path).status == 404
    assert website.ask("GET", path, headers={"X-Forwarded-For": "127.0.0.1"}).status == 404


def test_faults_are_not_for_other_hosts(prometheus: Prometheus) -> None:
    """Prometheus may connect to the application's own port.

    Mutant: the caller's address not looked at.
    """
    fleet = catalogue.fleet()
    url = f"http://{HOST}.{fleet['zone']}:{fleet['services']['app']['port']}"
    command = ("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}")
    assert remote.run(prometheus.host, *command, f"{url}/health") == "200"
    assert remote.run(prometheus.host, *command, f"{url}/faults/error") == "404"
