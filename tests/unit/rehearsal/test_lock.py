"""Two commands at once."""

from pathlib import Path

import pytest

from rehearsal import lock
from rehearsal.progress import StepError
from rehearsal.settings import Settings


def test_the_second_is_told_who_holds_the_lock_and_what_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutant: LOCK_SH instead of LOCK_EX."""
    monkeypatch.setattr(lock, "_path", lambda _settings: tmp_path / "lock")
    settings = Settings()
    with (
        lock.exclusive(settings, "bringing the fleet up"),
        pytest.raises(StepError, match=r"process \d+, bringing the fleet up"),
        lock.exclusive(settings, "taking it down"),
    ):
        pytest.fail("two hold the lock")
    assert lock.holder(settings) is None
