#!/usr/bin/python3
# Managed by Salt: salt://stress/files/stress.py
"""Run one profile of stress and report: ``stress PROFILES NAME METRICS``.

PROFILES is the file that Salt writes, METRICS one for the Node Exporter's textfile collector. Requests are
made by Locust, pressure on the processor and on memory by the program ``stress``. The report is a line of
JSON on standard output, which is the journal's. SIGTERM ends a run early; it is reported all the same.
"""

import json
import resource
import signal
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

LAST_ANSWERS = 10  # seconds that requests in hand get when time is up
CLEARING = 8  # seconds for what they left; both together are less than TimeoutStopSec
CLOCKS = timedelta(seconds=1)  # the application's times have milliseconds
HELP = {
    "requests": "Requests that the last run of a profile made.",
    "errors": "Requests of it that were answered with an error or not at all.",
    "p99_seconds": "Time within which 99 of 100 of its requests were answered.",
    "cpu_seconds": "Processor time that it used itself.",
    "duration_seconds": "How long it took.",
    "timestamp_seconds": "When it ended.",
}

Report = dict[str, float]


def make_requests(profile: dict[str, Any], config: dict[str, Any], title: str) -> Report:
    """Make requests of the profile's kind at its rate, for its duration.

    Args:
        profile: with ``kind``, ``concurrency``, ``rate`` (requests a second at most), ``duration`` (seconds).
        config: with the base URLs ``nginx`` and ``app``: faults on purpose are not for nginx to pass on.
        title: what the tasks of this run are called.

    Returns:
        ``requests``, ``errors`` and, if anything was answered, ``p99_seconds``.

    Raises:
        SystemExit: the application offers no faults.
    """
    # It replaces parts of the standard library when it is imported, which is not for the other kinds.
    import gevent
    import gevent.event
    from locust import FastHttpUser, SequentialTaskSet, constant_throughput, task
    from locust.env import Environment
    from locust.exception import StopUser

    kind = profile["kind"]
    over = gevent.event.Event()
    throughput = constant_throughput(profile["rate"] / profile["concurrency"])

    def pause(user: FastHttpUser) -> float:
        """Wait for the next request's time, or end between two requests, where Locust would cut one off."""
        if over.wait(throughput(user)):
            raise StopUser
        return 0

    class Tasks(SequentialTaskSet):
        """What a visitor does with a task; it is gone afterwards, also when the run ends in between."""

        path: str | None = None

        @task
        def create(self) -> None:
            answer = self.client.post("/api/tasks", json={"title": title})
            self.path = (answer.headers or {}).get("Location")

        @task
        def list(self) -> None:
            self.client.get("/api/tasks?limit=20")

        @task
        def complete(self) -> None:
            if self.path:
                self.client.post(f"{self.path}/complete", name="/api/tasks/ID/complete")

        @task
        def delete(self) -> None:
            self.on_stop()

        def on_stop(self) -> None:
            if self.path:
                self.client.delete(self.path, name="/api/tasks/ID")
                self.path = None

    def ask_for_fault(user: FastHttpUser) -> None:
        parameter = {"latency": "milliseconds", "logs": "lines"}.get(kind)
        query = f"?{parameter}={profile[parameter]}" if parameter else ""
        user.client.get(f"/faults/{ {'errors': 'error'}.get(kind, kind) }{query}")

    class Visitor(FastHttpUser):
        host = config["nginx" if kind == "load" else "app"]
        tasks = [Tasks] if kind == "load" else [ask_for_fault]
        wait_time = pause
        connection_timeout = network_timeout = LAST_ANSWERS

    if kind != "load":
        _refuse_without_faults(config["app"])
    environment = Environment(user_classes=[Visitor])
    runner = environment.create_local_runner()
    gevent.signal_handler(signal.SIGTERM, over.set)
    runner.start(profile["concurrency"], spawn_rate=profile["concurrency"])
    over.wait(profile["duration"])
    over.set()
    runner.user_greenlets.join(timeout=LAST_ANSWERS)
    runner.quit()
    for failure in environment.stats.errors.values():
        what = {"request": f"{failure.method} {failure.name}", "reason": str(failure.error)}
        _say("warning", "requests failed", what | {"count": failure.occurrences})
    total = environment.stats.total
    report = {"requests": total.num_requests, "errors": total.num_failures}
    if total.num_requests:
        report["p99_seconds"] = total.get_response_time_percentile(0.99) / 1000
    return report


def clear_up(nginx: str, title: str, began: datetime) -> None:
    """Delete a run's tasks whose deletion failed, or of which no answer told that they were made.

    Args:
        nginx: its base URL.
        title: what the run's tasks are called.
        began: when the run did; what is older is not looked at.
    """
    import requests

    deadline = time.monotonic() + CLEARING

    def ask(method: str, path: str) -> requests.Response:
        while (left := deadline - time.monotonic()) > 0:
            answer = requests.request(method, f"{nginx}{path}", timeout=left)
            if answer.status_code not in (429, 502, 503, 504):
                if answer.status_code != 404:  # it was deleted, and the answer lost
                    answer.raise_for_status()
                return answer
            time.sleep(0.5)
        raise requests.Timeout(f"{method} {path}: nothing but refusals in {CLEARING} seconds")

    before: str | None = ""
    try:
        while before is not None:
            page = ask("GET", f"/api/tasks?limit=100{before}").json()
            for task in page["tasks"]:
                if task["title"] == title:
                    ask("DELETE", f"/api/tasks/{task['id']}")
            older = page["tasks"] and datetime.fromisoformat(page["tasks"][-1]["created_at"]) < began
            before = None if older or not page["next_before"] else f"&before={page['next_before']}"
    except requests.RequestException as error:
        _say("error", f"tasks with the title {title!r} may be left", {"reason": str(error)})


def _refuse_without_faults(app: str) -> None:
    import requests  # after Locust, which wants to be there before it

    answer = requests.get(f"{app}/faults/latency?milliseconds=1", timeout=LAST_ANSWERS)
    if answer.status_code == 404:
        sys.exit("stress: the application offers no faults; the pillar key app:faults switches them on")


def press(profile: dict[str, Any]) -> Report:
    """Keep processors busy, or memory in use, for the profile's duration; return nothing more to report.

    Raises:
        SystemExit: the program ``stress`` failed, for want of memory, say.
    """
    if profile["kind"] == "cpu":
        what = ["--cpu", str(profile["concurrency"])]
    else:
        what = ["--vm", "1", "--vm-bytes", f"{profile['megabytes']}M", "--vm-keep"]
    # Sent to all of the unit's processes: this one stays to report.
    signal.signal(signal.SIGTERM, lambda *_: None)
    command = ["/usr/bin/stress", "--quiet", *what, "--timeout", f"{profile['duration']}s"]
    code = subprocess.run(command, check=False).returncode
    if code not in (0, -signal.SIGTERM):
        sys.exit(f"stress: {' '.join(command)} ended with {code}")
    return {}


def _processor_time() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _say(level: str, message: str, fields: dict[str, Any]) -> None:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = {"ts": moment, "level": level, "logger": "stress", "message": message}
    print(json.dumps(line | fields), flush=True)  # noqa: T201


def main(profiles: str, name: str, metrics: str) -> None:
    """Run the profile ``name``, print the report, write the metrics.

    Raises:
        SystemExit: there is no such profile, or it cannot be run; says why.
    """
    config = yaml.safe_load(Path(profiles).read_text(encoding="utf-8"))
    if name not in config["profiles"]:
        sys.exit(f"stress: no profile {name!r} in {profiles}; there are {', '.join(config['profiles'])}")
    profile = config["profiles"][name]
    started, began = time.monotonic(), datetime.now(UTC)
    title = f"made by stress {uuid.uuid4()}"
    report = press(profile) if profile["kind"] in ("cpu", "memory") else make_requests(profile, config, title)
    report["cpu_seconds"] = round(_processor_time(), 3)
    report["duration_seconds"] = round(time.monotonic() - started, 3)
    report["timestamp_seconds"] = time.time()

    registry = CollectorRegistry()
    for key, value in report.items():
        gauge = Gauge(f"stress_last_run_{key}", HELP[key], ["profile", "kind"], registry=registry)
        gauge.labels(name, profile["kind"]).set(value)
    write_to_textfile(metrics, registry)
    del report["timestamp_seconds"]
    _say("info", "run ended", {"profile": name, "kind": profile["kind"]} | report)
    if profile["kind"] == "load" and report["errors"]:
        clear_up(config["nginx"], title, began - CLOCKS)


if __name__ == "__main__":
    main(*sys.argv[1:])
