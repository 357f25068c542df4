"""One RunInstances per machine: its request, and making sure that it happens once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.exceptions
from salt.exceptions import SaltCloudConfigError, SaltCloudException, SaltCloudExecutionFailure

from . import errors, images, machines, network, storage
from .provider import Provider
from .state import TokenBucket

Settings = Mapping[str, Any]

# AWS's own figures for RunInstances: a bucket of 5 that is refilled with 2 a second.
RATE = 2.0
BURST = 5
# Seconds for which a launch is tried again while AWS throttles, fails or does not answer.
PERSISTENCE = 300.0
LONGEST_BACKOFF = 15.0

METADATA_OPTIONS = {
    "HttpTokens": "required",
    "HttpEndpoint": "enabled",
    "HttpPutResponseHopLimit": 1,
    "InstanceMetadataTags": "enabled",
}
_SPOT_REQUEST = "spot-instances-request"
# Options of what a machine gets after its launch.
_AFTERWARDS = ("network_interfaces", "private_zone", "ssm_document", "volumes")
_TAGGED = ("instance", "volume", "network-interface")
# Answers after which the same request may be sent again: they say nothing about what it has done.
_TRANSIENT = frozenset(
    {"InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable", "RequestTimeout"}
)


class LaunchError(SaltCloudExecutionFailure):
    """AWS has refused a launch; ``code`` says why, ``more`` is added to what it says."""

    def __init__(self, name: str, error: Exception, more: str = "") -> None:
        super().__init__(errors.describe(error, f"launching {name}") + more)
        self.code = errors.code(error)


def request(
    provider: Provider,
    name: str,
    settings: Settings,
    *,
    userdata: str | None,
    attached: Mapping[str, Settings],
) -> dict[str, Any]:
    """Return the RunInstances request of a machine, its token excepted.

    Args:
        provider: Where.
        name: The machine's.
        settings: The machine's, validated.
        userdata: Its user data, rendered.
        attached: Volumes that exist already and are attached later, by device.

    Raises:
        SaltCloudException: What it names does not exist, or does not fit.
    """
    image = images.resolve(provider, str(settings["image"]), settings.get("owner"))
    interfaces, zone = network.interfaces(provider, settings)
    wanted = settings.get("availability_zone")
    if zone and wanted and zone != wanted:
        raise SaltCloudConfigError(
            f"availability_zone: {wanted} is asked for, but its subnet is in {zone}: leave one of them out"
        )
    zone = zone or wanted
    storage.check_zone(attached, zone)
    body: dict[str, Any] = {
        "ImageId": image["ImageId"],
        "InstanceType": settings["size"],
        "MinCount": 1,
        "MaxCount": 1,
        "NetworkInterfaces": interfaces,
        "BlockDeviceMappings": storage.mappings(settings, image, attached),
        "MetadataOptions": METADATA_OPTIONS | _numbers(settings.get("metadata_options") or {}),
        "TagSpecifications": _tag_specifications(provider, name, settings),
    }
    placement = {
        "AvailabilityZone": zone if all("SubnetId" not in one for one in interfaces) else None,
        "Tenancy": settings.get("tenancy"),
        "GroupName": settings.get("placementgroup"),
    }
    reservation = settings.get("capacity_reservation")
    optional = {
        "KeyName": settings.get("keyname"),
        "IamInstanceProfile": instance_profile(settings.get("iam_profile")),
        "EbsOptimized": settings.get("ebs_optimized"),
        "DisableApiTermination": settings.get("termination_protection"),
        "Monitoring": None if settings.get("monitoring") is None else {"Enabled": settings["monitoring"]},
        "CreditSpecification": _wrapped("CpuCredits", settings.get("credit_specification")),
        "HibernationOptions": _wrapped("Configured", settings.get("hibernation")),
        "LaunchTemplate": settings.get("launch_template"),
        "CapacityReservationSpecification": _capacity(reservation),
        "CpuOptions": _numbers(settings.get("cpu_options") or {}) or None,
        "Placement": {key: value for key, value in placement.items() if value} or None,
        "InstanceMarketOptions": spot(settings.get("spot_config")),
        "UserData": userdata,
    }
    return body | {key: value for key, value in optional.items() if value is not None}


def _tag_specifications(provider: Provider, name: str, settings: Settings) -> list[dict[str, Any]]:
    config = settings.get("spot_config")
    own = {
        "Name": name,
        machines.PROVIDER_TAG: provider.alias,
        machines.PROFILE_TAG: settings.get("profile"),
        machines.ZONE_TAG: settings.get("private_zone"),
        machines.SPOT_TAG: None if config is None else _spot_type(config),
    }
    given = settings.get("tag") or {}
    own = {key: value for key, value in own.items() if value}
    # Also without a bootstrap a machine is incomplete until it has what it can only get once it runs.
    unfinished = settings.get("deploy", True) or any(settings.get(option) for option in _AFTERWARDS)
    bootstrap = {machines.BOOTSTRAP_TAG: machines.PENDING} if unfinished else {}
    by_kind = {kind: given | own | (bootstrap if kind == "instance" else {}) for kind in _TAGGED}
    if config is not None:
        by_kind[_SPOT_REQUEST] = given | (config.get("tag") or {}) | own
    return [{"ResourceType": kind, "Tags": machines.as_tags(tags)} for kind, tags in by_kind.items()]


def spot(config: Settings | None) -> dict[str, Any] | None:
    """Return the market options of a machine's ``spot_config``, None for an on-demand machine."""
    if config is None:
        return None
    chosen = {
        "MaxPrice": None if config.get("spot_price") is None else str(config["spot_price"]),
        "SpotInstanceType": _spot_type(config),
        "InstanceInterruptionBehavior": config.get("interruption_behavior"),
        "ValidUntil": config.get("valid_until"),
    }
    return {"MarketType": "spot", "SpotOptions": {key: value for key, value in chosen.items() if value}}


def _spot_type(config: Settings) -> str:
    # AWS stops or hibernates only what a persistent request has launched.
    persistent = config.get("interruption_behavior") in ("stop", "hibernate")
    return str(config.get("type") or ("persistent" if persistent else "one-time"))


def on_demand(body: Settings) -> dict[str, Any]:
    """Return a spot request as one for an on-demand machine."""
    plain = {key: value for key, value in body.items() if key != "InstanceMarketOptions"}
    plain["TagSpecifications"] = [
        {
            "ResourceType": one["ResourceType"],
            "Tags": [tag for tag in one["Tags"] if tag["Key"] != machines.SPOT_TAG],
        }
        for one in body["TagSpecifications"]
        if one["ResourceType"] != _SPOT_REQUEST
    ]
    return plain


def instance_profile(profile: str | None) -> dict[str, str] | None:
    """Return an instance profile, given by name or by an ARN of any partition."""
    if not profile:
        return None
    return {"Arn" if profile.startswith("arn:") else "Name": profile}


def _wrapped(key: str, value: Any) -> dict[str, Any] | None:
    return None if value is None else {key: value}


def _capacity(reservation: str | Settings | None) -> dict[str, Any] | None:
    if reservation is None:
        return None
    if isinstance(reservation, Mapping):
        return dict(reservation)
    if reservation in ("open", "none"):
        return {"CapacityReservationPreference": reservation}
    return {"CapacityReservationTarget": {"CapacityReservationId": reservation}}


def _numbers(given: Settings) -> dict[str, Any]:
    return {key: int(value) if str(value).isdigit() else value for key, value in given.items()}


def userdata(settings: Settings) -> str | None:
    """Return a machine's user data, not rendered yet, None if it has none.

    Raises:
        SaltCloudConfigError: Its file cannot be read.
    """
    path = settings.get("userdata_file")
    if not path:
        return settings.get("userdata")
    try:
        return Path(path).expanduser().read_bytes().decode()  # line ends as they are: Windows wants its own
    except (OSError, UnicodeDecodeError) as error:
        raise SaltCloudConfigError(f"userdata_file: {error}") from error


def run(provider: Provider, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Launch a machine once, however often this is called, interrupted and called again.

    The token that makes the request idempotent is written down before the first try. A later call for the
    same machine and request sends the same token, so that AWS answers with the machine that is there; one for
    another request, or after that machine has gone, sends a new one.

    Raises:
        SaltCloudExecutionFailure: AWS refused, or was not to be had for `PERSISTENCE` seconds.
    """
    entry = f"launch-{name}"
    wanted = digest(body)
    for _ in range(2):
        written = provider.state.read(entry)
        if written.get("digest") != wanted:
            written = {"token": str(uuid.uuid4()), "digest": wanted}
            provider.state.write(entry, written)
        instance = _persist(provider, name, {**body, "ClientToken": written["token"]})
        if instance["State"]["Name"] not in ("shutting-down", "terminated"):
            return instance
        # The token's machine has gone: AWS remembers tokens for a day longer than machines.
        provider.state.remove(entry)
    raise SaltCloudExecutionFailure(f"launching {name}: AWS answered a new token with a terminated machine")


def digest(body: Mapping[str, Any]) -> str:
    """Return what tells one request from another, and nothing of what is in it."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()


def forget(provider: Provider, name: str) -> None:
    """Forget a machine's token: it is bootstrapped, or destroyed."""
    provider.state.remove(f"launch-{name}")


def bucket_of(provider: Provider) -> TokenBucket:
    """Return the bucket from which every launch of a provider takes its token."""
    return TokenBucket(provider.state, RATE, BURST)


def _persist(provider: Provider, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    bucket = bucket_of(provider)
    client = provider.client(retries=1)
    deadline = time.monotonic() + PERSISTENCE
    backoff = 1.0
    while True:
        bucket.take()
        try:
            instance: dict[str, Any] = client.run_instances(**body)["Instances"][0]
            return instance
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
            if not _may_retry(error) or time.monotonic() + backoff > deadline:
                raise LaunchError(name, error, _choice(provider, error, body)) from error
            if errors.code(error) in errors.THROTTLING:
                bucket.drain(backoff)
        time.sleep(backoff * random.uniform(0.5, 1.0))  # noqa: S311  (jitter)
        backoff = min(2 * backoff, LONGEST_BACKOFF)


def _choice(provider: Provider, error: Exception, body: Mapping[str, Any]) -> str:
    """Return what there is of a thing that AWS says there is not."""
    if errors.code(error) == "InvalidGroup.NotFound":
        with contextlib.suppress(SaltCloudException):
            return network.groups_there_are(provider, body["NetworkInterfaces"])
    return ""


def _may_retry(error: Exception) -> bool:
    if isinstance(error, botocore.exceptions.ClientError):
        if errors.code(error).startswith("Insufficient"):  # a 500 to AWS, but one that says something
            return False
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or errors.code(error) in errors.THROTTLING | _TRANSIENT
    return isinstance(error, (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError))
