"""Releases of the application on its host: installed side by side, proved, switched to, and gone back from.

Below the root, /opt/app::

    wheels/VERSION            what the control node built
    releases/VERSION          a virtual environment of them; ``complete`` when it is whole
    deployments/VERSION-HASH  a release and its settings: ``release`` leads to it, ``app.env`` are they;
                              ``accepted`` when it was seen to serve
    current, next, previous   lead to the deployment that serves, that is tried, of the version before

Of a version or deployment that is not to be tried again, ``refused`` says why.

Requests come over a socket that systemd keeps open (app.socket) and hands to every process that is to
answer. app.service runs ``current`` and app-standby.service ``next``, both on that socket, so that one of
them answers while the other is restarted. app-trial.service runs ``next`` on a socket of its own, where
nobody else asks, and app-migrate-next.service brings the database to its schema.
"""

import contextlib
import fcntl
import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from salt.exceptions import CommandExecutionError

__virtualname__ = "app_release"

ROOT = "/opt/app"
TRIAL = "unix:/run/app-trial.sock"
STEADY = 3.0  # seconds for which a new deployment has to answer well without a break
OUTPUT_LIMIT = 1000  # characters


class RefusedError(CommandExecutionError):
    """A deployment does not serve; the message says why, and which one does."""


def deployment_id(version: str, settings: bytes) -> str:
    """Return the name of the deployment of a version with these settings (a systemd environment file)."""
    return f"{version}-{hashlib.sha256(settings).hexdigest()[:8]}"


def is_installed(version: str, root: str = ROOT) -> bool:
    """Return whether a version is there, whole."""
    return Path(root, "releases", version, "complete").exists()


def install(version: str, root: str = ROOT) -> None:
    """Make a release of its wheels, each checked against its hash.

    A virtual environment cannot be moved, so it is made in its place and marked when it is whole.

    Raises:
        CommandExecutionError: with what was printed by the step that failed.
    """
    release, wheels = Path(root, "releases", version), Path(root, "wheels", version)
    _run("python3", "-m", "venv", "--clear", str(release))
    pip = (str(release / "bin/pip"), "--quiet", "--disable-pip-version-check", "install", "--no-index")
    pinned = ("--require-hashes", "--requirement", str(wheels / "requirements.txt"))
    _run(*pip, "--find-links", str(wheels), *pinned)
    # Not its wsgi, which would make and migrate a developer's database.
    _run(str(release / "bin/python"), "-c", "import saltwatch_app.factory")
    # Where nginx finds what it serves itself, whatever this version's Python.
    (static,) = release.glob("lib/python3*/site-packages/saltwatch_app/static")
    (release / "static").symlink_to(static)
    (release / "complete").touch()


def superfluous(version: str, root: str = ROOT) -> list[str]:
    """Return the wheels, releases and deployments of all but a version and the one before it.

    Args:
        version: that serves or is to serve.
        root: the application's directory.
    """
    current, previous = _deployment(root, "current"), _deployment(root, "previous")
    # Until version serves, what serves now is what would be gone back to.
    last = previous if current and _version(current) == version else current
    kept = {version} | ({_version(last)} if last else set())
    found = [path for kind in ("wheels", "releases") for path in sorted(Path(root, kind).glob("*"))]
    homes = sorted(Path(root, "deployments").glob("*"))
    return [
        *(str(path) for path in found if path.name not in kept),
        *(str(home) for home in homes if _version(home) not in kept),
    ]


def status(root: str = ROOT) -> dict[str, object]:
    """Return the deployments that serve (``current``) and served before (``previous``), and what is refused.

    CLI Example::

        salt app-1 app_release.status
    """
    return {
        "current": _name(Path(root, "current")),
        "previous": _name(Path(root, "previous")),
        "refused": {path.parent.name: path.read_text() for path in _refusals(root)},
    }


def pending(version: str, settings: str, files: Iterable[str] = (), root: str = ROOT) -> str | None:
    """Return why a deployment is not yet the one that serves; None if it is.

    Args:
        version: the release's.
        settings: path of its settings.
        files: what it reads besides; a change of them has to be taken up too.
        root: the application's directory.
    """
    for path in (settings, *files):
        if not Path(path).exists():
            return f"{path} is to be made first"
    name = deployment_id(version, Path(settings).read_bytes())
    home, current = Path(root, "deployments", name), _name(Path(root, "current"))
    if current != name:
        return f"{name} takes over from {current}" if current else f"{name} is the first"
    if not (home / "accepted").exists() or __salt__["app_units.is_active"]("app-standby.service"):
        return f"a deployment of {name} was interrupted"
    if (home / "app.env").read_bytes() != Path(settings).read_bytes():
        return f"the settings of {name} were changed by hand"
    taken_up = (home / "accepted").stat().st_mtime
    newer = [path for path in files if Path(path).stat().st_mtime > taken_up]
    return f"{name} takes up {', '.join(newer)}" if newer else None


def refusal(version: str, settings: str, root: str = ROOT) -> str | None:
    """Return why a deployment is not to be tried again; None if it is not refused."""
    names = [Path(root, "releases", version)]
    if Path(settings).exists():
        names.append(Path(root, "deployments", deployment_id(version, Path(settings).read_bytes())))
    for place in names:
        if (place / "refused").exists():
            return f"{place.name} was refused at {(place / 'refused').read_text()}"
    return None


def deploy(version: str, settings: str, root: str = ROOT) -> str:
    """Have a version with these settings serve, without a request being lost; go back if it does not.

    Args:
        version: of an installed release.
        settings: path of its settings, a systemd environment file.
        root: the application's directory.

    Returns:
        The name of the deployment.

    Raises:
        RefusedError: it did not prove well, and what served before serves.
        CommandExecutionError: another deployment is under way.
    """
    with _alone(root):
        candidate = _prepare(version, Path(settings), Path(root))
        old = _last_good(Path(root))
        _point(Path(root, "next"), candidate)
        systemctl = __salt__["app_units.systemctl"]
        systemctl("daemon-reload")
        try:
            _prove(candidate, old)
            _take_over(candidate, old, Path(root))
        finally:
            systemctl("reset-failed", "app-*.service")  # what failed is told here, not by a unit for ever
        if old is not None and _version(old) != _version(candidate):
            _point(Path(root, "previous"), old)
        _forget_others(Path(root))
        return candidate.name


def rollback(root: str = ROOT) -> str:
    """Have the previous version serve again, with the settings it had; the one that serves is refused then.

    CLI Example::

        salt app-1 app_release.rollback

    Returns:
        What serves now.

    Raises:
        CommandExecutionError: there is no previous version, or it does not serve either.
    """
    with _alone(root):
        previous, old = _deployment(root, "previous"), _deployment(root, "current")
        if previous is None or old is None:
            raise CommandExecutionError(f"{root}/previous: there is no version to go back to")
        _point(Path(root, "next"), previous)
        (previous / "taken-up").touch()
        _take_over(previous, old, Path(root))
        _refuse(old, previous, "it was rolled back by hand")
        Path(root, "previous").unlink()
        return f"{previous.name} serves; {_version(old)} is refused until app_release.retry"


def retry(root: str = ROOT) -> list[str]:
    """Forget what was refused, so that the next highstate tries it again; return what that is.

    CLI Example::

        salt app-1 app_release.retry
    """
    refusals = _refusals(root)
    for path in refusals:
        path.unlink()
    return [path.parent.name for path in refusals]


def _prepare(version: str, settings: Path, root: Path) -> Path:
    """Write down what is to be deployed; the settings' copy is readable for whom they are."""
    home = root / "deployments" / deployment_id(version, settings.read_bytes())
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    _point(home / "release", Path("../../releases", version))
    new = home / "app.env.new"
    new.touch(mode=0o600)
    shutil.copyfile(settings, new)
    shutil.copymode(settings, new)
    shutil.chown(new, settings.stat().st_uid, settings.stat().st_gid)
    new.replace(home / "app.env")
    # As old as what is taken up, should a file change meanwhile.
    (home / "taken-up").touch()
    return home


def _prove(candidate: Path, old: Path | None) -> None:
    """Start a deployment where no visitor asks it, with the real settings, and migrate the database for it.

    What was ready before has to be ready afterwards too. While the database is away settings may be changed,
    but no version: nobody could know that it works.

    Raises:
        RefusedError: with the cause; the old one serves.
    """
    units = {name: __salt__[f"app_units.{name}"] for name in ("ask", "start", "wait", "systemctl")}
    was_ready = old is not None and units["ask"](_local(old), "/health/ready") is None
    try:
        units["start"]("app-trial.service")
        units["wait"](TRIAL, "/health", "app-trial.service")
        if old is not None and (was_ready or _version(candidate) != _version(old)):
            units["start"]("app-migrate-next.service")
        if was_ready:
            units["wait"](TRIAL, "/health/ready", "app-trial.service")
    except CommandExecutionError as error:
        raise RefusedError(f"{candidate.name} did not prove well. {error}\n{_serving(old)}") from error
    finally:
        units["systemctl"]("stop", "app-trial.socket", "app-migrate-next.service")


def _take_over(candidate: Path, old: Path | None, root: Path) -> None:
    """Switch to a deployment, and back if it does not serve.

    Raises:
        RefusedError: it is the old one that serves.
    """
    try:
        _switch(candidate, old, root)
        __salt__["app_units.wait"](_local(candidate), "/health", "app.service", STEADY, _log_file(candidate))
    except CommandExecutionError as error:
        if old is None or old == candidate:
            raise RefusedError(f"{candidate.name} does not serve, and nothing else does. {error}") from error
        _refuse(candidate, old, str(error))
        _go_back(candidate, old, root)
        raise RefusedError(
            f"{candidate.name} did not serve and was rolled back. {error}\n{_serving(old)}"
        ) from error
    (candidate / "taken-up").replace(candidate / "accepted")


def _switch(to: Path, old: Path | None, root: Path) -> None:
    """Have app.service run a deployment, which ``next`` leads to.

    The standby answers while app.service is restarted; each ends when its requests in hand are answered. Only
    another address, or a service that has no socket yet, makes a gap.
    """
    start, systemctl = __salt__["app_units.start"], __salt__["app_units.systemctl"]
    if old is None or _setting(old, "APP_BIND") != _setting(to, "APP_BIND"):
        _point(root / "current", to)
        systemctl("restart", "app.socket")  # which restarts app.service with it
        start("app.service", log_file=_log_file(to))
        return
    start("app-standby.service", "restart", _log_file(to))
    _point(root / "current", to)
    start("app.service", "restart", _log_file(to))
    systemctl("stop", "app-standby.service")


def _go_back(candidate: Path, old: Path, root: Path) -> None:
    """Undo a switch as far as it went.

    Raises:
        CommandExecutionError: the old one does not serve either.
    """
    if _name(root / "current") == old.name:  # the standby had not even started
        __salt__["app_units.systemctl"]("stop", "app-standby.service")
        return
    _point(root / "next", old)
    _switch(old, candidate, root)
    __salt__["app_units.wait"](_local(old), "/health", "app.service", log_file=_log_file(old))


def _refuse(candidate: Path, old: Path, reason: str) -> None:
    """Remember not to deploy it again: the version if that is what was new, else the settings."""
    place = candidate / "release" if _version(candidate) != _version(old) else candidate
    (place / "refused").write_text(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}: {reason}")


def _refusals(root: str) -> list[Path]:
    return [
        path for kind in ("releases", "deployments") for path in sorted(Path(root, kind).glob("*/refused"))
    ]


def _forget_others(root: Path) -> None:
    """Remove the deployments that are neither current nor previous."""
    kept = {_name(root / "current"), _name(root / "previous")}
    for home in (root / "deployments").iterdir():
        if home.name not in kept:
            shutil.rmtree(home)


def _serving(old: Path | None) -> str:
    return f"{old.name} serves." if old else "Nothing serves."


def _local(deployment: Path) -> str:
    """Return where a deployment is reached on its host."""
    return f"127.0.0.1:{_setting(deployment, 'APP_BIND').rpartition(':')[2]}"


def _log_file(deployment: Path) -> str:
    return _setting(deployment, "APP_LOG_FILE")


def _setting(deployment: Path, name: str) -> str:
    lines = (deployment / "app.env").read_text().splitlines()
    return next((line.partition("=")[2] for line in lines if line.startswith(f"{name}=")), "")


def _version(deployment: Path) -> str:
    return deployment.name.rpartition("-")[0]


def _name(link: Path) -> str | None:
    return link.readlink().name if link.is_symlink() else None


def _deployment(root: str, link: str) -> Path | None:
    """Return the deployment that a link leads to, if it does."""
    home = Path(root, "deployments", _name(Path(root, link)) or "none")
    return home if (home / "app.env").exists() else None


def _last_good(root: Path) -> Path | None:
    """Return the deployment that serves; the one before it, if a run ended before it was seen to."""
    accepted = sorted((root / "deployments").glob("*/accepted"), key=lambda path: path.stat().st_mtime)
    current = root / "deployments" / (_name(root / "current") or "none")
    return current if current / "accepted" in accepted else accepted[-1].parent if accepted else None


def _point(link: Path, target: Path) -> None:
    """Have a symbolic link lead somewhere, at once."""
    new = link.with_name(f"{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-OUTPUT_LIMIT:]
        raise CommandExecutionError(f"{' '.join(command)}: exit code {done.returncode}: {said}")


@contextlib.contextmanager
def _alone(root: str) -> Iterator[None]:
    with Path(root, "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandExecutionError(f"{lock.name}: another deployment is under way") from error
        yield
