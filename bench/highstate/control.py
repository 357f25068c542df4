"""The control node of the fleet that is up, seen from the operator's machine, and through it the hosts."""

import io
import json
import shlex
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bench.highstate import peers
from bench.highstate.work import KEPT
from rehearsal.inventory import CONTROL
from rehearsal.operator import Operator
from rehearsal.settings import CHECKOUT, Settings

ARTIFACTS = f"/srv/artifacts/{peers.NOP}"  # in a file root of the master's
AUTHORISED = f"/home/{peers.USER}/.ssh/authorized_keys"
MARK = "saltwatch-bench"
REMOTE = Path(__file__).parent / "remote"
MAKE = f"mktemp --directory /var/tmp/{MARK}-XXXXXX"
# salt-1 reaches itself as it does the others: they have its key from their launch.
ENTER = f"""
umask 077
mkdir "$0/cm"
install --directory --mode=0755 {ARTIFACTS}
printf '%s {MARK}\\n' "$(cut --delimiter=' ' --fields=1,2 {peers.KEY}.pub)" >> {AUTHORISED}
"""
LEAVE = f"""
sed --in-place '/ {MARK}$/d' {AUTHORISED}
rm --recursive --force {ARTIFACTS}
for each in "$0"/cm/*; do
  ssh -o ControlPath="$each" -O exit any 2>&1 || echo "$each: it has ended by itself"
done
rm --recursive --force "$0"
"""


@dataclass(frozen=True)
class Timed:
    """A command that has ended well.

    Args:
        seconds: Wall time.
        output: Its standard output.
    """

    seconds: float
    output: str


class Control:
    """The control node, with a directory of the bench's own while `entered`.

    Args:
        settings: Of the rehearsal.
    """

    def __init__(self, settings: Settings) -> None:
        self._operator = Operator(settings)
        self.place = PurePosixPath("/nonexistent")
        self.addresses: dict[str, str] = {}
        self._known_hosts = ""

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Give the bench its place; afterwards take away all that it and the tools have left on the hosts."""
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            command = [sys.executable, "-m", "rehearsal.inventory", scratch, self._operator.ssh_key]
            found = self._run(self._operator.command(command))
        hosts = json.loads(found)
        self.addresses = {host["name"]: host["private_ip"] for host in hosts}
        self._known_hosts = "".join(
            f"{host['name']},{host['private_ip']} {key}\n" for host in hosts for key in host["host_keys"]
        )
        with ExitStack() as stack:
            self.place = PurePosixPath(self.shell(CONTROL, MAKE).decode().strip())
            stack.callback(self.shell, CONTROL, LEAVE, str(self.place))
            self.shell(CONTROL, ENTER, str(self.place))
            for host in self.addresses:
                stack.callback(self.run, host, "rm", "--recursive", "--force", *peers.LEFT_ON_HOSTS)
            yield

    def low_state(self, host: str) -> list[dict[str, Any]]:
        """Return a host's low state, without the arguments that nobody needs here."""
        program = (REMOTE / "lowstate.py").read_bytes()
        command = ["/opt/saltstack/salt/bin/python3", "-", *KEPT]
        found: list[dict[str, Any]] = json.loads(self.run(host, *command, stdin=program))
        return found

    def push(self, packages: Path, files: Iterable[tuple[str, str]]) -> None:
        """Put the tools and what they are told in the bench's place; only root reads it.

        Args:
            packages: The tools' Python packages.
            files: Path in that place, and text.
        """
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(packages, "peers")
            for path, text in [*files, ("known_hosts", self._known_hosts)]:
                _add(tar, path, text)
        self._extract(archive.getvalue(), str(self.place))

    def push_floor(self, files: Iterable[tuple[str, str]]) -> None:
        """Put the floor's states where the master serves files."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for path, text in files:
                _add(tar, path, text, mode=0o644)
        self._extract(archive.getvalue(), ARTIFACTS)

    def collect(self, host: str, paths: Iterable[str]) -> None:
        """Copy files of a host's to the control node: what peers are given as the files' wanted content."""
        listed = "".join(f"{path.lstrip('/')}\n" for path in paths).encode()
        command = ["tar", "--create", "--directory=/", "--verbatim-files-from", "--files-from=-"]
        archive = self.run(host, *command, stdin=listed)
        target = f"{self.place}/files/{host}"
        self.run(CONTROL, "mkdir", "--parents", target)
        self._extract(archive, target)

    def measure(self, tool: peers.Tool) -> Timed:
        """Run a tool and measure it there.

        Raises:
            RuntimeError: It failed; with what it said last.
        """
        variables = [f"{name}={value}" for name, value in tool.environment.items()]
        clock = ["python3", f"{self.place}/remote/clock.py", f"{self.place}/{tool.directory}"]
        found = json.loads(self.run(CONTROL, *clock, *variables, "--", *tool.argv))
        if found["code"]:
            said = f"{found['output'][-6000:]}\n{found['errors'][-6000:]}"
            raise RuntimeError(f"{tool.title} ended with {found['code']}:\n{said}")
        return Timed(found["seconds"], found["output"])

    @contextmanager
    def memory(self, hosts: Iterable[str]) -> Iterator[dict[str, int]]:
        """Watch the memory of hosts; the dictionary has, afterwards, by how much each one's grew (bytes)."""
        program = (REMOTE / "memory.py").read_text()
        watchers = {
            host: subprocess.Popen(
                self._ssh(host, ["python3", "-c", program]),
                env=self._operator.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for host in hosts
        }
        grown: dict[str, int] = {}
        try:
            yield grown
        finally:
            for host, watcher in watchers.items():
                grown[host] = int(watcher.communicate(timeout=60)[0] or 0)

    def run(self, host: str, *argv: str, stdin: bytes = b"") -> bytes:
        """Run a command on a host as root and return what it prints.

        Raises:
            RuntimeError: It failed; with what it said.
        """
        return self._run(self._ssh(host, argv), stdin)

    def shell(self, host: str, script: str, *arguments: str) -> bytes:
        """Run a shell's script on a host as root, its arguments from `$0` on."""
        return self.run(host, "sh", "-euc", script, *arguments)

    def _extract(self, archive: bytes, directory: str) -> None:
        command = ["tar", "--extract", "--no-same-owner", "--preserve-permissions"]
        self.run(CONTROL, *command, f"--directory={directory}", stdin=archive)

    def _ssh(self, host: str, argv: Iterable[str]) -> list[str]:
        return self._operator.ssh(host, shlex.join(["sudo", *argv]))

    def _run(self, argv: list[str], stdin: bytes = b"") -> bytes:
        done = subprocess.run(
            argv,
            env=self._operator.environment(),
            cwd=CHECKOUT,
            input=stdin,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            said = (done.stdout[-3000:] + done.stderr[-3000:]).decode(errors="replace")
            raise RuntimeError(f"{shlex.join(argv)[:300]} ended with {done.returncode}:\n{said}")
        return done.stdout


def _add(tar: tarfile.TarFile, path: str, text: str, mode: int = 0o600) -> None:
    content = text.encode()
    member = tarfile.TarInfo(path)
    member.size, member.mode = len(content), mode
    tar.addfile(member, io.BytesIO(content))


def versions(control: Control, packages: Path) -> Mapping[str, str]:
    """Return the version of each tool."""
    found = {"Salt": control.run(CONTROL, "salt", "--version").decode().split()[1]}
    for name in ("ansible_core", "mitogen", "pyinfra"):
        (info,) = packages.glob(f"{name}-*.dist-info")
        found[name.replace("_", "-")] = info.name.removesuffix(".dist-info").partition("-")[2]
    return found
