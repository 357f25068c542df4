"""What workers of a run share."""

from pathlib import Path

import pytest
from shared import once


def test_it_is_made_once(tmp_path: Path) -> None:
    """Mutants: made each time; without a path kept all the same; what a failure left taken for made."""
    made: list[int] = []

    def make() -> int:
        made.append(len(made))
        if len(made) == 1:
            raise ValueError("the first attempt")
        return len(made)

    path = tmp_path / "new" / "made"
    with pytest.raises(ValueError, match="first attempt"):
        once(path, make)
    assert [once(path, make), once(path, make)] == [2, 2]
    assert [once(None, make), once(None, make)] == [3, 4]
