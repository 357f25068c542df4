"""The formulas minion and master: the check of their configuration, restarts, what Salt needs."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from compiled import Minion
from loader import ROOT, load
from salt.fileserver import is_file_ignored

check = load("minion/files/check_salt_config.py")
salt_python = load("_modules/salt_python.py")
AFTER_RUN = ROOT / "salt/minion/files/after_run.sh"


def faults(text: str) -> list[str]:
    return list(check.faults(text))


@pytest.mark.parametrize("host", ["salt-1", "app-1"])
def test_salt_takes_its_configuration(minion: Callable[..., Minion], host: str) -> None:
    """Mutants: ``workers_threads`` or ``worker_threads: '4'`` in salt/master/defaults.yaml."""
    files = minion(host).files
    paths = [path for path in files if path.startswith("/etc/salt/m")]
    assert len(paths) == (2 if host == "salt-1" else 1)
    for path in paths:
        assert faults(files[path]) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("worker_thread: 4", "worker_thread: Salt has no such option"),
        ("worker_threads: four", "worker_threads: expected int, got 'four'"),
        ("worker_threads: true", "worker_threads: expected int, got True"),
        ("auto_accept: 1", "auto_accept: expected bool, got 1"),
        ("- auto_accept", "expected options, each with its value"),
        ("", "expected options, each with its value"),
    ],
)
def test_a_wrong_option_is_named(text: str, fault: str) -> None:
    """Mutants: unknown names let through; a bool taken for a number."""
    assert faults(text) == [fault]


def test_a_whole_number_is_a_number_and_yaml_has_to_be_yaml() -> None:
    """Mutants: only a float fits where Salt has one; a syntax error as a traceback."""
    assert faults("acceptance_wait_time: 5") == []
    (fault,) = faults("a: [")
    assert fault.startswith("not YAML")


def test_the_check_ends_with_an_error_code(tmp_path: Path) -> None:
    """What Salt's check_cmd looks at. Mutant: the faults printed only."""
    path = tmp_path / "saltwatch.conf"
    path.write_text("nonsense: 1\n")
    command = [sys.executable, ROOT / "salt/minion/files/check_salt_config.py", path]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "nonsense: Salt has no such option\n")


def test_what_ends_a_run_waits_for_it(tmp_path: Path) -> None:
    """Mutants: the command run at once; never run."""
    jobs, done = tmp_path / "proc", tmp_path / "done"
    jobs.mkdir()
    (jobs / "20261121120000000000").touch()
    waiting = subprocess.Popen(["sh", AFTER_RUN, jobs, "touch", done])
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(1.5)
    assert not done.exists()
    (jobs / "20261121120000000000").unlink()
    assert waiting.wait(60) == 0
    assert done.exists()


def test_no_state_restarts_salt_within_a_run(minion: Callable[..., Minion]) -> None:
    """Mutant: ``watch`` of its configuration in minion-service or master-service."""
    for chunk in minion("salt-1").chunks:
        if chunk["state"] == "service" and chunk["name"] in ("salt-minion", "salt-master"):
            assert "watch" not in chunk, chunk["__id__"]


def test_the_master_commands_and_nobody_else(minion: Callable[..., Minion]) -> None:
    """Mutants: ``auto_accept: True``; an older authentication let in; a peer that may publish."""
    config = yaml.safe_load(minion("salt-1").files["/etc/salt/master.d/saltwatch.conf"])
    assert config["minimum_auth_version"] == 3
    assert not config["auto_accept"]
    assert not config["open_mode"]
    assert [config[key] for key in ("peer", "publisher_acl", "external_auth")] == [{}, {}, {}]


def test_minions_copy_their_modules_and_not_the_driver(minion: Callable[..., Minion]) -> None:
    """By either name that the file server asks with.

    Mutants: ``file_ignore_regex`` left out; ``^/_``; ``_``.
    """
    config = yaml.safe_load(minion("salt-1").files["/etc/salt/master.d/saltwatch.conf"])
    options = {"file_ignore_glob": [], **config}
    for root in ("", "/srv/saltwatch/salt/"):
        assert is_file_ignored(options, f"{root}_clouds/_ec2/create.py")
        assert not is_file_ignored(options, f"{root}_modules/fleet.py")


@pytest.mark.parametrize("env", ["dev", "prod"])
def test_the_environment_is_one_of_the_pillar_roots(minion: Callable[..., Minion], env: str) -> None:
    """Mutants: ``dev`` typed; pillar/local last, where everything else would shadow it; no schema."""
    config = yaml.safe_load(minion("salt-1", env).files["/etc/salt/master.d/saltwatch.conf"])
    roots = [Path(path).name for path in config["pillar_roots"]["base"]]
    assert roots == ["local", env, "base"]
    assert [next(iter(each)) for each in config["ext_pillar"]] == [
        "fleet_map",
        "extension_modules",
        "pillar_schema",
    ]


def test_minions_ask_the_control_node_by_its_name(minion: Callable[..., Minion]) -> None:
    """Mutant: the publisher's port, 4505."""
    config = yaml.safe_load(minion("app-1").files["/etc/salt/minion.d/saltwatch.conf"])
    assert (config["id"], config["master"], config["master_port"]) == (
        "app-1",
        "salt-1.saltwatch.internal",
        4506,
    )


def test_only_what_is_missing_is_installed() -> None:
    """Mutants: names compared only; everything returned."""
    present = {"PyYAML": salt_python.version("PyYAML")}
    assert salt_python.missing(present) == []
    assert salt_python.missing({**present, "no-such-package": "1.0"}) == ["no-such-package==1.0"]
    assert salt_python.missing({"PyYAML": "0.1"}) == ["PyYAML==0.1"]
