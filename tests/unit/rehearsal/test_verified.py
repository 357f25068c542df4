"""When a fleet that is up need not be verified again."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rehearsal import up
from rehearsal.highstate import Outcome
from rehearsal.inventory import Host
from rehearsal.settings import Settings
from rehearsal.suite import Verdict
from rehearsal.up import Up
from rehearsal.verified import Verified


class Run(Up):
    """A run on a fleet whose only host answers with `changes`; `verifications` counts host tests."""

    verifications = 0

    def __init__(self, settings: Settings, instance: str = "i-1", *changes: str) -> None:
        super().__init__(settings)
        self.version = self.current_version()
        self.fleet: Any = SimpleNamespace(hosts=["app-1"])
        self.hosts = [Host("app-1", instance, "10.0.0.5", None, ())]
        self._changes = set(changes)

    def _apply(self, *_: Any) -> dict[str, Outcome]:
        return {"app-1": Outcome("app-1", succeeded=1, changes=self._changes)}

    def go(self) -> int:
        """Converge and verify; return how often hosts were verified by then."""
        self.converge(predict=False)
        assert self.verify().passed
        return Run.verifications


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a checkout with a file and with one that git ignores, and of host tests that pass."""

    def passes(*_: Any) -> Verdict:
        Run.verifications += 1
        return Verdict(True, "1 passed")

    Run.verifications = 0
    monkeypatch.setattr(up.suite, "host_tests", passes)
    tree = tmp_path / "tree"
    (tree / "pillar/local").mkdir(parents=True)
    (tree / "pillar/local/local.sls").write_text("fleet: {unavailable: [loki]}\n")
    (tree / ".gitignore").write_text("/pillar/local\n/build\n")
    (tree / "kept").write_text("one")
    subprocess.run(["git", "init", "--quiet", str(tree)], check=True)
    settings = Settings(root=tmp_path / "root", checkout=tree)
    settings.state.mkdir(parents=True)
    return settings


def test_the_same_on_the_same_hosts_is_verified_once(settings: Settings) -> None:
    """Mutant: the record not written."""
    assert Run(settings).go() == 1
    assert Run(settings).go() == 1


@pytest.mark.parametrize("name", ["kept", "pillar/local/local.sls"])
def test_another_version_is_verified_again(settings: Settings, name: str) -> None:
    """A mirror's packages are told to hosts by a file that git ignores.

    Mutant: the commit alone as version, as it once was.
    """
    assert Run(settings).go() == 1
    (settings.checkout / name).write_text("fleet: {unavailable: []}\n")
    assert Run(settings).go() == 2


def test_hosts_that_a_highstate_changed_are_verified_again(settings: Settings) -> None:
    """Even if they are not before the next run, as when this one is killed.

    Mutant: no `forget` after a highstate.
    """
    assert Run(settings).go() == 1
    Run(settings, "i-1", "nginx-conf").converge(predict=False)
    assert Run(settings).go() == 2


def test_other_hosts_are_verified_again(settings: Settings) -> None:
    """Mutant: the version alone as subject."""
    assert Run(settings).go() == 1
    assert Run(settings, "i-2").go() == 2


def test_one_more_host_is_not_taken_for_verified(tmp_path: Path) -> None:
    """Mutants: `startswith`, which takes fewer hosts for all; the time lost."""
    verified = Verified(tmp_path / "verified")
    assert verified.since("version i-1") is None
    verified.passed("version i-1 i-2")
    assert verified.since("version i-1") is None
    assert verified.since("version i-1 i-2 i-3") is None
    when = verified.since("version i-1 i-2")
    assert when is not None and when.count(":") == 2
