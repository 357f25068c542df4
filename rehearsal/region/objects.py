"""The contents of S3 buckets on disk, one row a key: a write costs its own size, not the total's."""

import operator
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from moto.s3.models import s3_backends

Fingerprint = list[Any]


def _buckets() -> Iterator[tuple[str, Any]]:
    backend: Any
    for _account, _partition, backend in s3_backends.iter_backends():
        yield from backend.buckets.items()


def _versions() -> dict[tuple[str, str], list[Any]]:
    return {(name, key): bucket.keys.getlist(key) for name, bucket in _buckets() for key in bucket.keys}


def _fingerprint(versions: list[Any]) -> Fingerprint:
    """Return objects, one of them another once a version was added, taken away, or had an attribute set."""
    return [item for version in versions for item in (version, *vars(version).values())]


def _same(one: Fingerprint | None, other: Fingerprint) -> bool:
    """Compare identities: the objects' own comparisons cost twenty times as much."""
    return one is not None and len(one) == len(other) and all(map(operator.is_, one, other))


class Objects:
    """All versions of all keys of all buckets, kept in an SQLite file."""

    def __init__(self, path: Path, dumps: Callable[[object], bytes], loads: Callable[[bytes], Any]):
        """Open or make the file.

        Raises:
            sqlite3.DatabaseError: the file is no database.
        """
        self._dumps, self._loads = dumps, loads
        self._saved: dict[tuple[str, str], Fingerprint] = {}
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS object "
            "(bucket TEXT, key TEXT, versions BLOB, PRIMARY KEY (bucket, key))"
        )

    def save(self) -> None:
        """Write the keys that changed since the last time, in one transaction."""
        versions = _versions()
        now = {place: _fingerprint(items) for place, items in versions.items()}
        changed = [
            place for place, fingerprint in now.items() if not _same(self._saved.get(place), fingerprint)
        ]
        gone = self._saved.keys() - now.keys()
        if changed or gone:
            with self._database:
                self._database.execute("BEGIN")
                self._database.executemany("DELETE FROM object WHERE bucket = ? AND key = ?", gone)
                self._database.executemany(
                    "REPLACE INTO object VALUES (?, ?, ?)",
                    ((*place, self._dumps(versions[place])) for place in changed),
                )
        self._saved = now

    def load(self) -> None:
        """Fill the buckets, which exist by now, with their keys."""
        buckets = dict(_buckets())
        for name, key, versions in self._database.execute("SELECT bucket, key, versions FROM object"):
            if name in buckets:  # else its deletion was snapshot before its keys were deleted
                buckets[name].keys.setlist(key, self._loads(versions))
        self._saved = {place: _fingerprint(items) for place, items in _versions().items()}

    def close(self) -> None:
        """Close the file."""
        self._database.close()
