"""A machine from launch to termination."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import botocore.exceptions
from salt.exceptions import SaltCloudException, SaltCloudExecutionFailure

from . import (
    addresses,
    attributes,
    console,
    deploy,
    dns,
    launch,
    machines,
    minions,
    spot,
    ssm,
    storage,
    termination,
    waiting,
)
from .adopt import adopted
from .errors import explained
from .provider import Provider

log = logging.getLogger(__name__)

# Called with what has happened and, if it helps, more about it: fires an event on salt's bus.
Announce = Callable[..., None]

# Seconds that one listing of all machines serves the members of a map before they launch.
RECHECK = 5.0


def create(
    provider: Provider,
    vm_: dict[str, Any],
    settings: Mapping[str, Any],
    *,
    render: Callable[[str | None], str | None],
    bootstrap: Callable[..., dict[str, Any]],
    announce: Announce,
) -> dict[str, Any]:
    """Launch and bootstrap a machine, or finish what an earlier run has left undone.

    Args:
        provider: Where.
        vm_: As salt-cloud hands it to ``create``.
        settings: The machine's, validated.
        render: Renders user data.
        bootstrap: ``salt.utils.cloud.bootstrap`` as the loader has it.
        announce: Fires an event.

    Raises:
        SaltCloudException: It is not complete; says why, and what is left running.
    """
    name = vm_["name"]
    deploys = bool(settings.get("deploy", True))
    if deploys:
        deploy.key_file(settings, "private_key")
        deploy.file_map(provider, settings)
    with provider.state.lock(f"machine-{name}"):
        given = settings.get("instance_id")
        present = adopted(provider, name, settings) if given else _present(provider, name)
        if not given and present is not None and machines.is_failed(present):
            log.warning("%s: replacing %s, whose bootstrap failed", name, present["InstanceId"])
            if settings.get("termination_protection"):  # of a machine that is in nobody's use yet
                attributes.protect(provider, present, False)
            termination.terminate(provider, present)
            present = None
        if present is None:
            instance, attached = _launch(provider, vm_, settings, render, announce)
        elif machines.is_half_built(present):
            log.warning("%s: going on with %s, whose bootstrap was not finished", name, present["InstanceId"])
            own = {mapping["DeviceName"] for mapping in present.get("BlockDeviceMappings") or ()}
            volumes = storage.existing(provider, name, settings)
            instance, attached = present, {key: one for key, one in volumes.items() if key not in own}
        else:
            minions.restore_key(provider, vm_.get("pub_key"))
            return _started(provider, present, settings, announce)
        instance = _ready(provider, instance, attached, settings, announce)
        answer: dict[str, Any] = {}
        if deploys:
            announce("waiting for SSH", "waiting_for_ssh", instance_id=instance["InstanceId"])
            resumed = present is not None
            answer = _bootstrapped(provider, vm_, instance, settings, bootstrap, resumed=resumed)
        if given or machines.is_half_built(instance):
            _mark(provider, instance, machines.COMPLETE)
        launch.forget(provider, name)
    announce("created instance", "created", instance_id=instance["InstanceId"])
    return machines.full(provider, instance) | answer


def _started(
    provider: Provider, instance: machines.Instance, settings: Mapping[str, Any], announce: Announce
) -> dict[str, Any]:
    """Start a complete machine that is stopped (D15)."""
    name = machines.name(instance)
    id_ = instance["InstanceId"]
    if instance["State"]["Name"] not in ("stopping", "stopped"):
        raise SaltCloudExecutionFailure(f"{name} exists already: {id_}")
    waiting.until(
        provider, id_, lambda one: bool(one["State"]["Name"] == "stopped"), settings, "stopped state"
    )
    announce("starting instance", "starting", instance_id=id_)
    with explained(f"starting {name}"):
        provider.client().start_instances(InstanceIds=[id_])
    instance = waiting.until(provider, id_, _usable(settings), settings, "running machine")
    dns.publish(provider, instance)
    announce("created instance", "created", instance_id=id_)
    return machines.full(provider, instance)


def _ready(
    provider: Provider,
    instance: machines.Instance,
    attached: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, Any],
    announce: Announce,
) -> machines.Instance:
    """Wait until a machine runs, give it what it can get only then, and return it as it is."""
    id_ = instance["InstanceId"]
    announce("querying instance", instance_id=id_)
    instance = waiting.until(provider, id_, _running, settings, "running machine")
    _attach(provider, instance, attached, announce)
    announce("tagging instance", instance_id=id_)
    _label_volumes(provider, instance, settings)
    if settings.get("ssm_document") and not ssm.associations(instance):
        ssm.associate(provider, instance, settings["ssm_document"])
    if addresses.configure(provider, instance, settings) or not _usable(settings)(instance):
        instance = waiting.until(provider, id_, _usable(settings), settings, "address", fresh=True)
    dns.publish(provider, instance)
    return instance


def _launch(
    provider: Provider,
    vm_: Mapping[str, Any],
    settings: Mapping[str, Any],
    render: Callable[[str | None], str | None],
    announce: Announce,
) -> tuple[machines.Instance, dict[str, dict[str, Any]]]:
    """Launch a machine; return it and the volumes that exist already and are to be attached, by device."""
    name = vm_["name"]
    try:
        attached = storage.existing(provider, name, settings)
        text = render(launch.userdata(settings))
        body = launch.request(provider, name, settings, userdata=text, attached=attached)
        announce("requesting instance", "requesting", size=body["InstanceType"], image=body["ImageId"])
        if "InstanceMarketOptions" in body:
            announce("waiting for spot capacity", "waiting_for_spot")
        return spot.run(provider, name, body, settings), attached
    except SaltCloudException:
        minions.restore_key(provider, vm_.get("pub_key"))
        raise


def listed(provider: Provider) -> list[machines.Instance]:
    """Return the living machines, as of at most `RECHECK` seconds ago in this run of salt-cloud."""
    listing: list[machines.Instance] = provider.state.once(
        "alive", RECHECK, lambda: machines.plain(machines.alive(provider))
    )
    return listing


def _present(provider: Provider, name: str) -> machines.Instance | None:
    """Return the living machine of this name, by its tags: the map's own listing may be older."""
    return machines.only([one for one in listed(provider) if machines.name(one) == name], name)


def _running(instance: machines.Instance) -> bool:
    return bool(instance["State"]["Name"] == "running")


def _usable(settings: Mapping[str, Any]) -> Callable[[machines.Instance], bool]:
    """Return what tells whether a machine runs and has the address that it is reached at."""
    interface = settings.get("ssh_interface") or "public_ips"
    deploys = bool(settings.get("deploy", True))

    def usable(instance: machines.Instance) -> bool:
        return _running(instance) and (
            not deploys or interface != "public_ips" or bool(instance.get("PublicIpAddress"))
        )

    return usable


def _attach(
    provider: Provider,
    instance: machines.Instance,
    volumes: Mapping[str, Mapping[str, Any]],
    announce: Announce,
) -> None:
    if volumes:
        announce(
            "attaching volumes", "attaching_volumes", volumes=[one["VolumeId"] for one in volumes.values()]
        )
    for device, volume in volumes.items():
        with explained(f"attaching {volume['VolumeId']}, left by an earlier machine, as {device}"):
            client = provider.client()
            # Still attached to the machine that had it, if that is only just being terminated.
            patience = {"Delay": 3, "MaxAttempts": 100}
            client.get_waiter("volume_available").wait(VolumeIds=[volume["VolumeId"]], WaiterConfig=patience)
            try:
                client.attach_volume(
                    Device=device, InstanceId=instance["InstanceId"], VolumeId=volume["VolumeId"]
                )
            except botocore.exceptions.ClientError:
                # The answer to a first try may have been lost, and a second is refused.
                (found,) = client.describe_volumes(VolumeIds=[volume["VolumeId"]])["Volumes"]
                if instance["InstanceId"] not in {one["InstanceId"] for one in found["Attachments"]}:
                    raise


def _label_volumes(provider: Provider, instance: machines.Instance, settings: Mapping[str, Any]) -> None:
    """Write on each of the machine's ``volumes`` the device it is for, and tags of its own."""
    wanted = storage.own_tags(settings)
    for mapping in instance.get("BlockDeviceMappings") or ():
        given = wanted.get(mapping["DeviceName"])
        if given is not None and "Ebs" in mapping:
            with explained(f"tagging {mapping['Ebs']['VolumeId']}"):
                provider.client().create_tags(
                    Resources=[mapping["Ebs"]["VolumeId"]], Tags=machines.as_tags(given)
                )


def _bootstrapped(
    provider: Provider,
    vm_: dict[str, Any],
    instance: machines.Instance,
    settings: Mapping[str, Any],
    bootstrap: Callable[..., dict[str, Any]],
    *,
    resumed: bool,
) -> dict[str, Any]:
    policy = settings.get("on_failure") or "keep"
    for attempt in range(2 if policy == "retry" else 1):
        if attempt or resumed:
            # What an interrupted bootstrap has left there is of another key: Salt has accepted a new one.
            vm_["force_minion_config"] = True
        try:
            return deploy.run(provider, vm_, instance, settings, bootstrap)
        except SaltCloudException as error:
            failure = error
            log.warning("%s: bootstrap failed: %s", vm_["name"], error)
            console.show(provider, instance["InstanceId"])
    if policy == "destroy":
        termination.terminate(provider, instance)
        minions.restore_key(provider, vm_.get("pub_key"))
        raise SaltCloudExecutionFailure(
            f"{failure} ({instance['InstanceId']} was destroyed, as on_failure says)"
        )
    _mark(provider, instance, machines.FAILED)
    raise SaltCloudExecutionFailure(
        f"{failure} ({instance['InstanceId']} was kept to be looked at; the next run replaces it)"
    ) from failure


def _mark(provider: Provider, instance: machines.Instance, bootstrap: str) -> None:
    """Write on a machine how far its bootstrap has come, and into its description."""
    with explained(f"marking the bootstrap of {instance['InstanceId']} as {bootstrap}"):
        provider.client().create_tags(
            Resources=[instance["InstanceId"]], Tags=machines.as_tags({machines.BOOTSTRAP_TAG: bootstrap})
        )
    instance["Tags"] = machines.as_tags(machines.tags(instance) | {machines.BOOTSTRAP_TAG: bootstrap})
