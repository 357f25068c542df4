"""What the bench does on the control node, and that it takes it away."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.highstate import __main__ as command
from bench.highstate.control import ENTER, LEAVE, MAKE, Control
from rehearsal.inventory import CONTROL


class Failing(Control):
    """Fails as it authorises salt-1's key, and writes down what it runs there."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, ...]] = []
        self._operator = SimpleNamespace(ssh_key=Path("key"), command=lambda argv: argv)  # type: ignore[assignment]

    def _run(self, argv: list[str], stdin: bytes = b"") -> bytes:
        return b"[]"

    def shell(self, host: str, script: str, *arguments: str) -> bytes:
        self.ran.append((host, script, *arguments))
        if script == ENTER:
            raise RuntimeError
        return b"/var/tmp/place\n"


def test_what_was_begun_is_taken_away_when_entering_fails():
    """Else salt-1's key stays authorised there. Mutant: LEAVE registered after ENTER."""
    control = Failing()
    with pytest.raises(RuntimeError), control.entered():
        pass
    place = "/var/tmp/place"
    assert control.ran == [(CONTROL, MAKE), (CONTROL, ENTER, place), (CONTROL, LEAVE, place)]


def test_tool_that_there_is_not_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Mutant: no `choices`, and nothing measured but the highstate."""
    monkeypatch.setattr("sys.argv", ["bench.highstate", "--tools", "saltssh"])
    # Else the mutant would go on with whatever fleet is up here.
    monkeypatch.setattr(command.process, "running", lambda settings: False)
    with pytest.raises(SystemExit) as raised:
        command.main()
    assert raised.value.code == 2
    assert "salt-ssh" in capsys.readouterr().err
