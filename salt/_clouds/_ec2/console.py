"""A machine's console, which is there before its network is, and still when that never comes."""

from __future__ import annotations

import logging

import botocore.exceptions
from salt.exceptions import SaltCloudException

from . import errors
from .provider import Provider

log = logging.getLogger(__name__)

SHOWN_LINES = 20


def output(provider: Provider, instance_id: str) -> str:
    """Return a machine's console: the latest, or where its kind has no such thing what EC2 has kept."""
    client = provider.client()
    with errors.explained(f"reading the console of {instance_id}"):
        try:
            answer = client.get_console_output(InstanceId=instance_id, Latest=True)
        except botocore.exceptions.ClientError as error:
            if errors.code(error) not in ("UnsupportedOperation", "InvalidParameterCombination"):
                raise
            answer = client.get_console_output(InstanceId=instance_id)
    return str(answer.get("Output", ""))


def show(provider: Provider, instance_id: str) -> None:
    """Log the last lines of a console, from which a person sees how far a machine came that failed.

    What EC2 does not tell is logged as well and raises nothing: the failure is what has to be heard of.
    """
    try:
        text = output(provider, instance_id)
    except SaltCloudException as error:
        log.warning("%s", error)
        return
    lines = [line.rstrip() for line in text.splitlines() if line.strip()][-SHOWN_LINES:]
    log.warning("the console of %s ends with:\n%s", instance_id, "\n".join(lines) or "(nothing)")
