"""Releases of the application: what is where after each end that a deployment can have.

systemd is not there: what it would be told is written down, and one command of it fails where a test says so.
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from loader import load
from salt.exceptions import CommandExecutionError

SETTINGS = "APP_BIND=0.0.0.0:5000\nAPP_LOG_FILE=/var/log/app/app.json\n"


class Host:
    """An application's directory, and what its units were told, with ``current`` and ``next`` then."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "opt"
        self.settings = directory / "app.env"
        self.told: list[tuple[str, str | None, str | None]] = []
        self.failing: set[str] = set()
        self.error: type[BaseException] = CommandExecutionError
        self.unready: set[str] = set()
        self.active: set[str] = set()
        self.module = load("_modules/app_release.py", __salt__=self._units())
        self.settings.write_text(SETTINGS)
        for version in ("1", "2"):
            self.release(version)

    def _units(self) -> dict[str, Callable]:
        return {
            "app_units.systemctl": lambda *arguments: self._tell(" ".join(arguments)),
            "app_units.start": lambda unit, verb="start", log_file=None: self._tell(f"{verb} {unit}"),
            "app_units.wait": lambda address, path, *_, **__: self._tell(f"wait {address}{path}"),
            "app_units.ask": lambda address, path: "503" if address in self.unready else None,
            "app_units.is_active": lambda unit: unit in self.active,
        }

    def _tell(self, command: str) -> None:
        self.told.append((command, self.link("current"), self.link("next")))
        if command in self.failing:
            self.failing.remove(command)
            raise self.error(f"{command}: broken pipe")

    def release(self, version: str) -> None:
        (self.root / "releases" / version).mkdir(parents=True)
        (self.root / "releases" / version / "complete").touch()
        (self.root / "wheels" / version).mkdir(parents=True)

    def deploy(self, version: str) -> str:
        self.told.clear()
        return self.module.deploy(version, str(self.settings), str(self.root))

    def refused(self, version: str) -> str:
        with pytest.raises(CommandExecutionError) as raised:
            self.deploy(version)
        return str(raised.value)

    def pending(self, version: str, *files: Path) -> str | None:
        return self.module.pending(version, str(self.settings), list(map(str, files)), str(self.root))

    def refusal(self, version: str) -> str | None:
        return self.module.refusal(version, str(self.settings), str(self.root))

    def link(self, name: str) -> str | None:
        path = self.root / name
        return path.readlink().name if path.is_symlink() else None

    @property
    def commands(self) -> list[str]:
        return [command for command, _, _ in self.told]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture
def old(host: Host) -> str:
    """The deployment of version 1, which serves."""
    return host.deploy("1")


RESET = "reset-failed app-*.service"
TRIAL = "wait unix:/run/app-trial.sock"
PUBLIC = "wait 127.0.0.1:5000/health"


def test_first_deployment_waits_for_no_database(host: Host) -> None:
    """Mutants: the migration required at first, too; app.service started before its socket."""
    name = host.deploy("1")
    assert host.commands == [
        *("daemon-reload", "start app-trial.service", f"{TRIAL}/health"),
        *(
            "stop app-trial.socket app-migrate-next.service",
            "restart app.socket",
            "start app.service",
            PUBLIC,
            RESET,
        ),
    ]
    assert host.link("current") == name
    assert host.pending("1") is None


def test_version_is_proved_and_migrated_for_before_it_takes_over(host: Host, old: str) -> None:
    """Mutants: no standby; ``current`` led to the new one before the standby answers; no readiness."""
    new = host.deploy("2")
    assert host.told == [
        ("daemon-reload", old, new),
        ("start app-trial.service", old, new),
        (f"{TRIAL}/health", old, new),
        ("start app-migrate-next.service", old, new),
        (f"{TRIAL}/health/ready", old, new),
        ("stop app-trial.socket app-migrate-next.service", old, new),
        ("restart app-standby.service", old, new),
        ("restart app.service", new, new),
        ("stop app-standby.service", new, new),
        (PUBLIC, new, new),
        (RESET, new, new),
    ]
    assert host.link("previous") == old


@pytest.mark.parametrize(
    "failing",
    [
        *("start app-trial.service", f"{TRIAL}/health", "start app-migrate-next.service"),
        *(f"{TRIAL}/health/ready", "restart app-standby.service"),
    ],
)
def test_what_does_not_prove_well_touches_nothing(host: Host, old: str, failing: str) -> None:
    """Mutants: app.service restarted all the same; the trial or the standby left running; no cause;
    a unit left in the state of failure, which alerts for ever.
    """
    host.failing = {failing}
    told = host.refused("2")
    assert f"{failing}: broken pipe" in told
    assert f"{old} serves" in told
    assert (host.link("current"), host.link("previous")) == (old, None)
    assert not [command for command in host.commands if command.endswith(" app.service")]
    assert "stop app-trial.socket app-migrate-next.service" in host.commands
    started = "restart app-standby.service" in host.commands
    assert (host.commands[-2] == "stop app-standby.service") is started
    assert host.commands[-1] == RESET


def test_what_did_not_prove_well_is_tried_again(host: Host, old: str) -> None:
    """The database may only have been away. Mutant: refused for good."""
    host.failing = {"start app-migrate-next.service"}
    host.refused("2")
    assert host.refusal("2") is None
    assert host.deploy("2") == host.link("current")


@pytest.mark.parametrize("failing", ["restart app.service", PUBLIC])
def test_what_does_not_serve_is_rolled_back_and_refused(host: Host, old: str, failing: str) -> None:
    """Mutants: ``current`` left on the new one; the standby still of the new one; nothing written down."""
    host.failing = {failing}
    told = host.refused("2")
    assert "rolled back" in told
    assert f"{old} serves" in told
    back = host.told.index(("restart app-standby.service", host.told[-1][1].replace("1-", "2-"), old))
    assert host.told[back + 1 :] == [
        ("restart app.service", old, old),
        ("stop app-standby.service", old, old),
        (PUBLIC, old, old),
        (RESET, old, old),
    ]
    assert "broken pipe" in (host.refusal("2") or "")
    assert host.pending("1") is None


def test_settings_do_not_clear_a_refused_version_and_retry_does(host: Host, old: str) -> None:
    """Mutants: the deployment refused instead of its version; `retry` that forgets nothing."""
    host.failing = {PUBLIC}
    host.refused("2")
    host.settings.write_text(SETTINGS + "APP_THREADS=8\n")
    assert host.refusal("2")
    assert host.refusal("1") is None
    assert host.module.retry(str(host.root)) == ["2"]
    assert host.refusal("2") is None


def test_refused_settings_are_cleared_by_others(host: Host, old: str) -> None:
    """Mutant: the version refused, which served well with the settings before."""
    host.settings.write_text(SETTINGS + "APP_THREADS=8\n")
    host.failing = {PUBLIC}
    host.refused("1")
    assert host.refusal("1")
    host.settings.write_text(SETTINGS)
    assert host.refusal("1") is None
    assert host.pending("1") is None


def test_settings_are_changed_without_a_database_and_a_version_is_not(host: Host, old: str) -> None:
    """Mutants: a migration for each change of settings; none for a version while the old one is not ready."""
    host.unready = {"127.0.0.1:5000"}
    host.settings.write_text(SETTINGS + "APP_THREADS=8\n")
    host.deploy("1")
    assert "start app-migrate-next.service" not in host.commands
    assert f"{TRIAL}/health/ready" not in host.commands
    host.deploy("2")
    assert "start app-migrate-next.service" in host.commands


def test_another_address_needs_another_socket(host: Host, old: str) -> None:
    """Mutant: the standby used, whose socket is the old one."""
    host.settings.write_text(SETTINGS.replace("5000", "5001"))
    host.deploy("1")
    assert "restart app-standby.service" not in host.commands
    assert host.commands[-4:-1] == [
        *("restart app.socket", "start app.service", "wait 127.0.0.1:5001/health"),
    ]


def test_what_a_deployment_read_is_compared(host: Host, old: str, tmp_path: Path) -> None:
    """Mutants: a newer file not noticed; an edited copy of the settings taken for good; a standby left."""
    secret = tmp_path / "database-url"
    assert "is to be made first" in (host.pending("1", secret) or "")
    secret.touch()
    os.utime(secret, (1, 1))
    assert host.pending("1", secret) is None
    os.utime(secret, (1e10, 1e10))
    assert str(secret) in (host.pending("1", secret) or "")
    host.active = {"app-standby.service"}
    assert "interrupted" in (host.pending("1") or "")
    host.active = set()
    (host.root / "current").readlink().joinpath("app.env").write_text("APP_BIND=0.0.0.0:1\n")
    assert "by hand" in (host.pending("1") or "")


def test_copy_of_the_settings_is_as_secret_as_they_are(host: Host) -> None:
    """Mutant: copied with the umask's mode."""
    host.settings.chmod(0o640)
    name = host.deploy("1")
    assert (host.root / "deployments" / name / "app.env").stat().st_mode & 0o777 == 0o640


def test_interrupted_deployment_is_finished_or_undone(host: Host, old: str) -> None:
    """As by a killed minion. Mutants: what nobody saw serve taken for good; it goes back to itself."""
    host.failing, host.error = {PUBLIC}, KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        host.deploy("2")
    assert host.link("current") != old
    assert "interrupted" in (host.pending("2") or "")
    host.failing, host.error = {PUBLIC}, CommandExecutionError
    assert "rolled back" in host.refused("2")
    assert host.link("current") == old


def test_rollback_leads_to_the_version_before_with_its_settings(host: Host, old: str) -> None:
    """Mutants: to the deployment before, which is of the same version; the new version not refused."""
    with pytest.raises(CommandExecutionError, match="no version to go back to"):
        host.module.rollback(str(host.root))
    host.deploy("2")
    host.settings.write_text(SETTINGS + "APP_THREADS=8\n")
    host.deploy("2")
    assert old in host.module.rollback(str(host.root))
    assert host.module.status(str(host.root))["current"] == old
    assert "by hand" in (host.refusal("2") or "")
    with pytest.raises(CommandExecutionError, match="no version to go back to"):
        host.module.rollback(str(host.root))


def test_one_version_is_kept_to_go_back_to(host: Host, old: str) -> None:
    """Mutants: the release that serves removed before the switch; the previous one; wheels kept for ever."""
    host.release("0")
    before = host.module.superfluous("2", str(host.root))
    assert [Path(path).relative_to(host.root).as_posix() for path in before] == ["wheels/0", "releases/0"]
    host.deploy("2")
    assert host.module.superfluous("2", str(host.root)) == before
    host.release("3")
    host.deploy("3")
    names = {Path(path).name for path in host.module.superfluous("3", str(host.root))}
    assert names == {"0", "1"}
    assert len(list((host.root / "deployments").iterdir())) == 2


def test_two_deployments_at_once_are_refused(host: Host, old: str) -> None:
    """As a rollback by hand in the middle of a highstate. Mutants: no lock; one that several may hold."""
    with (host.root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert "under way" in host.refused("2")
    assert host.link("current") == old


def test_failed_installation_is_not_whole_and_says_why(tmp_path: Path) -> None:
    """With the machine's own Python, and no wheels. Mutant: ``complete`` touched first."""
    module = load("_modules/app_release.py")
    with pytest.raises(CommandExecutionError, match=r"requirements\.txt"):
        module.install("1", str(tmp_path))
    assert not module.is_installed("1", str(tmp_path))


@pytest.fixture
def states(host: Host) -> Callable:
    """Return a function that makes the state module, for ``test=True`` or not."""

    def make(test: bool = False):
        root, settings = str(host.root), str(host.settings)
        functions = {
            "pending": lambda version, *_: host.pending(version),
            "refusal": lambda version, _: host.module.refusal(version, settings, root),
            "deploy": lambda version, _: host.module.deploy(version, settings, root),
            "status": lambda: host.module.status(root),
            "superfluous": lambda version: host.module.superfluous(version, root),
            "is_installed": lambda version: host.module.is_installed(version, root),
        }
        dunder = {f"app_release.{name}": function for name, function in functions.items()}
        return load("_states/app_release.py", __salt__=dunder, __opts__={"test": test})

    return make


def test_state_says_what_it_will_do_does_it_and_has_nothing_left(states: Callable, host: Host) -> None:
    """Mutants: ``test=True`` deploys; a deployment each time."""
    arguments = ("app", "1", str(host.settings), [])
    predicted = states(test=True).deployed(*arguments)
    assert (predicted["result"], bool(predicted["changes"]), host.told) == (None, True, [])
    done = states().deployed(*arguments)
    assert (done["result"], bool(done["changes"])) == (True, True)
    again = states().deployed(*arguments)
    assert (again["result"], again["changes"]) == (True, {})


@pytest.mark.parametrize("test", [False, True])
def test_refused_version_fails_and_is_left_alone(states: Callable, host: Host, old: str, test: bool) -> None:
    """Mutants: tried again each time; ``mod_watch`` called after the failure, which deploys it."""
    host.failing = {PUBLIC}
    failed = states().deployed("app", "2", str(host.settings), [])
    assert (failed["result"], failed["changes"], failed["skip_watch"]) == (False, {}, True)
    host.told.clear()
    again = states(test).deployed("app", "2", str(host.settings), [])
    assert (again["result"], again["changes"], again["skip_watch"], host.told) == (False, {}, True, [])
    assert "was refused" in again["comment"]
    assert f"{old} serves" in again["comment"]


def test_changed_mode_of_a_watched_file_is_announced_and_taken_up(
    states: Callable, host: Host, old: str
) -> None:
    """As Salt's own service.running does. Mutant: ``mod_watch`` without a change of its own."""
    arguments = ("app", "deployed", "1", str(host.settings), [])
    assert states(test=True).mod_watch(*arguments)["result"] is None
    host.told.clear()
    assert states().mod_watch(*arguments)["changes"]
    assert "restart app-standby.service" in host.commands


def test_old_releases_are_announced_and_removed(states: Callable, host: Host, old: str) -> None:
    """Mutant: removed under ``test=True``."""
    predicted = states(test=True).pruned("app", "1")
    assert predicted["result"] is None
    assert (host.root / "releases/2").is_dir()
    assert states().pruned("app", "1")["changes"] == predicted["changes"]
    assert not (host.root / "releases/2").exists()
    assert states().pruned("app", "1")["changes"] == {}
