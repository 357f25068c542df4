"""Snapshots of volumes: functions of salt-cloud."""

from __future__ import annotations

from typing import Any

from . import machines
from .arguments import listed
from .errors import explained
from .provider import Provider
from .volumes import without_metadata


def create(provider: Provider, volume_id: str, description: str = "") -> dict[str, Any]:
    """
    Make a snapshot of ``volume_id``, with its Name and a ``description``.

    .. code-block:: bash

        salt-cloud -f create_snapshot ec2 volume_id=vol-0123456789abcdef0
    """
    given = [{"Key": machines.PROVIDER_TAG, "Value": provider.alias}]
    with explained(f"making a snapshot of {volume_id}"):
        answer = provider.client().create_snapshot(
            VolumeId=volume_id,
            Description=description,
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": given}],
        )
    return without_metadata(answer)


def delete(provider: Provider, snapshot_id: str) -> bool:
    """
    Delete ``snapshot_id``.

    .. code-block:: bash

        salt-cloud -f delete_snapshot ec2 snapshot_id=snap-0123456789abcdef0
    """
    with explained(f"deleting {snapshot_id}"):
        provider.client().delete_snapshot(SnapshotId=snapshot_id)
    return True


def copy(
    provider: Provider,
    source_region: str,
    source_snapshot_id: str,
    description: str = "",
    kmskeyid: str | None = None,
) -> dict[str, Any]:
    """
    Copy ``source_snapshot_id`` of ``source_region`` here, encrypted, with ``kmskeyid`` or the default key.

    .. code-block:: bash

        salt-cloud -f copy_snapshot ec2 source_region=us-east-1 source_snapshot_id=snap-0123456789abcdef0
    """
    key = {"KmsKeyId": kmskeyid} if kmskeyid else {}
    with explained(f"copying {source_snapshot_id} from {source_region}"):
        answer = provider.client().copy_snapshot(
            SourceRegion=source_region,
            SourceSnapshotId=source_snapshot_id,
            Description=description,
            Encrypted=True,
            **key,
        )
    return without_metadata(answer)


def describe(
    provider: Provider,
    snapshot_id: str | None = None,
    owner: str = "self",
    restorable_by: str | None = None,
    snapshot_ids: str | None = None,
) -> list[dict[str, Any]]:
    """
    Return the snapshots of ``owner`` (the account's own), or those of ``snapshot_id``.

    .. code-block:: bash

        salt-cloud -f describe_snapshots ec2
    """
    snapshot_id = snapshot_id or snapshot_ids
    request: dict[str, Any] = (
        {"SnapshotIds": listed(snapshot_id)} if snapshot_id else {"OwnerIds": listed(owner)}
    )
    if restorable_by:
        request["RestorableByUserIds"] = listed(restorable_by)
    with explained("listing snapshots"):
        return list(machines.plain(provider.pages("describe_snapshots", "Snapshots", **request)))
