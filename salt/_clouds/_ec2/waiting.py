"""Waiting for machines: one DescribeInstances at a time for all that are waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from salt.exceptions import SaltCloudExecutionFailure, SaltCloudExecutionTimeout

from . import launch, machines
from .errors import explained
from .provider import Provider

TIMEOUT = 600.0
INTERVAL = 3.0
# Seconds: while launches queue for their rate, those that are launched are looked at this seldom.
LONGEST_INTERVAL = 10.0
# EC2 takes at most this many values in a filter.
FILTER_VALUES = 200
# Seconds after which the wish of a process that was killed is dropped.
STALE = 3600.0

_WATCHED = "watched"


def until(
    provider: Provider,
    instance_id: str,
    ready: Callable[[machines.Instance], bool],
    settings: Mapping[str, Any],
    what: str,
    *,
    fresh: bool = False,
) -> machines.Instance:
    """Return an instance as soon as it is ready.

    All processes that wait share what one of them sees: however many they are, EC2 is asked once an interval.
    While others queue for their launch that interval is as long as the queue, up to `LONGEST_INTERVAL`: the
    last of them decides when the run ends.

    Args:
        provider: Where.
        instance_id: Which.
        ready: Tells whether it is, from what DescribeInstances says.
        settings: Of the machine: ``wait_for_ip_timeout`` and ``wait_for_ip_interval`` (seconds).
        what: What is waited for, in words.
        fresh: Something was just changed: what another process saw before that does not count.

    Raises:
        SaltCloudExecutionTimeout: It was not in time.
        SaltCloudExecutionFailure: It was terminated meanwhile.
    """
    timeout = float(settings.get("wait_for_ip_timeout") or TIMEOUT)
    interval = float(settings.get("wait_for_ip_interval") or INTERVAL)
    growth = float(settings.get("wait_for_ip_interval_multiplier") or 1)
    deadline = time.monotonic() + timeout
    _watch(provider, instance_id)
    launches = launch.bucket_of(provider)
    while True:
        max_age = 0.0 if fresh else max(interval, min(LONGEST_INTERVAL, launches.queue()))
        instance, fresh = _look(provider, max_age).get(instance_id), False
        if instance is not None:
            if instance["State"]["Name"] in ("shutting-down", "terminated"):
                raise SaltCloudExecutionFailure(
                    f"{instance_id} was terminated while waiting for {what}: {_reason(instance)}"
                )
            if ready(instance):
                return instance
        if time.monotonic() >= deadline:
            raise SaltCloudExecutionTimeout(f"{instance_id}: no {what} within {timeout:.0f} s")
        time.sleep(interval)
        interval *= growth


def _reason(instance: machines.Instance) -> str:
    reason = instance.get("StateReason") or {}
    return str(reason.get("Message") or instance.get("StateTransitionReason") or "AWS gives no reason")


def _watch(provider: Provider, instance_id: str) -> None:
    with provider.state.lock(_WATCHED):
        now = time.time()
        watched = {key: since for key, since in provider.state.read(_WATCHED).items() if now - since < STALE}
        provider.state.write(_WATCHED, watched | {instance_id: now})


def _look(provider: Provider, max_age: float) -> dict[str, machines.Instance]:
    def listing() -> dict[str, Any]:
        ids = sorted(provider.state.read(_WATCHED))
        found = {}
        for start in range(0, len(ids), FILTER_VALUES):
            # A filter, not InstanceIds: one id that EC2 does not know yet would fail the call for all.
            filters = [{"Name": "instance-id", "Values": ids[start : start + FILTER_VALUES]}]
            with explained("waiting for machines"):
                for reservation in provider.pages("describe_instances", "Reservations", Filters=filters):
                    for instance in reservation["Instances"]:
                        found[instance["InstanceId"]] = machines.plain(instance)
        return found

    seen: dict[str, machines.Instance] = provider.state.once("seen", max_age, listing)
    return seen
