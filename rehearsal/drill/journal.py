"""What a drill has in force, written down before it is, so that another one can undo it."""

import json
from pathlib import Path

from rehearsal.operator import write_private
from rehearsal.progress import StepError

OVERLAY = "overlay"  # the pillar of a drill, beside the names of faults


class Journal:
    """Names of what has to be undone, oldest first, in a file of the rehearsal's state.

    Args:
        path: The file; there is none while nothing is to be undone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """Return what is in force.

        Raises:
            StepError: The file is not what this class writes.
        """
        try:
            names = json.loads(self.path.read_text())
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise StepError(
                f"{self.path}: {error}", advice="it listed what a drill had injected; remove it"
            ) from error
        return [str(name) for name in names]

    def add(self, name: str) -> None:
        """Write down what is about to be put in force."""
        self._write([*(each for each in self.names() if each != name), name])

    def remove(self, name: str) -> None:
        """Strike out what is undone."""
        self._write([each for each in self.names() if each != name])

    def _write(self, names: list[str]) -> None:
        if names:
            write_private(self.path, json.dumps(names) + "\n")
        else:
            self.path.unlink(missing_ok=True)
