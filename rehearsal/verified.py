"""What the host tests passed on, so that they need not run again on the same."""

import time
from pathlib import Path


class Verified:
    """The last verification that passed.

    Args:
        record: The file that remembers it.
    """

    def __init__(self, record: Path) -> None:
        self._record = record

    def since(self, subject: str) -> str | None:
        """Return the time of day since when ``subject`` is verified, nothing if it is not."""
        if not self._record.exists():
            return None
        known, _, when = self._record.read_text().rpartition(" ")
        return when if known == subject else None

    def passed(self, subject: str) -> None:
        """Remember that ``subject`` is verified, and nothing else any more."""
        self._record.write_text(f"{subject} {time.strftime('%H:%M:%S')}")

    def forget(self) -> None:
        """Have the next verification run: hosts are no longer what was verified."""
        self._record.unlink(missing_ok=True)
