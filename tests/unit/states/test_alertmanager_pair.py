"""The pair of prod as two real processes, cut off from each other: somebody is told, and no silence is lost.

Both have the configuration, the peers and the flags that the hosts get, in a network namespace of their own,
where loopback addresses stand for the hosts. The cut drops what they gossip, by tcp and udp.
"""

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from compiled import Minion
from tools import path_of

from rehearsal.network.namespaces import ensure_namespace, inside, remove_namespace
from rehearsal.sinks import Sinks

pytestmark = pytest.mark.root

ADDRESSES = {"prometheus-1": "127.0.0.11", "prometheus-2": "127.0.0.12"}
CUT = """
table inet cut {
  chain input { type filter hook input priority 0; th dport 9094 drop; th sport 9094 drop; }
}
"""
# Debian's has templates of its own in a fixed place, where they are only for this process.
MOUNT = 'mount -t overlay overlay -o "lowerdir=$0:/usr/share" /usr/share; exec "$@"'
# Only shorter, for the test.
QUICK = ["--cluster.peer-timeout=2s", "--cluster.reconnect-interval=1s", "--cluster.settle-timeout=5s"]


class Node:
    """One Alertmanager.

    Args:
        files: what its host gets.
        host: its minion id.
        sink: the URL that its receiver is told by.
        directory: for what it keeps.
        namespace: in which it runs.
    """

    def __init__(self, files: dict[str, str], host: str, sink: str, directory: Path, namespace: Path) -> None:
        self._namespace, self._directory = namespace, directory
        self.url = f"http://{ADDRESSES[host]}:9093"
        directory.mkdir()
        (directory / "url").write_text(sink)
        config = yaml.safe_load(files["/etc/prometheus/alertmanager.yml"])
        (way,) = next(each for each in config["receivers"] if each["name"] == "oncall")["webhook_configs"]
        way["url_file"] = str(directory / "url")
        config["templates"] = []
        (directory / "alertmanager.yml").write_text(yaml.safe_dump(config))
        lines = files["/etc/default/prometheus-alertmanager"].splitlines()
        (arguments,) = (line.removeprefix("ARGS=") for line in lines if line.startswith("ARGS="))
        for name, address in ADDRESSES.items():
            arguments = arguments.replace(f"{name}.saltwatch.internal", address)
        arguments = arguments.replace("0.0.0.0", ADDRESSES[host]).replace(
            "/srv/data/alertmanager", str(directory)
        )
        (words,) = shlex.split(arguments)
        own = [
            f"--config.file={directory}/alertmanager.yml",
            f"--cluster.advertise-address={ADDRESSES[host]}:9094",
        ]
        program = path_of("prometheus-alertmanager")
        mounted = ["unshare", "--mount", "sh", "-ec", MOUNT, str(program.parents[1] / "share")]
        self._command = [*mounted, str(program), *words.split(), *own, *QUICK]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._directory / "log").open("ab") as log, inside(self._namespace):
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

    def stop(self) -> None:
        assert self._process
        self._process.terminate()
        self._process.wait(30)

    def ask(self, path: str, body: Any = None) -> Any:
        """Ask the API; None while it does not answer."""
        data = [] if body is None else ["--json", json.dumps(body)]
        with inside(self._namespace):
            done = subprocess.run(
                ["curl", "--silent", "--fail", "--max-time", "5", *data, f"{self.url}/api/v2/{path}"],
                capture_output=True,
                text=True,
                check=False,
            )
        return json.loads(done.stdout or "true") if done.returncode == 0 else None

    def fire(self, name: str) -> None:
        """Tell it of an alert, as Prometheus does."""
        assert self.ask("alerts", [{"labels": {"alertname": name, "severity": "critical", "env": "prod"}}])

    def silence(self, name: str) -> str:
        """Silence an alert for an hour; return the silence's id."""
        hour = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + after)) for after in (0, 3600)]
        matcher = {"name": "alertname", "value": name, "isRegex": False, "isEqual": True}
        made = {
            "matchers": [matcher],
            "startsAt": hour[0],
            "endsAt": hour[1],
            "createdBy": "x",
            "comment": "x",
        }
        return str(self.ask("silences", made)["silenceID"])

    def silences(self) -> set[str]:
        return {each["id"] for each in self.ask("silences") or [] if each["status"]["state"] == "active"}

    def peers(self) -> int:
        return len((self.ask("status") or {}).get("cluster", {}).get("peers", []))


@pytest.fixture
def pair(tmp_path: Path, local_pillar: Path, artifacts: Path) -> dict[str, dict[str, str]]:
    """The files of both hosts of prod, whose people are told by a webhook."""
    shutil.copytree(local_pillar, tmp_path / "local")
    route = {"receiver": "oncall"}
    pillar = {
        "receivers": {"oncall": {"webhook": {"url": "https://oncall.example/kJ3xk9QvTa7Lw2"}}},
        "routes": {"critical": route, "warning": route},
    }
    (tmp_path / "local/local/alertmanager.sls").write_text(yaml.safe_dump({"alertmanager": pillar}))
    arguments = (tmp_path / "salt", tmp_path / "local", artifacts)
    return {host: Minion(host, "prod", *arguments).files for host in ADDRESSES}


@pytest.fixture
def namespace() -> Iterator[Path]:
    path = Path(f"/run/netns/swpair{os.getpid()}")
    ensure_namespace(path)
    yield path
    remove_namespace(path)


@pytest.fixture
def nodes(
    pair: dict[str, dict[str, str]], namespace: Path, tmp_path: Path
) -> Iterator[tuple[list[Node], Sinks]]:
    """Both, running, and what they tell."""
    with Sinks(namespace=namespace) as sinks:
        nodes = [
            Node(pair[host], host, f"{sinks.url}/{host}", tmp_path / host, namespace) for host in ADDRESSES
        ]
        try:
            for node in nodes:
                node.start()
            _eventually(lambda: all(node.peers() == 2 for node in nodes))
            yield nodes, sinks
        finally:
            for node in nodes:
                with contextlib.suppress(AssertionError):
                    node.stop()


def _eventually(question: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _told(sinks: Sinks, name: str) -> list[str]:
    return [post.path for post in sinks.posts() if ("firing", name) in post.alerts]


def _nft(namespace: Path, text: str) -> None:
    with inside(namespace):
        subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)


def test_cut_off_from_its_peer_each_tells_and_no_silence_is_lost(
    nodes: tuple[list[Node], Sinks], namespace: Path
) -> None:
    """Mutants: a node that waits for its peer; a silence kept in memory only; the peers' flag left out."""
    (first, second), sinks = nodes
    before = first.silence("SilencedBefore")
    _eventually(lambda: before in second.silences())
    for node in (first, second):
        node.fire("Together")
    second.fire("Later")
    _eventually(lambda: _told(sinks, "Later"))  # by then both have decided who tells of the other one
    assert len(_told(sinks, "Together")) == 1

    _nft(namespace, CUT)
    _eventually(lambda: first.peers() == second.peers() == 1)
    during = {first.silence("SilencedByFirst"), second.silence("SilencedBySecond")}
    assert not first.silences() & second.silences() - {before}
    for node in (first, second):
        node.fire("Apart")
        node.fire("SilencedBefore")
    second.fire("OnlySecond")  # whose Prometheus reaches it alone
    _eventually(lambda: _told(sinks, "Apart") and _told(sinks, "OnlySecond"))

    _nft(namespace, "delete table inet cut")
    _eventually(lambda: first.silences() == second.silences() == {before, *during})
    first.stop()
    second.stop()
    first.start()
    _eventually(lambda: first.silences() == {before, *during})
    assert not _told(sinks, "SilencedBefore")
