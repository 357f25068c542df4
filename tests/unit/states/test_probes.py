"""The modules of the Blackbox Exporter, by the exporter itself: what they take for an answer."""

import contextlib
import re
import socket
import socketserver
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest
import yaml
from compiled import Minion
from tools import path_of

DROP_IN = "/etc/systemd/system/prometheus-blackbox-exporter.service.d/saltwatch.conf"
OPENSSH = b"SSH-2.0-OpenSSH_10.0p2 Debian-7\r\n"


def _packet(payload: bytes) -> bytes:
    """Return MySQL's first packet: the payload's length, number 0, the payload."""
    return len(payload).to_bytes(3, "little") + b"\0" + payload


def _greeting(version: bytes) -> bytes:
    """Return a handshake of protocol 10: version, connection id, scramble, flags, plugin."""
    rest = b"\x1e\0\0\0" + b"a" * 8 + b"\0\xfe\xf7\x2d\x02\0\xff\x81\x15" + b"\0" * 10 + b"b" * 12 + b"\0"
    return _packet(b"\x0a" + version + b"\0" + rest + b"mysql_native_password\0")


@pytest.fixture(scope="module")
def exporter(minion: Callable[..., Minion], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an exporter with the configuration of its host."""
    path = tmp_path_factory.mktemp("blackbox") / "blackbox.yml"
    path.write_text(minion("prometheus-1").files["/etc/prometheus/blackbox.yml"])
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = "{}:{}".format(*free.getsockname())
    program = path_of("prometheus-blackbox-exporter")
    arguments = [f"--config.file={path}", f"--web.listen-address={address}", "--log.level=error"]
    with subprocess.Popen([program, *arguments]) as process:
        try:
            deadline = time.monotonic() + 60
            while not _answers(f"http://{address}/-/healthy"):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield f"http://{address}"
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(url, timeout=5):
        return True
    return False


def _succeeds(exporter: str, module: str, target: str) -> bool:
    with urllib.request.urlopen(f"{exporter}/probe?module={module}&target={target}", timeout=30) as answer:
        metrics = answer.read().decode()
    (value,) = re.findall(r"^probe_success (\d)$", metrics, re.MULTILINE)
    return value == "1"


@pytest.mark.parametrize(
    ("module", "said", "well"),
    [
        ("ssh_banner", OPENSSH, True),
        ("ssh_banner", b"SSH-1.5-old\r\n", False),
        ("ssh_banner", b"HTTP/1.1 400 Bad Request\r\n", False),
        ("ssh_banner", b"", False),
        ("mysql_banner", _greeting(b"11.8.3-MariaDB-0+deb13u1 from Debian"), True),
        ("mysql_banner", _greeting(b"8.4.6"), True),
        ("mysql_banner", _packet(b"\xff\x10\x04#08004Too many connections"), False),
        ("mysql_banner", b"", False),
        ("mysql_banner", OPENSSH, False),
        ("tcp_connect", b"", True),
    ],
)
def test_a_probe_knows_its_service_by_its_banner(exporter: str, module: str, said: bytes, well: bool) -> None:
    """Mutants: ``query_response`` left out; ``SSH-`` alone; only the zeros in mysql_banner."""

    class Greets(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(said)
            if well:
                self.request.recv(100)  # as the real ones, until the client has gone

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greets) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        target = "{}:{}".format(*server.server_address)
        assert _succeeds(exporter, module, target) is well
        server.shutdown()


@pytest.mark.root
def test_a_ping_is_answered(exporter: str) -> None:
    """Mutant: the prober of `icmp` made tcp."""
    assert _succeeds(exporter, "icmp", "127.0.0.1")


def test_the_exporter_may_open_raw_sockets_and_nothing_more(minion: Callable[..., Minion]) -> None:
    """Mutants: CAP_NET_ADMIN added to either; `AmbientCapabilities` left out, so that no ping is sent."""
    lines = [line for line in minion("prometheus-1").files[DROP_IN].splitlines() if "Capabilit" in line]
    capabilities = [tuple(line.split("=")) for line in lines]
    assert sorted(capabilities) == [
        (name, "CAP_NET_RAW") for name in ("AmbientCapabilities", "CapabilityBoundingSet")
    ]


@pytest.mark.parametrize("env", ["dev", "vagrant"])
def test_every_host_is_pinged_and_asked_for_its_ssh(minion: Callable[..., Minion], env: str) -> None:
    """As Prometheus has it. Mutant: `role: master` of either in the catalogue."""
    host = minion("prometheus-1", env)
    config = yaml.safe_load(host.files["/etc/prometheus/prometheus.yml"])
    (job,) = (job for job in config["scrape_configs"] if job["job_name"] == "probe")
    probed: dict[str, dict[str, str]] = {}
    for target in job["static_configs"]:
        labels = target["labels"]
        probed.setdefault(labels["__param_module"], {})[labels["instance"]] = labels["__param_target"]
    zone, hosts = host.pillar["fleet"]["zone"], host.pillar["fleet"]["hosts"]
    assert probed["icmp"] == {name: f"{name}.{zone}" for name in hosts}
    assert probed["ssh_banner"] == {name: f"{name}.{zone}:22" for name in hosts}
    assert probed["mysql_banner"] == {"database-1": f"database-1.{zone}:3306"}
