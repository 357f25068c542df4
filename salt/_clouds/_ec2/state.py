"""State that the forked members of one ``salt-cloud -P`` run share: small files under a lock.

salt-cloud forks a process per member and gives them no way to talk. Everything they do together (one
listing for all, one rate of launches) goes through files in one directory.
"""

import contextlib
import fcntl
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Environment variable that names this run of salt-cloud in all the processes that it forks.
RUN = "SALT_CLOUD_EC2_RUN"
os.environ.setdefault(RUN, uuid.uuid4().hex)


class State:
    """Files of JSON in one directory, each with a lock.

    Args:
        directory: Made if missing, readable by its owner only.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._run = os.environ[RUN]
        self._answers: dict[str, tuple[float, Any]] = {}
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock of ``name``; the kernel lets go of it when its process dies."""
        with self._path(name, "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def read(self, name: str) -> dict[str, Any]:
        """Return the content of ``name``: empty if there is none, or none that can be read."""
        try:
            content = json.loads(self._path(name, "json").read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Write ``name`` so that it is on the disk, whole, when this returns."""
        path = self._path(name, "json")
        temporary = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file, default=str)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def remove(self, name: str) -> None:
        """Forget ``name``."""
        self._path(name, "json").unlink(missing_ok=True)

    def names(self, prefix: str) -> list[str]:
        """Return the names, sorted, that start with ``prefix``; none of their letters may be escaped ones."""
        return sorted(path.stem for path in self.directory.glob(f"{prefix}*.json"))

    def once(self, name: str, max_age: float, compute: Callable[[], Any]) -> Any:
        """Return what ``compute`` answered to whoever asked first in this run of salt-cloud.

        Asks again if that is older than ``max_age`` seconds. The lock is held while it computes: others wait
        for its answer instead of asking again.
        """
        asked_at, value = self._answers.get(name, (0.0, None))
        if 0 <= time.time() - asked_at <= max_age:
            return value
        with self.lock(name):
            cached = self.read(name)
            if cached.get("run") == self._run and 0 <= time.time() - cached["at"] <= max_age:
                asked_at, value = cached["at"], cached["value"]
            else:
                asked_at = time.time()
                value = json.loads(json.dumps(compute(), default=str))
                self.write(name, {"run": self._run, "at": asked_at, "value": value})
        self._answers[name] = (asked_at, value)
        return value

    def _path(self, name: str, suffix: str) -> Path:
        # Names come from maps: nothing in one may leave the directory.
        safe = "".join(
            letter if letter.isalnum() or letter in "-_." else f"%{ord(letter):x}" for letter in name
        )
        return self.directory / f"{safe}.{suffix}"


class TokenBucket:
    """A rate that all processes keep together, as AWS counts it.

    Args:
        state: Where the bucket is kept.
        rate: Tokens a second (AWS refills RunInstances with 2).
        burst: Tokens that a full bucket holds (AWS: 5).
    """

    def __init__(self, state: State, rate: float, burst: int) -> None:
        self._state = state
        self._interval = 1 / rate
        self._burst = burst

    def take(self) -> None:
        """Wait for a token."""
        time.sleep(self._reserve(time.time()))

    def queue(self) -> float:
        """Return in how many seconds whoever asked for a token now would have one."""
        return self._wait(time.time(), self._full_at())

    def drain(self, seconds: float) -> None:
        """Let nobody have a token for ``seconds``: AWS has said that there are none."""
        with self._state.lock("bucket"):
            until = time.time() + seconds + (self._burst - 1) * self._interval
            self._state.write("bucket", {"full_at": max(until, self._full_at())})

    def _reserve(self, now: float) -> float:
        """Take the next token and return in how many seconds it is there.

        The generic cell rate algorithm: ``full_at`` is when the bucket would be full again.
        """
        with self._state.lock("bucket"):
            full_at = max(self._full_at(), now)
            self._state.write("bucket", {"full_at": full_at + self._interval})
            return self._wait(now, full_at)

    def _wait(self, now: float, full_at: float) -> float:
        return max(0.0, full_at - now - (self._burst - 1) * self._interval)

    def _full_at(self) -> float:
        return float(self._state.read("bucket").get("full_at", 0.0))
