"""Whether the control node is launched, or is there and is given the checkout as it is now."""

from pathlib import Path
from typing import Any

import pytest

from rehearsal import up
from rehearsal.inventory import Host
from rehearsal.settings import Settings


class Run(up.Up):
    """A run that finds `control`, whose master answers unless `silent`; `operated` is what it ran."""

    def __init__(self, settings: Settings, control: list[Host], silent: bool = False) -> None:
        super().__init__(settings)
        self._found = control
        self._quiet = [[host.name for host in control] if silent else [], []]
        self.operated: list[str] = []

    def _snapshot(self) -> Any:
        return _Tree()

    def _control_in(self, state: str) -> bool:
        return False

    def _write_ssh_files(self, step: Any) -> None:
        self.hosts = self._found

    def _silent(self, step: Any, hosts: list[str]) -> list[str]:
        return self._quiet.pop(0)

    def _send_local_files(self, step: Any, digest: str) -> bool:
        return False

    def _operate(self, step: Any, argv: list[str], **options: Any) -> tuple[int, str]:
        self.operated.append(" ".join(argv))
        return 0, ""


class _Tree:
    def write_bundle(self, path: Path) -> None:
        pass

    def push_command(self, operator: Any) -> list[str]:
        return ["echo", "= up to date"]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(up.checkout, "write_local_files", lambda *_: "digest")
    return Settings(root=tmp_path / "root", checkout=tmp_path)


def _salt_1(half_built: bool) -> Host:
    return Host("salt-1", "i-1", "10.0.0.4", "198.19.0.4", (), half_built)


def test_one_that_answers_is_given_the_checkout(settings: Settings) -> None:
    """Mutant: launched every time."""
    run = Run(settings, [_salt_1(half_built=False)])
    assert run.launch_control() == []
    assert run.operated == []


@pytest.mark.parametrize("control", [[], [_salt_1(half_built=True)]])
def test_one_whose_bootstrap_failed_is_launched_again_though_it_answers(
    settings: Settings, control: list[Host]
) -> None:
    """Its daemons run before what fails last. Mutant: `half_built` not looked at."""
    run = Run(settings, control)
    assert run.launch_control() == ["salt-1 launched"]
    assert run.operated == ["salt-cloud -p control salt-1"]


def test_one_that_is_silent_is_left_to_salt_cloud(settings: Settings) -> None:
    """Mutant: `_silent` not asked."""
    run = Run(settings, [_salt_1(half_built=False)], silent=True)
    assert run.launch_control() == ["salt-1 launched"]
