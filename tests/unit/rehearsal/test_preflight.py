"""What is wrong with a machine, the options or the checkout is said before anything is started."""

import contextlib
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from rehearsal import preflight
from rehearsal.fleet import Fleet
from rehearsal.machine import checks
from rehearsal.progress import StepError
from rehearsal.settings import CHECKOUT, Settings

DESCRIPTION = (
    *("cloud.map", "prod.map", "cloud.profiles", "operator/minion", "salt/_modules", "salt/_pillar"),
    *("pillar/base", "pillar/dev/environment/init.sls", "pillar/prod/environment/init.sls"),
)


def free_ports() -> int:
    """Return the first of some ports that nobody uses, below those that the kernel hands out to anybody."""
    for first in range(20000, 32000, 10):
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            for port in range(first, first + 10):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    pytest.fail("no ten ports are free")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a rehearsal that is not there, on a machine whose kernel and mirror are fine."""
    monkeypatch.setattr(Settings, "cache", tmp_path / "cache")
    monkeypatch.setattr(checks, "problems", lambda settings: [])
    monkeypatch.setattr(preflight, "_debian_mirror", lambda: iter(()))
    monkeypatch.setattr(preflight, "PROC", tmp_path / "proc")
    (tmp_path / "proc/sys/fs/inotify").mkdir(parents=True)
    (tmp_path / "proc/sys/fs/inotify/max_user_instances").write_text("128\n")
    (tmp_path / "var/lib").mkdir(parents=True)
    return Settings("nobodys", tmp_path, forward_base=free_ports())


def refusal(settings: Settings, mirror: str | None = None, fresh: bool = True) -> str:
    with pytest.raises(StepError) as error:
        preflight.check(settings, mirror, fresh)
    return str(error.value)


def test_a_good_machine_is_accepted(settings: Settings) -> None:
    """So that a refusal below is for its own reason. Mutant: any check that always finds something."""
    preflight.check(settings, None, fresh=True)


def test_too_little_of_everything_is_told_at_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutants: disk or memory not looked at; the first problem hiding the second."""
    monkeypatch.setattr(preflight, "DISK", 2**60)
    monkeypatch.setattr(preflight, "MEMORY", 2**60)
    told = refusal(settings)
    assert "GiB free, expected at least 1073741824" in told
    assert "memory:" in told


def test_a_port_in_use_is_named(settings: Settings) -> None:
    """Mutant: ports not tried, so that the region fails after the networks are up."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", settings.forward_base + 1))
        taken.listen()
        told = refusal(settings)
    assert f"port {settings.forward_base + 1} of 127.0.0.1, for prometheus, is in use" in told
    assert "ss -ltnp" in told


def test_what_the_kernel_lacks_is_passed_on(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: `checks.problems` not asked."""
    monkeypatch.setattr(checks, "problems", lambda settings: ["the kernel lacks tun devices"])
    assert "the kernel lacks tun devices" in refusal(settings)


def test_a_fleet_that_runs_is_not_measured_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own ports and memory are in use by itself. Mutant: `fresh` ignored."""
    monkeypatch.setattr(preflight, "MEMORY", 2**60)
    preflight.check(settings, None, fresh=False)


def test_a_mirror_that_does_not_answer(settings: Settings) -> None:
    """Mutant: the URL not asked for."""
    assert f"--mirror: http://127.0.0.1:{settings.forward_base}/dists/stable/InRelease: " in refusal(
        settings, f"http://127.0.0.1:{settings.forward_base}/"
    )


def test_a_mirror_without_packages(settings: Settings, tmp_path: Path) -> None:
    """Mutant: any directory accepted."""
    assert f"--mirror {tmp_path}: expected a URL, or a directory with .deb files" in refusal(
        settings, str(tmp_path)
    )


def test_without_root_nothing_is_begun() -> None:
    """Mutant: the launcher without its check of the user."""
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", "bash", "-s", "--", "up"],
        input=(CHECKOUT / "rehearse").read_text().replace('"$(readlink -f "$0")"', "/tmp/x"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "./rehearse: needs root, for namespaces and mounts. Run: sudo ./rehearse up"
    )


@pytest.fixture
def described(tmp_path: Path) -> Path:
    """A copy of what describes the fleet."""
    for name in DESCRIPTION:
        copy = shutil.copytree if (CHECKOUT / name).is_dir() else shutil.copy
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        copy(CHECKOUT / name, tmp_path / name)
    return tmp_path


def test_the_checkouts_own_description_is_read(described: Path) -> None:
    """Mutant: a map of which only the first profile is read."""
    assert {"salt-1", "app-1", "prometheus-1"} <= set(Fleet(described).hosts)


def test_the_environment_is_the_one_that_the_operator_works_on(described: Path) -> None:
    """Mutants: cloud.map whatever the configuration says; roles that AWS runs read from dev."""
    fleet = Fleet(described)
    assert (fleet.environment, fleet.map, fleet.managed) == ("dev", "cloud.map", [])
    path = described / "operator/minion"
    path.write_text(
        path.read_text().replace("pillar/dev", "pillar/prod").replace("[cloud.map]", "[prod.map]")
    )
    fleet = Fleet(described)
    assert (fleet.environment, fleet.map) == ("prod", "prod.map")
    assert {"prometheus-2", "app-2"} <= set(fleet.hosts)
    assert fleet.managed == ["database", "load_balancer"]


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("operator/minion", "pillar_roots: {base: [pillar/dev]}", r"operator/minion: expected three"),
        ("cloud.map", "app:\n  - [app-1\n", r"cloud\.map"),
        ("cloud.map", "nope:\n  - nope-1\n", r"cloud\.map: nope: no such profile in cloud\.profiles"),
        ("cloud.map", "- app-1\n", r"cloud\.map"),
        ("cloud.profiles", "base: {\n", r"cloud\.profiles"),
        ("cloud.profiles", "- base\n", r"cloud\.profiles: expected a mapping, got list"),
        ("pillar/base/fleet/services.yaml", "http: [80\n", r"services\.yaml"),
    ],
)
def test_a_broken_description_is_refused_with_its_file(
    described: Path, path: str, content: str, told: str
) -> None:
    """Mutants: a traceback in place of the file's name; a profile that is not there let through."""
    (described / path).write_text(content)
    with pytest.raises(StepError, match=told):
        Fleet(described)


def test_hosts_need_instances_of_inotify(settings: Settings, tmp_path: Path) -> None:
    """Mutants: those in use not counted; every open file counted; a process that ends meanwhile an error."""
    proc = tmp_path / "proc"
    limit = proc / "sys/fs/inotify/max_user_instances"
    (proc / "1/fd").mkdir(parents=True)
    for number in range(20):
        (proc / f"1/fd/{number}").symlink_to("anon_inode:inotify")
        (proc / f"1/fd/{number + 100}").symlink_to("/dev/null")
    (proc / "2").mkdir()
    (proc / "2/fd").touch()  # which cannot be listed
    limit.write_text("100\n")
    preflight.check(settings, None, fresh=True)
    limit.write_text("99\n")
    assert "max_user_instances: 79 of 99 are free, expected at least 80" in refusal(settings)
