"""Measures the application, inside the tree and the namespaces that `bench.app` makes; prints JSON.

Standard library only: it runs with the application's own Python.
"""

import argparse
import json
import os
import re
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PYTHON = "/opt/app/bin/python"
VARIANTS = {"plain": 5001, "metrics": 5002, "everything": 5003}
NGINX = {name: port + 3000 for name, port in VARIANTS.items()}
SINK = 4318
SCRATCH = Path("/run/bench")  # a file system of this namespace's own
TASKS = 20
SCRAPES = 50
WORKERS, THREADS = 2, 4  # as the fleet's

NGINX_CONF = """
user www-data;
worker_processes auto;
pid %(scratch)s/nginx.pid;
error_log %(scratch)s/nginx-error.log warn;
events { worker_connections 4096; }
http {
    log_format json escape=json '{"ts":"$time_iso8601","request_id":"$request_id","method":"$request_method",'
        '"path":"$uri","status":$status,"seconds":$request_time,"upstream_seconds":"$upstream_response_time"}';
    access_log %(scratch)s/nginx-access.json json;
    keepalive_requests 1000000;
    %(servers)s
    server { listen 127.0.0.1:%(sink)d; access_log off; location / { return 200; } }
}
"""
NGINX_SERVER = """
    upstream %(name)s { server 127.0.0.1:%(app)d; keepalive 16; keepalive_requests 1000000; }
    server {
        listen 127.0.0.1:%(port)d;
        location / {
            proxy_pass http://%(name)s;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Request-ID $request_id;
            proxy_set_header traceparent "00-$request_id-00f067aa0ba902b7-01";
        }
    }
"""


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, required=True)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    options = parser.parse_args()
    SCRATCH.mkdir()
    SCRATCH.chmod(0o755)
    with _database() as url, _applications(url) as servers, _nginx():
        runs = _measure(options, servers)
        memory = {name: [_pss(worker) for worker in _children(pid)] for name, pid in servers.items()}
        scrapes = [_scrape(VARIANTS["everything"]) for _ in range(SCRAPES)]
    json.dump({"runs": runs, "memory": memory, "scrapes_ms": scrapes}, sys.stdout)


def _measure(options: argparse.Namespace, servers: dict[str, int]) -> list[dict[str, object]]:
    """Return all runs: variants in turn, directly and through nginx, at saturation and at half of it."""
    runs: list[dict[str, object]] = []
    for name in VARIANTS:  # what is done once in a process's life is not measured
        _wrk(VARIANTS[name], 2, options.connections)
    for repeat in range(options.repeats):
        for way, ports in (("direct", VARIANTS), ("nginx", NGINX)):
            found = {}
            for name in _turned(list(VARIANTS), repeat):
                before = _processor_seconds(servers[name])
                found[name] = run = _wrk(ports[name], options.seconds, options.connections)
                used = _processor_seconds(servers[name]) - before
                run["cpu_ms"] = 1000 * used / max(1.0, float(run["requests"]))
                runs.append({"variant": name, "way": way, "load": "full", **run})
            for name in _turned(list(VARIANTS), repeat):
                half = found[name]["rate"] / 2
                run = _wrk(ports[name], options.seconds, options.connections, half)
                runs.append({"variant": name, "way": way, "load": "half", **run})
            sys.stderr.write(f"{way}: {repeat + 1} of {options.repeats}\n")
    return runs


def _turned(names: list[str], by: int) -> list[str]:
    by %= len(names)
    return [*names[by:], *names[:by]]


def _wrk(port: int, seconds: int, connections: int, rate: float | None = None) -> dict[str, float]:
    """Return ``rate`` (requests a second), ``requests`` and ``p99_ms`` of a run of wrk.

    Args:
        port: where.
        seconds: how long.
        connections: how many at a time.
        rate: requests a second to be made; None: as many as are answered. Each connection then pauses for a
            random time between requests, so that they come one by one and not in waves.

    Raises:
        SystemExit: any answer was an error.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    if rate:
        pause = 1000 * connections / rate
        script = SCRATCH / "pause.lua"
        script.write_text(f"function delay() return math.random(0, {round(2 * pause)}) end\n")
        command += ["-s", str(script)]
    command.append(f"http://127.0.0.1:{port}/api/tasks?limit={TASKS}")
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        sys.exit(f"wrk: answers that are errors:\n{told}")
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", told).groups()
    return {
        "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1]),
        "requests": float(re.search(r"(\d+) requests in", told)[1]),
        "p99_ms": float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit],
    }


@contextmanager
def _database() -> Iterator[str]:
    """Run MariaDB; give the application's URL of an empty database."""
    data, socket, password = SCRATCH / "mysql", SCRATCH / "mysql.sock", secrets.token_hex(16)
    install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=mysql"]
    subprocess.run([*install, "--skip-test-db"], check=True, stdout=subprocess.DEVNULL)
    server = ["mariadbd", "--no-defaults", f"--datadir={data}", "--user=mysql", f"--socket={socket}"]
    server += [
        f"--log-error={SCRATCH}/mysql.log",
        "--bind-address=127.0.0.1",
        f"--pid-file={SCRATCH}/mysql.pid",
        "--skip-name-resolve",
    ]
    SCRATCH.chmod(0o777)
    with _running(server):
        ask = ["mariadb", "--no-defaults", f"--socket={socket}", "--user=root"]
        _wait(
            lambda: subprocess.run([*ask, "-e", "SELECT 1"], capture_output=True, check=False).returncode == 0
        )
        # Not in argv, though it lives for minutes in a namespace of its own.
        statements = f"CREATE DATABASE app; GRANT ALL ON app.* TO app@127.0.0.1 IDENTIFIED BY '{password}';"
        subprocess.run(ask, input=statements, text=True, check=True)
        yield f"mysql+pymysql://app:{password}@127.0.0.1:3306/app"


@contextmanager
def _applications(url: str) -> Iterator[dict[str, int]]:
    """Run a gunicorn of each variant, on a database with tasks; give their process ids."""
    (SCRATCH / "url").write_text(url)
    common = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": "/srv/app/src:/srv/bench",
        "PYTHONDONTWRITEBYTECODE": "1",
        "APP_DATABASE_URL_FILE": str(SCRATCH / "url"),
        "APP_WORKERS": str(WORKERS),
        "APP_THREADS": str(THREADS),
        "APP_MAX_REQUESTS": "0",
        "APP_LOG_FILE": str(SCRATCH / "app.json"),
        "APP_OTLP_ENDPOINT": f"http://127.0.0.1:{SINK}",
    }
    subprocess.run([PYTHON, "-m", "saltwatch_app.migrate"], env=common, check=True)
    conf = ["-m", "gunicorn", "-c", "python:saltwatch_app.gunicorn_conf", "app_variants:app"]
    servers = {}
    with _all(
        [
            ([PYTHON, *conf], common | {"BENCH_VARIANT": name, "APP_BIND": f"127.0.0.1:{port}"})
            for name, port in VARIANTS.items()
        ]
    ) as started:
        for (name, port), process in zip(VARIANTS.items(), started, strict=True):
            _wait(lambda port=port: _get(f"http://127.0.0.1:{port}/health"))
            servers[name] = process.pid
        for number in range(TASKS):
            _get(f"http://127.0.0.1:{VARIANTS['plain']}/api/tasks", {"title": f"task {number}"})
        yield servers


@contextmanager
def _nginx() -> Iterator[None]:
    """Run nginx in front of each variant, and as the receiver of traces, which it takes and drops."""
    servers = "".join(
        NGINX_SERVER % {"name": name, "app": VARIANTS[name], "port": port} for name, port in NGINX.items()
    )
    conf = SCRATCH / "nginx.conf"
    conf.write_text(NGINX_CONF % {"scratch": SCRATCH, "servers": servers, "sink": SINK})
    with _running(["nginx", "-c", str(conf), "-g", "daemon off;"]):
        for port in NGINX.values():
            _wait(lambda port=port: _get(f"http://127.0.0.1:{port}/health"))
        yield


@contextmanager
def _all(commands: list[tuple[list[str], dict[str, str]]]) -> Iterator[list[subprocess.Popen[bytes]]]:
    processes = [subprocess.Popen(command, env=env, stdout=sys.stderr) for command, env in commands]
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    with _all([(command, dict(os.environ))]):
        yield


def _wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if condition():
                return
        except OSError as error:
            last: object = error
        else:
            last = "no"
        if time.monotonic() > deadline:
            sys.exit(f"what was started does not answer: {last}")
        time.sleep(0.1)


def _get(url: str, body: object = None) -> bytes:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return answer.read()


def _scrape(port: int) -> float:
    """Return the milliseconds that /metrics takes, in the format that Prometheus asks for."""
    headers = {"Accept": "application/openmetrics-text;version=1.0.0"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers=headers)
    start = time.perf_counter()
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        answer.read()
    return 1000 * (time.perf_counter() - start)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _processor_seconds(pid: int) -> float:
    """Return the processor time of a gunicorn and its workers."""
    ticks = 0
    for process in (pid, *_children(pid)):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _pss(pid: int) -> float:
    """Return a process's proportional set size (megabytes), in which shared pages are divided."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.M)[1]) * 1024 / 1e6


if __name__ == "__main__":
    main()
