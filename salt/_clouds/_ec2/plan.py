"""What a map run would do, and what it would cost, without doing it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import salt.loader
import salt.template
import salt.utils.dictupdate
from salt.exceptions import SaltCloudConfigError

from . import images, launch, machines, prices, schema, storage
from .provider import Provider

Settings = dict[str, Any]

ACTIONS = ("create", "replace", "bootstrap", "start", "change", "keep")
# What the price table has; the rest costs more.
_PRICED_PLATFORM = "Linux/UNIX"
_PRICED_TENANCY = "default"


def read_map(provider: Provider, path: str) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return the members of a map with their profile and what the map overrides.

    Raises:
        SaltCloudConfigError: It cannot be read, or names a member twice.
    """
    if not Path(path).is_file():
        raise SaltCloudConfigError(f"map: {path} does not exist")
    opts = provider.opts
    rendered = salt.template.compile_template(
        path,
        salt.loader.render(opts, {}),
        opts.get("renderer", "jinja|yaml"),
        opts.get("renderer_blacklist"),
        opts.get("renderer_whitelist"),
    )
    if not isinstance(rendered, Mapping):
        raise SaltCloudConfigError(f"map: {path}: expected profiles with their members")
    members: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for profile, mapped in rendered.items():
        for name, overrides in _members(path, profile, mapped):
            if name in members:
                raise SaltCloudConfigError(f"map: {path}: {name} is there twice")
            members[name] = (profile, overrides)
    return members


def _members(path: str, profile: str, mapped: Any) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Yield the members that a map has for a profile, in each of the forms salt-cloud takes."""
    items = [mapped] if isinstance(mapped, (str, Mapping)) else mapped
    if not isinstance(items, list):
        raise SaltCloudConfigError(f"map: {path}: {profile}: expected a list of machines, not {mapped!r}")
    for item in items:
        if isinstance(item, Mapping):
            for name, overrides in item.items():
                yield str(name), overrides if isinstance(overrides, Mapping) else {}
        else:
            yield str(item), {}


def settings_of(provider: Provider, name: str, profile: str, overrides: Mapping[str, Any]) -> Settings:
    """Return a member's settings as salt-cloud would hand them to ``create``.

    Raises:
        SaltCloudConfigError: There is no such profile, or an option is wrong.
    """
    profiles = provider.opts.get("profiles", {})
    if profile not in profiles:
        raise SaltCloudConfigError(f"map: {name}: there is no profile {profile}")
    merged = {key: value for key, value in schema.settings(provider, {}).items() if key != "profiles"}
    for layer in (profiles[profile], overrides):
        merged = salt.utils.dictupdate.update(merged, deepcopy(dict(layer)))
    merged.update(name=name, profile=profile)
    schema.validate(provider, merged)
    return merged


def volumes(provider: Provider, settings: Settings) -> list[dict[str, Any]]:
    """Return the volumes that a launch with these settings would make, as RunInstances' ``Ebs``."""
    image = images.resolve(provider, str(settings["image"]), settings.get("owner"))
    return [one["Ebs"] for one in storage.mappings(settings, image, ()) if "Ebs" in one]


def cost(provider: Provider, settings: Settings, devices: Iterable[Mapping[str, Any]]) -> prices.Cost:
    """Return what a machine with these settings and volumes costs a month, a spot machine as on demand."""
    image = images.resolve(provider, str(settings["image"]), settings.get("owner"))
    platform = image.get("PlatformDetails") or image.get("Platform") or _PRICED_PLATFORM
    tenancy = settings.get("tenancy") or _PRICED_TENANCY
    conditions = [
        *([f"platform {platform}"] if platform != _PRICED_PLATFORM else []),
        *([f"tenancy {tenancy}"] if tenancy != _PRICED_TENANCY else []),
    ]
    return prices.of(provider.region, settings["size"], devices, provider.settings.get("prices"), conditions)


def make(provider: Provider, path: str, *, hard: bool = False) -> dict[str, Any]:
    """Return what a run of a map would do.

    Args:
        provider: Where. Members of its profiles only.
        path: The map.
        hard: As with --hard: destroy what is not in the map.

    Returns:
        ``create``, ``replace`` (its bootstrap failed), ``bootstrap`` (launched, not complete), ``start``,
        ``change`` (its ``differences``, which a run leaves as they are), ``keep`` and ``destroy`` or
        ``extra``, each by name; and the monthly ``cost`` of the map, as far as prices are known.
    """
    present = machines.by_name(machines.alive(provider))
    members = {
        name: settings_of(provider, name, profile, overrides)
        for name, (profile, overrides) in read_map(provider, path).items()
        if _is_ours(provider, profile)
    }
    found: dict[str, dict[str, Any]] = {action: {} for action in ACTIONS}
    total, unknown, spot = 0.0, set(), 0
    for name, settings in members.items():
        body = launch.request(provider, name, settings, userdata=None, attached={})
        devices = [one["Ebs"] for one in body["BlockDeviceMappings"] if "Ebs" in one]
        costs = cost(provider, settings, devices)
        total += costs.monthly or 0
        unknown |= set(costs.unknown)
        spot += "InstanceMarketOptions" in body
        about: dict[str, Any] = {"size": settings["size"], "profile": settings["profile"]}
        about["monthly"] = costs.monthly
        instance = present.get(name)
        differences = {} if instance is None else _differences(instance, body)
        if instance is not None:
            about |= {"id": instance["InstanceId"], "state": instance["State"]["Name"]}
        if differences:
            about["differences"] = differences
        found[_action(instance, differences)][name] = about
    extra = {
        name: {"id": instance["InstanceId"], "size": instance["InstanceType"]}
        for name, instance in present.items()
        if name not in members
    }
    return {
        **found,
        "destroy" if hard else "extra": extra,
        "cost": {
            "monthly": round(total, 2),
            "currency": prices.CURRENCY,
            "prices_as_of": prices.AS_OF,
            **({"not_counted": sorted(unknown)} if unknown else {}),
            **({"spot_machines_at_on_demand_price": spot} if spot else {}),
        },
    }


def _is_ours(provider: Provider, profile: str) -> bool:
    given = provider.opts.get("profiles", {}).get(profile, {}).get("provider", provider.alias)
    return str(given).partition(":")[0] == provider.alias


def _action(instance: machines.Instance | None, differences: Mapping[str, Any]) -> str:
    if instance is None:
        return "create"
    if machines.is_failed(instance):
        return "replace"
    if machines.is_half_built(instance):
        return "bootstrap"
    if instance["State"]["Name"] in ("stopping", "stopped"):
        return "start"
    return "change" if differences else "keep"


def _differences(instance: machines.Instance, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a running machine is not as its profile has it. A newer image is not a difference."""
    wanted = body["NetworkInterfaces"][0]
    interface = next(
        (one for one in instance.get("NetworkInterfaces") or () if one["Attachment"]["DeviceIndex"] == 0), {}
    )
    compared = {
        "size": (instance.get("InstanceType"), body["InstanceType"]),
        "subnet": (instance.get("SubnetId"), wanted.get("SubnetId")),
        "security_groups": (
            sorted(one["GroupId"] for one in interface.get("Groups") or ()),
            sorted(wanted["Groups"]) if "Groups" in wanted else None,
        ),
        "keyname": (instance.get("KeyName"), body.get("KeyName")),
        "iam_profile": (
            (instance.get("IamInstanceProfile") or {}).get("Arn", "").rpartition("/")[2],
            next(iter((body.get("IamInstanceProfile") or {}).values()), "").rpartition("/")[2] or None,
        ),
    }
    differences: dict[str, Any] = {
        key: {"is": is_, "wanted": wanted_}
        for key, (is_, wanted_) in compared.items()
        if wanted_ is not None and is_ != wanted_
    }
    own = machines.tags(instance)
    missing = {
        tag["Key"]: tag["Value"]
        for specification in body["TagSpecifications"]
        if specification["ResourceType"] == "instance"
        for tag in specification["Tags"]
        if tag["Key"] != machines.BOOTSTRAP_TAG and own.get(tag["Key"]) != tag["Value"]
    }
    return differences | ({"tags": {"wanted": missing}} if missing else {})
