"""Vagrant's own reading of the Vagrantfile: its machines are the map's. Needs the `vagrant` command."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("vagrant") is None, reason="vagrant is not installed")


@pytest.fixture
def checkout(tmp_path):
    """Return a copy of what the Vagrantfile reads: it makes keys beside itself."""
    for name in ("Vagrantfile", "cloud.map", "cloud.profiles", "cloud.providers"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "pillar/base/fleet", tmp_path / "pillar/base/fleet")
    return tmp_path


def validate(checkout):
    return subprocess.run(
        ["vagrant", "validate", "--ignore-provider"],
        check=False,
        cwd=checkout,
        env={**os.environ, "VAGRANT_HOME": str(checkout / "home"), "VAGRANT_CHECKPOINT_DISABLE": "1"},
        capture_output=True,
        text=True,
    )


def test_machines_are_those_of_the_map(checkout):
    # Mutants: a machine's name written by hand; an unknown option of a provisioner; keys readable by others.
    ended = validate(checkout)
    assert ended.returncode == 0, ended.stderr
    hosts = [host for names in yaml.safe_load((ROOT / "cloud.map").read_text()).values() for host in names]
    assert [line.split()[1].rstrip(":") for line in ended.stdout.splitlines() if "==>" in line] == hosts
    made = [path for path in (checkout / ".vagrant/saltwatch").rglob("*") if path.is_file()]
    assert len(made) == 2 * (len(hosts) + 1) + 1
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}


def test_unknown_sizes_are_refused(checkout):
    # Mutant: a default for what MEMORY does not know.
    profiles = checkout / "cloud.profiles"
    profiles.write_text(profiles.read_text().replace("t3.small", "x9.huge"))
    ended = validate(checkout)
    assert ended.returncode != 0
    assert "expected the size x9.huge of profile" in ended.stdout + ended.stderr
