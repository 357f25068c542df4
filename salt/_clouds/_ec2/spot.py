"""Spot machines: waiting for capacity, falling back, and ending the requests that would bring them back."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from . import launch, machines
from .errors import explained
from .provider import Provider

log = logging.getLogger(__name__)

# Seconds.
TIMEOUT = 600.0
INTERVAL = 30.0
MAX_FAILURES = 10

# Answers that mean "not now", as opposed to "not so".
NO_CAPACITY = frozenset(
    {
        "InsufficientInstanceCapacity",
        "InsufficientHostCapacity",
        "MaxSpotInstanceCountExceeded",
        "SpotMaxPriceTooLow",
        "UnfulfillableCapacity",
    }
)


def run(
    provider: Provider, name: str, body: Mapping[str, Any], settings: Mapping[str, Any]
) -> machines.Instance:
    """Launch a machine as `launch.run` does; a spot machine waits for capacity, or becomes an on-demand one.

    Args:
        provider: Where.
        name: The machine's.
        body: The RunInstances request.
        settings: The machine's: ``spot_config``'s ``fallback``, and ``wait_for_spot_timeout``,
            ``wait_for_spot_interval`` (seconds), ``wait_for_spot_interval_multiplier``,
            ``wait_for_spot_max_failures``.

    Raises:
        launch.LaunchError: AWS has refused it, or there was no capacity in time.
    """
    config = settings.get("spot_config")
    if config is None:
        return launch.run(provider, name, body)
    deadline = time.monotonic() + float(settings.get("wait_for_spot_timeout") or TIMEOUT)
    interval = float(settings.get("wait_for_spot_interval") or INTERVAL)
    failures = int(settings.get("wait_for_spot_max_failures") or MAX_FAILURES)
    while True:
        try:
            return launch.run(provider, name, body)
        except launch.LaunchError as error:
            if error.code not in NO_CAPACITY:
                raise
            if config.get("fallback"):
                log.warning("%s: no spot capacity (%s): launching on demand", name, error.code)
                return launch.run(provider, name, launch.on_demand(body))
            failures -= 1
            if failures <= 0 or time.monotonic() + interval > deadline:
                raise
            log.info("%s: no spot capacity (%s): trying again in %.0f s", name, error.code, interval)
        time.sleep(interval)
        interval *= float(settings.get("wait_for_spot_interval_multiplier") or 1)


def cancel(provider: Provider, instance: machines.Instance) -> None:
    """End the persistent request of a machine that is being destroyed: it would be launched again."""
    if machines.tags(instance).get(machines.SPOT_TAG) == "persistent":
        request = instance["SpotInstanceRequestId"]
        with explained(f"cancelling {request} of {machines.name(instance)}"):
            provider.client().cancel_spot_instance_requests(SpotInstanceRequestIds=[request])
