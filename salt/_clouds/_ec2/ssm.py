"""Systems Manager: the association of a document with a machine."""

from __future__ import annotations

import re
from typing import Any

from . import machines
from .errors import explained, ignored
from .provider import Provider


def create_association(provider: Provider, name: str, ssm_document: str) -> dict[str, Any]:
    """
    Associate document ``ssm_document`` with a machine, until it is destroyed.

    .. code-block:: bash

        salt-cloud -a ssm_create_association app-1 ssm_document=AWS-UpdateSSMAgent
    """
    return associate(provider, machines.get(provider, name), ssm_document)


def describe_association(
    provider: Provider, name: str, ssm_document: str | None = None
) -> list[dict[str, Any]]:
    """
    Return the state of a machine's associations, or of the one with ``ssm_document``.

    .. code-block:: bash

        salt-cloud -a ssm_describe_association app-1 ssm_document=AWS-UpdateSSMAgent
    """
    instance = machines.get(provider, name)
    with explained(f"asking for the associations of {name}"):
        pages = provider.client("ssm").get_paginator("describe_instance_associations_status")
        found = [
            one
            for page in pages.paginate(InstanceId=instance["InstanceId"])
            for one in page["InstanceAssociationStatusInfos"]
        ]
    return [dict(machines.plain(one)) for one in found if ssm_document in (None, one["Name"])]


def associate(provider: Provider, instance: machines.Instance, document: str) -> dict[str, Any]:
    """Associate a document with a machine, and write that down in a tag: it ends when the machine does."""
    id_ = instance["InstanceId"]
    with explained(f"associating {document} with {machines.name(instance)}"):
        answer = provider.client("ssm").create_association(
            Name=document,
            Targets=[{"Key": "InstanceIds", "Values": [id_]}],
            AssociationName=re.sub(r"[^\w.-]", "-", f"{id_}-{document}")[:128],
        )["AssociationDescription"]
        known = [*associations(instance), answer["AssociationId"]]
        provider.client().create_tags(
            Resources=[id_], Tags=machines.as_tags({machines.SSM_TAG: ",".join(known)})
        )
    return dict(machines.plain(answer))


def associations(instance: machines.Instance) -> list[str]:
    """Return the ids of the associations that were made for a machine."""
    return [id_ for id_ in machines.tags(instance).get(machines.SSM_TAG, "").split(",") if id_]


def dissolve(provider: Provider, instance: machines.Instance) -> None:
    """Delete the associations that were made for a machine, in so far as an interrupted run has not."""
    for id_ in associations(instance):
        tried = f"deleting association {id_} of {machines.name(instance)}"
        with explained(tried), ignored("AssociationDoesNotExist"):
            provider.client("ssm").delete_association(AssociationId=id_)
