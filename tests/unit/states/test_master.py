"""The formula master: what it builds for the application's hosts, and the fleet's key."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from compiled import Minion
from loader import ROOT, load

build_app = load("master/files/build_app.py")
SCRIPT = ROOT / "salt/master/files/build_app.py"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small application."""
    source = tmp_path / "app"
    (source / "src/tiny").mkdir(parents=True)
    (source / "src/tiny/__init__.py").write_text("")
    (source / "requirements.txt").write_text("# none\n")
    (source / "pyproject.toml").write_text('[project]\nname = "tiny"\nversion = "1"\n')
    return source


@pytest.mark.parametrize(
    "name", ["requirements.txt", "pyproject.toml", "src/tiny/__init__.py", "src/tiny/new.html"]
)
def test_any_input_makes_another_version(source: Path, name: str) -> None:
    """Mutants: only names hashed; only Python files; requirements.txt left out."""
    before = build_app.version(source)
    with (source / name).open("a") as file:
        file.write("# changed\n")
    assert build_app.version(source) != before


def test_what_is_not_installed_makes_no_other_version(source: Path) -> None:
    """Mutants: tests, caches and metadata of a developer's install counted."""
    before = build_app.version(source)
    for name in (
        "src/tiny/__pycache__/x.pyc",
        "src/tiny.egg-info/PKG-INFO",
        "tests/test_tiny.py",
        "build/lib/x.py",
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("x")
    assert build_app.version(source) == before


def test_a_file_s_end_and_the_next_one_s_name_do_not_run_together(source: Path) -> None:
    """Mutant: the length left out of the hash."""
    (source / "src/tiny/a").write_text("x")
    (source / "src/tiny/b").write_text("y")
    before = build_app.version(source)
    (source / "src/tiny/a").write_text("xsrc/tiny/b 1\ny")
    (source / "src/tiny/b").unlink()
    assert build_app.version(source) != before


def test_something_else_than_an_application_is_refused(tmp_path: Path) -> None:
    """Mutant: the hash of nothing."""
    with pytest.raises(FileNotFoundError, match=r"pyproject\.toml: expected the application's checkout"):
        build_app.version(tmp_path)


def _check(source: Path, target: Path) -> int:
    return subprocess.run([sys.executable, SCRIPT, source, target, "--check"], check=False).returncode


def test_check_says_whether_there_is_something_to_build(source: Path, tmp_path: Path) -> None:
    """Mutants: a version that was not finished counts; a pointer to another version counts."""
    target = tmp_path / "artifacts"
    assert _check(source, target) == 1
    assert not target.exists()
    version = build_app.version(source)
    (target / version).mkdir(parents=True)
    assert _check(source, target) == 1
    (target / "VERSION").write_text(f"{version}\n")
    assert _check(source, target) == 0
    (target / version).rmdir()
    assert _check(source, target) == 1


def test_a_failed_build_leaves_what_was_served(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutants: VERSION written first; the build in its final place."""
    target = tmp_path / "artifacts"
    target.mkdir()
    (target / "VERSION").write_text("before\n")

    def fail(*_: str) -> None:
        raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr(build_app, "_pip", fail)
    with pytest.raises(subprocess.CalledProcessError):
        build_app.build(source, target, tmp_path)
    assert [path.name for path in target.iterdir()] == ["VERSION"]
    assert (target / "VERSION").read_text() == "before\n"


def test_the_master_lists_its_files_anew_before_a_version_is_named(source: Path, tmp_path: Path) -> None:
    """Mutants: the lists kept, so that a host is not given the wheels; VERSION written first."""
    target, listed = tmp_path / "artifacts", tmp_path / "base.p"
    (target / build_app.version(source)).mkdir(parents=True)
    listed.write_bytes(b"")
    (target / "VERSION.new").mkdir()  # the version cannot be named
    with pytest.raises(IsADirectoryError):
        build_app.build(source, target, tmp_path)
    assert not listed.exists()


def test_old_versions_go_and_the_one_in_use_stays(source: Path, tmp_path: Path) -> None:
    """Mutants: all kept; the version in use removed because it is the oldest."""
    target, version = tmp_path / "artifacts", build_app.version(source)
    for age, name in enumerate([version, "aaaa", "bbbb", "cccc", "dddd"]):
        (target / name).mkdir(parents=True)
        os.utime(target / name, (age, age))
    build_app.build(source, target, tmp_path)
    assert {path.name for path in target.iterdir()} == {"VERSION", version, "bbbb", "cccc", "dddd"}
    assert (target / "VERSION").read_text().strip() == version


def test_the_fleet_s_key_is_made_once_and_never_shown(minion: Callable[..., Minion]) -> None:
    """Mutants: ``creates`` left out, so that each highstate locks itself out of the fleet; mode 0755."""
    chunks = {chunk["__id__"]: chunk for chunk in minion("salt-1").chunks}
    key = chunks["master-fleet-key"]
    assert key["name"].endswith(f" -f {key['makes']}")
    assert chunks["master-fleet-key-directory"]["mode"] == "0700"
    assert chunks["master-fleet-key-pair"]["public_key_file"] == f"{key['makes']}.pub"


def test_without_a_cloud_there_is_no_key(minion: Callable[..., Minion]) -> None:
    """Mutant: the switch ``master:cloud`` not looked at."""
    assert not [chunk for chunk in minion("salt-1", "vagrant").chunks if "fleet-key" in chunk["__id__"]]
