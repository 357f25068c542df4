"""Key pairs: functions of salt-cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from salt.exceptions import SaltCloudConfigError

from . import machines
from .errors import explained
from .provider import Provider
from .volumes import without_metadata


def create(provider: Provider, keyname: str, type: str = "ed25519") -> dict[str, Any]:
    """
    Make a key pair ``keyname`` (``type`` ed25519 or rsa); its private key is in the answer, and nowhere else.

    .. code-block:: bash

        salt-cloud -f create_keypair ec2 keyname=fleet
    """
    with explained(f"making key pair {keyname}"):
        return without_metadata(provider.client().create_key_pair(KeyName=keyname, KeyType=type))


def import_(provider: Provider, keyname: str, file: str) -> dict[str, Any]:
    """
    Bring the public key in ``file`` as key pair ``keyname``.

    .. code-block:: bash

        salt-cloud -f import_keypair ec2 keyname=fleet file=~/.ssh/fleet.pub
    """
    try:
        key = Path(file).expanduser().read_bytes()
    except OSError as error:
        raise SaltCloudConfigError(f"import_keypair: file: {error}") from error
    if b"PRIVATE KEY" in key:
        raise SaltCloudConfigError(f"import_keypair: file: {file} is a private key; the public one is needed")
    with explained(f"importing key pair {keyname}"):
        return without_metadata(provider.client().import_key_pair(KeyName=keyname, PublicKeyMaterial=key))


def show(provider: Provider, keyname: str) -> dict[str, Any]:
    """
    Return key pair ``keyname``.

    .. code-block:: bash

        salt-cloud -f show_keypair ec2 keyname=fleet
    """
    with explained(f"looking for key pair {keyname}"):
        found: dict[str, Any] = provider.client().describe_key_pairs(KeyNames=[keyname])["KeyPairs"][0]
    return dict(machines.plain(found))


def delete(provider: Provider, keyname: str) -> bool:
    """
    Delete key pair ``keyname``.

    .. code-block:: bash

        salt-cloud -f delete_keypair ec2 keyname=fleet
    """
    with explained(f"deleting key pair {keyname}"):
        provider.client().delete_key_pair(KeyName=keyname)
    return True
