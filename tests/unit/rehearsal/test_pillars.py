"""A pillar that a host would refuse is refused before anything is started."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal import local
from rehearsal.operator import Operator
from rehearsal.settings import CHECKOUT, Settings

HOSTS = ("app-1", "prometheus-1")


@pytest.fixture
def tree(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what pillars are made of, with what a rehearsal adds."""
    monkeypatch.setattr(Settings, "operator_home", tmp_path_factory.mktemp("home"))
    for name in ("pillar", "salt", "operator"):
        ignored = shutil.ignore_patterns("local", "__pycache__")
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=ignored)
    for name in ("cloud.map", "cloud.profiles"):
        shutil.copy(CHECKOUT / name, tmp_path / name)
    operator = Operator(Settings())
    operator.prepare()
    local.write(tmp_path, operator, [])
    return tmp_path


def compiled(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rehearsal.pillars", *HOSTS],
        cwd=tree,
        env={"PYTHONPATH": str(CHECKOUT), "HOME": str(tree), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_good_pillar_is_accepted(tree: Path) -> None:
    """Mutant: any check of the schema that is too narrow."""
    done = compiled(tree)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_wrong_value_is_told_with_its_key_and_hosts(tree: Path) -> None:
    """Mutants: the first host only; the schema's words replaced by a traceback."""
    (tree / "pillar/base/prometheus.sls").write_text("prometheus: {port: many}\n")
    done = compiled(tree)
    assert done.returncode == 1
    assert "prometheus:port: expected" in done.stdout
    assert "prometheus.sls" in done.stdout
    assert "(prometheus-1)" in done.stdout


def test_what_cannot_be_rendered_is_told_with_its_file(tree: Path) -> None:
    """Mutant: errors of rendering taken for an empty pillar."""
    with (tree / "pillar/base/app.sls").open("a") as file:
        file.write("x: [\n")
    done = compiled(tree)
    assert done.returncode == 1
    assert "Rendering SLS 'app' failed" in done.stdout
    assert "(app-1)" in done.stdout
