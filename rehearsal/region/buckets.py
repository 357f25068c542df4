"""Bucket policies as AWS reads them: moto takes no notice of conditions, so "only over TLS" denies all."""

import json

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from rehearsal.region.policies import Demand, effects

_EVERYBODY = ("*", {"AWS": "*"})
# The region answers over TLS only.
_CONTEXT = {"aws:SecureTransport": ["true"]}


def _permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    """Return what a bucket's policy says of everybody; single callers are left to their roles."""
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    document = json.loads(bucket.policy)
    statements = [each for each in document["Statement"] if each.get("Principal") in _EVERYBODY]
    found = effects([{"Statement": statements}], Demand(action, resource, _CONTEXT))
    if "Deny" in found:
        return PermissionResult.DENIED
    return PermissionResult.PERMITTED if found else PermissionResult.NEUTRAL


def install() -> None:
    """Put this in the place of moto's."""
    FakeBucket.get_permission = _permission
