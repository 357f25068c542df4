"""What is looked at before anything is started: all that is wrong is told at once."""

import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

from rehearsal import forwards
from rehearsal.image.machine import mirrors
from rehearsal.machine import checks
from rehearsal.machine.cgroups import Group
from rehearsal.progress import StepError
from rehearsal.settings import Settings

GIB = 2**30
# Eight hosts, their disks and volumes, and two images while one replaces the other.
DISK = 8 * GIB
MEMORY = 4 * GIB
INOTIFY = 80  # instances of inotify(7), of which a host's systemd, udev and daemons have some eight
PROC = Path("/proc")


def check(settings: Settings, mirror: str | None, fresh: bool) -> None:
    """Refuse to start on a machine or with options that cannot work.

    Args:
        settings: Of this rehearsal.
        mirror: What --mirror was given.
        fresh: Nothing of this rehearsal runs yet.

    Raises:
        StepError: With every problem found.
    """
    problems = [*_owner(settings), *_disk(settings), *_mirror(mirror)]
    if fresh:
        problems += [
            *checks.problems(settings),
            *_memory(),
            *_inotify(),
            *_ports(settings),
            *_debian_mirror(),
        ]
    if problems:
        raise StepError("this machine is not ready:\n" + "\n".join(f"  - {problem}" for problem in problems))


def _owner(settings: Settings) -> Iterator[str]:
    """One fleet a machine and prefix: it belongs to the checkout that launched it."""
    owner = settings.state / "checkout"
    if not owner.exists() or Path(owner.read_text()) == settings.checkout:
        return
    if Group(settings.prefix).pids():
        yield f"the fleet that is up belongs to {owner.read_text()}: run ./rehearse down there, or here"


def _disk(settings: Settings) -> Iterator[str]:
    for directory in (settings.state.parent, settings.cache.parent):
        free = shutil.disk_usage(directory).free
        if free < DISK:
            yield f"{directory}: {free / GIB:.1f} GiB free, expected at least {DISK / GIB:.0f}"


def _memory() -> Iterator[str]:
    available = psutil.virtual_memory().available
    if available < MEMORY:
        yield f"memory: {available / GIB:.1f} GiB available, expected at least {MEMORY / GIB:.0f}"


def _inotify() -> Iterator[str]:
    """Hosts share root's instances with the machine's own daemons; one that gets none does not boot."""
    limit = int((PROC / "sys/fs/inotify/max_user_instances").read_text())
    free = limit - sum(_instances(descriptors) for descriptors in PROC.glob("[0-9]*/fd"))
    if free < INOTIFY:
        yield (
            f"fs.inotify.max_user_instances: {free} of {limit} are free, expected at least {INOTIFY}"
            f" (sysctl -w fs.inotify.max_user_instances={limit + INOTIFY})"
        )


def _instances(descriptors: Path) -> int:
    try:
        return sum(_target(link) == "anon_inode:inotify" for link in descriptors.iterdir())
    except OSError:  # the process has ended meanwhile
        return 0


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed meanwhile
        return ""


def _ports(settings: Settings) -> Iterator[str]:
    try:
        for listener in forwards.listen(settings).values():
            listener.close()
    except StepError as error:
        yield f"{error}: {error.advice}"


def _debian_mirror() -> Iterator[str]:
    url = f"{mirrors().archive}/dists/trixie/InRelease"
    if fault := _unanswered(url):
        yield f"Debian's mirror of this machine does not answer: {fault} (see apt's sources)"


def _mirror(mirror: str | None) -> Iterator[str]:
    if mirror is None:
        return
    if "://" in mirror:
        if fault := _unanswered(f"{mirror.rstrip('/')}/dists/stable/InRelease"):
            yield f"--mirror: {fault}"
    elif not any(Path(mirror).glob("*.deb")):
        yield f"--mirror {mirror}: expected a URL, or a directory with .deb files"


def _unanswered(url: str) -> str | None:
    """Return why a URL cannot be read, or None."""
    try:
        with urllib.request.urlopen(url, timeout=15):  # noqa: S310 - apt's own schemes
            return None
    except (TimeoutError, urllib.error.URLError, ValueError, OSError) as error:
        return f"{url}: {error}"
