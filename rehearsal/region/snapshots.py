"""The region's state on disk, complete before a call that changed it is answered.

moto keeps its state in memory. After each mutating call all of its services are dumped as one object graph,
so that references which they share survive, into one file that replaces the last one; the contents of S3
buckets go to `objects` instead.
"""

import hashlib
import io
import os
import pickle
import sqlite3
import threading
import types
import weakref
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dill
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.s3.utils import _VersionedKeyStore
from moto.ssm.models import ParameterDict

from rehearsal.region.objects import Objects
from rehearsal.region.tokens import Tokens

FORMAT = f"saltwatch region state 1, moto {version('moto')}, sha256 "
_LOCKS = (type(threading.Lock()), type(threading.RLock()))


class SnapshotError(Exception):
    """The state on disk cannot be used. The message names the file and what to do."""


def _private_key(pem: bytes) -> Any:
    return serialization.load_pem_private_key(pem, None)


def _certificate(pem: bytes) -> Any:
    return x509.load_pem_x509_certificate(pem)


def _parameter_dict(account: str, region: str, state: dict[str, Any], items: list[Any]) -> ParameterDict:
    result = ParameterDict(account, region)
    result.__dict__.update(state)
    result.update(items)
    return result


class _Pickler(pickle.Pickler):
    """The C pickler, with reducers for what it cannot pickle of moto; dill takes ten times as long."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, types.FunctionType) and "<" in value.__qualname__:
            return dill.loads, (dill.dumps(value),)  # a lambda or a local function
        if isinstance(value, _LOCKS):
            return type(value), ()
        if isinstance(value, _VersionedKeyStore):
            return _VersionedKeyStore, ()  # its content is kept by Objects
        if isinstance(value, weakref.WeakValueDictionary):
            return weakref.WeakValueDictionary, (dict(value),)
        if isinstance(value, ParameterDict):
            arguments = (value.account_id, value.region_name, vars(value), list(value.items()))
            return _parameter_dict, arguments
        if isinstance(value, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
            pem = value.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            return _private_key, (pem,)
        if isinstance(value, x509.Certificate):
            return _certificate, (value.public_bytes(serialization.Encoding.PEM),)
        return NotImplemented


def dumps(value: object) -> bytes:
    """Return ``value``, part of moto's state, as bytes."""
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(value)
    return buffer.getvalue()


def loads(data: bytes) -> Any:
    """Return what `dumps` was given. Only fed with the region's own files, which root alone can write."""
    return pickle.loads(data)  # noqa: S301


def _services() -> list[Any]:
    """Return moto's own list of the services that hold state."""
    registry: Any = BackendDict
    return registry._instances


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Snapshots:
    """The state of all services and the client tokens, under one directory."""

    def __init__(self, directory: Path):
        """Use ``directory``, made if missing, readable by root alone: the state holds secrets.

        Raises:
            SnapshotError: the store of objects is not readable.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = directory / "services.snapshot"
        self._written = ""
        objects = directory / "objects.sqlite"
        try:
            self._objects = Objects(objects, dumps, loads)
        except sqlite3.DatabaseError as error:
            raise self._unusable(objects, str(error)) from error

    @staticmethod
    def _unusable(path: Path, reason: str) -> SnapshotError:
        return SnapshotError(
            f"{path}: expected the region's state as it was written: {reason}. Restore the file, or start "
            "afresh with `./rehearse down`."
        )

    def save(self, tokens: Tokens, objects: bool = True) -> None:
        """Write everything that changed since the last time; durable on return.

        Args:
            tokens: the client tokens answered so far.
            objects: whether the contents of buckets may have changed.
        """
        data = dumps({"services": _services(), "tokens": tokens})
        if objects:
            self._objects.save()
        digest = hashlib.sha256(data).hexdigest()
        if digest == self._written:
            return
        temporary = self.path.with_suffix(".new")
        with temporary.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(f"{FORMAT}{digest}\n".encode() + data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        _sync_directory(self.path.parent)
        self._written = digest

    def load(self) -> Tokens:
        """Put the saved state, if there is any, into moto's services.

        Returns:
            The client tokens answered so far.

        Raises:
            SnapshotError: the file is torn, altered, or of another version of moto.
        """
        if not self.path.exists():
            return Tokens()
        header, _, data = self.path.read_bytes().partition(b"\n")
        start, _, digest = header.decode("utf-8", "replace").rpartition(" ")
        if f"{start} " != FORMAT:
            raise self._unusable(self.path, f"its first line is not {FORMAT!r} and a checksum")
        if hashlib.sha256(data).hexdigest() != digest:
            raise self._unusable(self.path, "its checksum is wrong, it was cut short or altered")
        state = loads(data)
        for saved in state["services"]:
            # Other modules hold references to the live dictionary: fill it instead of replacing it.
            live: Any = get_backend(saved.service_name)
            live.__dict__.update(saved.__dict__)
            live.update(saved)
            if live not in _services():
                _services().append(live)
        try:
            self._objects.load()
        except sqlite3.DatabaseError as error:
            raise self._unusable(self.path.with_name("objects.sqlite"), str(error)) from error
        self._written = digest
        return state["tokens"]

    def close(self) -> None:
        """Close the files."""
        self._objects.close()
