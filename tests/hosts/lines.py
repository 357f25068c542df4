"""Log lines on a host: written as its services write theirs, and looked for in Loki."""

import json
import time
from typing import Any

import catalogue
import remote
import yaml
from store import Store

# What these are told is no argument: sudo would write it down, as one more line.
# The first writes a warning into each source; prints when, by job. A process that joins the unit's control
# group is one of the unit for the journal, if it lives until the journal has looked at it.
WRITE = """
import json, os, pathlib, socket, subprocess, time
sources, text = json.loads({told!r})
written = {{}}
for source in sources:
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{{int(now % 1 * 1000):03}}Z"
    if source.get("file", "").endswith(".json"):
        line = json.dumps({{"ts": stamp, "level": "warning", "message": text}})
    else:
        line = f"{{stamp[:10]}} {{stamp[11:19]}} [warn] {{text}}"
    if "file" in source:
        with open(source["file"], "a") as file:
            file.write(line + "\\n")
    elif os.fork() == 0:
        show = ["systemctl", "show", "--property=ControlGroup", "--value", source["unit"]]
        group = subprocess.run(show, capture_output=True, text=True, check=True).stdout.strip()
        assert group, source
        for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"):
            if os.path.isdir(root + group):
                pathlib.Path(root + group, "cgroup.procs").write_text(str(os.getpid()))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
            sent = f"SYSLOG_IDENTIFIER=saltwatch-test\\nPRIORITY=4\\nMESSAGE={{text}}\\n"
            journal.sendto(sent.encode(), "/run/systemd/journal/socket")
        time.sleep(2)
        os._exit(0)
    written[source["job"]] = now
print(json.dumps(written), flush=True)
"""

# The second asks Loki until lines of so many jobs are found; prints when each was, by job.
WATCH = """
import json, time, urllib.parse, urllib.request
url, query, count, seconds = json.loads({told!r})
started, found = time.time(), {{}}
while len(found) < count and time.time() < started + seconds:
    parameters = {{"query": query, "start": int((started - 600) * 1e9), "limit": 1000}}
    with urllib.request.urlopen(f"{{url}}?{{urllib.parse.urlencode(parameters)}}", timeout=30) as answer:
        for stream in json.load(answer)["data"]["result"]:
            found.setdefault(stream["stream"]["job"], time.time())
    time.sleep(0.05)
print(json.dumps(found))
"""

Source = dict[str, str]


def sources(host: str) -> list[Source]:
    """Return the sources of a host as the catalogue says, Salt's own files, and a unit that it does not know.

    Each has ``job``, ``role``, and either ``unit`` or ``file``.
    """
    fleet = catalogue.fleet()
    found: list[Source] = catalogue.functions().log_sources(host, fleet)
    role = catalogue.functions().roles(host, fleet)[0]
    files = yaml.safe_load((catalogue.CHECKOUT / "salt/alloy/defaults.yaml").read_text())["files"]
    masters = catalogue.functions().hosts("master", fleet)
    salt = [each for each in files if each["job"] != "salt_master" or host in masters]
    other = {"job": "journal", "role": role, "unit": "salt-minion.service"}
    return [*found, *({"role": role, **each} for each in salt), other]


def write(host: str, chosen: list[Source], text: str) -> dict[str, float]:
    """Write a warning with a text into sources of a host; return when (seconds since the epoch), by job."""
    written: dict[str, float] = remote.python(host, WRITE.format(told=json.dumps([chosen, text])))
    return written


def watch(loki: Store, query: str, jobs: int, seconds: float = 60) -> dict[str, float]:
    """Ask Loki until lines of so many jobs are found; return when (seconds since the epoch), by job."""
    url = f"http://127.0.0.1:{loki.port}/loki/api/v1/query_range"
    told = json.dumps([url, query, jobs, seconds])
    found: dict[str, float] = remote.python(loki.host, WATCH.format(told=told), timeout=seconds + 60)
    return found


def streams(loki: Store, query: str) -> list[dict[str, str]]:
    """Return the labels, structured metadata among them, of each stream of the last hour that matches."""
    return [stream["stream"] for stream in ask(loki, query)]


def texts(loki: Store, query: str) -> list[str]:
    """Return the lines of the last hour that match."""
    return [line for stream in ask(loki, query) for _, line in stream["values"]]


def ask(loki: Store, query: str) -> list[dict[str, Any]]:
    """Return the streams of the last hour that match, as Loki does: ``stream`` and ``values``."""
    now = time.time()
    return between(loki, query, now - 3600, now + 60, 100)


def between(loki: Store, query: str, start: float, end: float, limit: int) -> list[dict[str, Any]]:
    """Return the streams that match, as Loki does.

    Args:
        loki: who is asked.
        query: in LogQL.
        start: from when on, in seconds since the epoch.
        end: before which moment.
        limit: how many lines at most.
    """
    times = {"start": int(start * 1e9), "end": int(end * 1e9)}
    answer = loki.json("/loki/api/v1/query_range", query=query, limit=limit, **times)
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found
