"""The driver without the rest of this repository: synced from file_roots, and as a Salt extension."""

import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import yaml

from rehearsal.settings import CHECKOUT

DRIVER = CHECKOUT / "salt/_clouds"
PACKAGE = CHECKOUT / "packages/ec2-driver"
# Answered by the driver itself, without AWS.
ASK = ("-f", "update_pricing", "mine")
ANSWER = "the pages that it read are gone"


@pytest.fixture
def config(tmp_path):
    """A configuration of Salt that knows nothing of this repository."""
    directory = tmp_path / "salt"
    files = {
        "master": {"root_dir": str(tmp_path), "file_roots": {"base": [str(tmp_path / "srv")]}},
        "cloud": {"root_dir": str(tmp_path), "verify_env": False},
        "cloud.providers": {"mine": {"driver": "ec2", "location": "eu-west-1"}},
        "cloud.profiles": {"web": {"provider": "mine", "image": "ami-1", "size": "t3.small"}},
    }
    directory.mkdir()
    for name, content in files.items():
        (directory / name).write_text(yaml.safe_dump(content))
    (tmp_path / "var/cache/salt/master/proc").mkdir(parents=True)
    return directory


def run(command, *arguments, config):
    """Run one of Salt's commands; return what it has printed."""
    answer = subprocess.run(
        [command, "-c", config, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=config,
        timeout=300,
    )
    return answer.stdout + answer.stderr


def test_synced_from_the_masters_file_roots(config, tmp_path):
    """From a master. Mutants: the package of the driver not synced, or not found."""
    commands = Path(sys.executable).parent
    before = run(commands / "salt-cloud", *ASK, config=config)
    assert ANSWER not in before
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(DRIVER, tmp_path / "srv/_clouds", ignore=ignored)
    run(commands / "salt-run", "saltutil.sync_clouds", config=config)
    assert ANSWER in run(commands / "salt-cloud", *ASK, config=config)


@pytest.mark.long
def test_as_a_salt_extension(config, tmp_path):
    """A wheel, beside Salt as it is published, in an environment of its own: minutes, and the package index.

    Mutants: the entry point, or the package of the driver, left out of the wheel.
    """
    source = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, source / "packages/ec2-driver")  # setuptools writes beside what it builds
    shutil.copytree(DRIVER, source / "salt/_clouds", ignore=ignored)
    wheels = tmp_path / "wheels"
    pip = [sys.executable, "-m", "pip"]
    subprocess.run(
        [*pip, "wheel", "-q", "--no-deps", "-w", wheels, source / "packages/ec2-driver"], check=True
    )
    (wheel,) = wheels.glob("*.whl")
    salt = re.search(r"^salt==\S+", (CHECKOUT / "requirements.txt").read_text(), re.MULTILINE)[0]
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    subprocess.run([environment / "bin/pip", "install", "-q", salt, wheel], check=True)
    assert ANSWER in run(environment / "bin/salt-cloud", *ASK, config=config)
    assert "web" in run(environment / "bin/salt-cloud", "--list-profiles", "mine", config=config)
    wrong = yaml.safe_dump({"web": {"provider": "mine", "image": "ami-1", "size": "t3.small", "sizee": 1}})
    (config / "cloud.profiles").write_text(wrong)
    assert "sizee: unknown option; did you mean size?" in run(
        environment / "bin/salt-cloud", "-f", "show_pricing", "mine", "profile=web", config=config
    )
