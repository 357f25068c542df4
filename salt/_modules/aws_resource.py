"""The one algorithm of our AWS states: read, compare, create or update; and its opposite.

saltext-boto3 gives the connection (and with it region and profile). A state function describes its
resource by a few closures; what ``test=True`` says and what an apply does come from the same comparison, so
they cannot differ.
"""

import functools
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import botocore.loaders
import botocore.session
from botocore.exceptions import BotoCoreError, ClientError
from salt.exceptions import CommandExecutionError
from saltext.boto3.utils import boto3mod

Properties = Mapping[str, Any]
Result = dict[str, Any]
Resource = TypeVar("Resource")

# At DEBUG it writes down what it sends and what is answered, passwords included.
logging.getLogger("botocore").setLevel(logging.INFO)
# saltext-boto3 makes a session for each client, and each would read botocore's list of all endpoints again.
botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)

# On a host that is busy, credentials of its role may take longer than the second that botocore waits.
os.environ.setdefault("AWS_METADATA_SERVICE_TIMEOUT", "5")
os.environ.setdefault("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "5")


def client(service: str, region: str | None = None, profile: str | None = None) -> Any:
    """Return a boto3 client of ``service``, one a run."""
    return boto3mod.get_connection(
        service, opts=__opts__, context=__context__, region=region, profile=profile
    )


def present(
    name: str,
    *,
    desired: Properties,
    read: Callable[[], Properties | None],
    create: Callable[[], None],
    update: Callable[[Properties], None],
    fixed: tuple[str, ...] = (),
) -> Result:
    """Make a resource what ``desired`` says.

    Args:
        name: the state's name.
        desired: its properties; of ``tags`` only those named here are compared, others are left alone.
        read: returns the same properties as they are, or something false where there is no such resource.
        create: makes it, tags included in the same call, so that a killed run leaves nothing unnamed.
        update: is given the properties that differ and sets them.
        fixed: properties that AWS cannot change; a difference is an error, before anything is done.

    Returns:
        Salt's state result; ``changes`` are the same with and without ``test=True``.
    """

    def changes() -> tuple[Any, Result]:
        actual = read()
        if not actual:
            return None, dict(desired)
        old, new = difference(actual, desired)
        for key in fixed:
            if key in new:
                raise CommandExecutionError(
                    f"{name}: {key} is {old[key]!r}, pillar says {new[key]!r}, and AWS cannot change it: "
                    "put the old value back, or remove the resource first"
                )
        return old, new

    return change(name, changes=changes, apply=lambda old, new: create() if old is None else update(new))


def change(name: str, *, changes: Callable[[], tuple[Any, Any]], apply: Callable[[Any, Any], None]) -> Result:
    """Apply what has to change, or under ``test=True`` say it.

    Args:
        name: the state's name.
        changes: returns what is (only what is wrong of it) and what is to be instead; both empty: nothing
            is to be done.
        apply: is given both and does it.

    Returns:
        Salt's state result, failed with AWS's own message where a call fails.
    """
    try:
        old, new = changes()
        if not old and not new:
            return _result(name, True, f"{name} is as it should be.")
        if __opts__["test"]:
            return _result(name, None, f"{name} is to be changed.", {"old": old, "new": new})
        apply(old, new)
    except (ClientError, BotoCoreError, CommandExecutionError) as error:
        return _result(name, False, str(error))
    return _result(name, True, f"{name} has been changed.", {"old": old, "new": new})


def absent(name: str, *, read: Callable[[], Any], delete: Callable[[Any], None]) -> Result:
    """Remove a resource.

    Args:
        name: the state's name.
        read: returns what identifies the resource, for people and for ``delete``; something false where
            there is none.
        delete: removes it, given what ``read`` returned.

    Returns:
        Salt's state result, as from `change`.
    """
    return change(name, changes=lambda: (read(), None), apply=lambda found, _: delete(found))


def ours(
    listed: Mapping[str, Resource],
    prefix: str,
    tags: Mapping[str, str],
    tags_of: Callable[[Resource], Mapping[str, str]],
) -> dict[str, Resource]:
    """Return, in the order of their names, the resources whose name begins so and that have all these tags.

    Args:
        listed: what AWS lists, of whomever, by name.
        prefix: how the names of ours begin.
        tags: what tells ours from others.
        tags_of: returns a resource's tags; asked only where the name fits, since it may cost a call.

    Raises:
        CommandExecutionError: there are no tags, which would make everything ours.
    """
    if not tags:
        raise CommandExecutionError("expected tags that tell what is ours: without any, everything would be")
    fitting = {name: listed[name] for name in sorted(listed) if name.startswith(prefix)}
    return {name: each for name, each in fitting.items() if tags.items() <= tags_of(each).items()}


def keep(what: str, refused: Any) -> None:
    """Raise CommandExecutionError where data would be deleted that nobody said twice may go."""
    if refused:
        raise CommandExecutionError(
            f"{what} holds data and is kept; to delete it, apply aws.absent with "
            'pillar=\'{"aws": {"delete_data": true}}\''
        )


def tag_list(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    """Return ``{"A": "b"}`` as AWS's ``[{"Key": "A", "Value": "b"}]``."""
    return [{"Key": key, "Value": value} for key, value in (tags or {}).items()]


def tag_dict(tags: list[Mapping[str, str]] | None) -> dict[str, str]:
    """Return AWS's list of tags as a dictionary."""
    return {tag["Key"]: tag["Value"] for tag in tags or []}


def missing(error: ClientError, *codes: str) -> None:
    """Return if ``error`` has one of AWS's ``codes`` for "there is no such thing"; raise it otherwise."""
    if error.response["Error"]["Code"] not in codes:
        raise error


def difference(actual: Properties, desired: Properties) -> tuple[Result, Result]:
    """Return what is and what is to be of the properties that differ; of ``tags`` those tags that differ."""
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for key, value in desired.items():
        now = actual.get(key)
        if key == "tags":
            wrong = [tag for tag in value if (now or {}).get(tag) != value[tag]]
            if wrong:
                old[key] = {tag: (now or {}).get(tag) for tag in wrong}
                new[key] = {tag: value[tag] for tag in wrong}
        elif now != value:
            old[key], new[key] = now, value
    return old, new


def _result(name: str, result: bool | None, comment: str, changes: Properties | None = None) -> Result:
    return {"name": name, "result": result, "comment": comment, "changes": dict(changes or {})}
