"""Commands inside a tree that is being built, as Debian's own maintainer scripts need them."""

import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rehearsal.model import Report
from rehearsal.progress import StepError

_ALONE = ["setpriv", "--pdeathsig", "KILL"]
_ALONE += [
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
]


class Workshop:
    """Runs the commands of one build, their output in one log file."""

    def __init__(self, log: Path, report: Report) -> None:
        self.log = log
        self.report = report

    def run(self, title: str, argv: Sequence[str | Path], env: Mapping[str, str]) -> None:
        """Run a command; report it with the seconds it took.

        It has mount and process namespaces of its own: what it mounts or starts ends with it, and it ends
        with this process, whatever kills that. Nothing goes on writing into a tree that the next build
        removes.

        Args:
            title: What it does, for people.
            argv: The command.
            env: Its whole environment.

        Raises:
            StepError: It exited non-zero.
        """
        self.report(f"{title} ...")
        started = time.monotonic()
        command = [*_ALONE, *(str(word) for word in argv)]
        with self.log.open("a") as log:
            log.write(f"\n# {title}\n$ {shlex.join(command)}\n")
            log.flush()
            code = subprocess.run(
                command,
                check=False,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            ).returncode
        if code:
            raise StepError(f"{title}: {argv[0]} exited with {code}", self.log, "see the end of the log")
        self.report(f"{title}: {time.monotonic() - started:.0f} s")

    def chroot(
        self,
        title: str,
        root: Path,
        script: str,
        *,
        env: Mapping[str, str],
        scratch: Path | None = None,
        binds: Mapping[Path, str] | None = None,
    ) -> None:
        """Run a shell script inside ``root``.

        Args:
            title: What it does, for people.
            root: The tree.
            script: For ``sh -eu``.
            env: Variables besides PATH, HOME and the locale.
            scratch: Directory that takes all writes; None to write into ``root`` itself.
            binds: Files and directories of the machine, and where they appear in the tree.

        Raises:
            StepError: It exited non-zero.
        """
        inside = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
            **env,
        }
        mounts = _mounts(root, scratch, binds or {})
        enter = ["chroot", str(scratch / "root" if scratch else root), "sh", "-euc", script]
        self.run(title, ["sh", "-euc", "\n".join([*mounts, f"exec {shlex.join(enter)}"])], inside)


def _mounts(root: Path, scratch: Path | None, binds: Mapping[Path, str]) -> list[str]:
    lines = []
    if scratch:
        lower, root = root, scratch / "root"
        for name in ("upper", "work", "root"):
            (scratch / name).mkdir()
        options = f"lowerdir={lower},upperdir={scratch / 'upper'},workdir={scratch / 'work'}"
        lines.append(f"mount -t overlay overlay -o {shlex.quote(options)} {shlex.quote(str(root))}")
    tree = shlex.quote(str(root))
    lines += [f"mount -t proc proc {tree}/proc", f"mount --rbind /dev {tree}/dev"]
    lines += [f"mount -t tmpfs tmpfs {tree}/{name}" for name in ("tmp", "run")]
    for source, target in binds.items():
        place = shlex.quote(f"{root}{target}")
        make = (
            "mkdir -p"
            if source.is_dir()
            else f"mkdir -p {shlex.quote(str(Path(f'{root}{target}').parent))}; touch"
        )
        lines += [f"{make} {place}", f"mount --bind {shlex.quote(str(source.resolve()))} {place}"]
    return lines
