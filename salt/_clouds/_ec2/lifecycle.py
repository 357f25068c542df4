"""A machine from launch to termination."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from salt.exceptions import SaltCloudException, SaltCloudExecutionFailure

from . import deploy, dns, launch, machines, storage, this_machine, waiting
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
        present = _present(provider, name)
        if present is None:
            instance, attached = _launch(provider, name, settings, render, announce)
        elif machines.is_half_built(present):
            log.warning("%s: going on with %s, whose bootstrap was not finished", name, present["InstanceId"])
            instance, attached = present, {}
        else:
            raise SaltCloudExecutionFailure(f"{name} exists already: {present['InstanceId']}")
        announce("querying instance", instance_id=instance["InstanceId"])
        instance = waiting.until(
            provider, instance["InstanceId"], _usable(settings), settings, "running machine"
        )
        _attach(provider, instance, attached, announce)
        _label_volumes(provider, instance, settings)
        dns.publish(provider, instance)
        answer: dict[str, Any] = {}
        if deploys:
            announce("waiting for SSH", "waiting_for_ssh", instance_id=instance["InstanceId"])
            answer = _bootstrapped(provider, vm_, instance, settings, bootstrap, resumed=present is not None)
            _complete(provider, instance)
        launch.forget(provider, name)
    announce("created instance", "created", instance_id=instance["InstanceId"])
    return machines.full(provider, instance) | answer


def _launch(
    provider: Provider, name: str, settings: Mapping[str, Any], render: Callable[..., Any], announce: Announce
) -> tuple[machines.Instance, dict[str, dict[str, Any]]]:
    """Launch a machine; return it and the volumes of an earlier one to attach to it, by device."""
    attached = storage.kept(provider, name, settings)
    text = render(launch.userdata(settings))
    body = launch.request(provider, name, settings, userdata=text, attached=attached)
    announce("requesting instance", "requesting", size=body["InstanceType"], image=body["ImageId"])
    return launch.run(provider, name, body), attached


def _present(provider: Provider, name: str) -> machines.Instance | None:
    """Return the living machine of this name, by its tags, as of now: the map's own listing is older."""
    listing = provider.state.once("alive", RECHECK, lambda: machines.plain(machines.alive(provider)))
    return machines.only([one for one in listing if machines.name(one) == name], name)


def _usable(settings: Mapping[str, Any]) -> Callable[[machines.Instance], bool]:
    """Return what tells whether a machine runs and has the address that it is reached at."""
    interface = settings.get("ssh_interface") or "public_ips"
    deploys = bool(settings.get("deploy", True))

    def usable(instance: machines.Instance) -> bool:
        running = bool(instance["State"]["Name"] == "running")
        return running and (not deploys or interface != "public_ips" or bool(instance.get("PublicIpAddress")))

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
            client.get_waiter("volume_available").wait(VolumeIds=[volume["VolumeId"]])
            client.attach_volume(
                Device=device, InstanceId=instance["InstanceId"], VolumeId=volume["VolumeId"]
            )


def _label_volumes(provider: Provider, instance: machines.Instance, settings: Mapping[str, Any]) -> None:
    """Write on each of the machine's ``volumes`` the device it is for, and tags of its own."""
    wanted = storage.volumes(settings)
    for mapping in instance.get("BlockDeviceMappings") or ():
        volume = wanted.get(mapping["DeviceName"])
        if volume is not None and "Ebs" in mapping:
            given = {storage.DEVICE_TAG: mapping["DeviceName"]} | (volume.get("tags") or {})
            with explained(f"tagging {mapping['Ebs']['VolumeId']}"):
                provider.client().create_tags(
                    Resources=[mapping["Ebs"]["VolumeId"]],
                    Tags=[{"Key": str(key), "Value": str(value)} for key, value in given.items()],
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
    if policy == "destroy":
        terminate(provider, instance)
        raise SaltCloudExecutionFailure(
            f"{failure} ({instance['InstanceId']} was destroyed, as on_failure says)"
        )
    raise SaltCloudExecutionFailure(
        f"{failure} ({instance['InstanceId']} was kept; the next run bootstraps it again)"
    ) from failure


def _complete(provider: Provider, instance: machines.Instance) -> None:
    with explained(f"marking {instance['InstanceId']} as complete"):
        provider.client().create_tags(
            Resources=[instance["InstanceId"]],
            Tags=[{"Key": machines.BOOTSTRAP_TAG, "Value": machines.COMPLETE}],
        )


def destroy(provider: Provider, name: str, announce: Announce) -> dict[str, Any]:
    """Terminate a machine and remove what was made for it. Its ``volumes`` stay.

    Raises:
        SaltCloudNotFound: There is none.
        SaltCloudExecutionFailure: It is protected, or the machine this runs on.
    """
    instance = machines.get(provider, name)
    announce("destroying instance", "destroying", instance_id=instance["InstanceId"])
    change = terminate(provider, instance)
    announce("destroyed instance", "destroyed", instance_id=instance["InstanceId"])
    return change


def terminate(provider: Provider, instance: machines.Instance) -> dict[str, Any]:
    """Terminate an instance, take its name out of DNS and forget its launch."""
    this_machine.refuse(instance["InstanceId"])
    with explained(f"destroying {machines.name(instance)} ({instance['InstanceId']})"):
        answer = provider.client().terminate_instances(InstanceIds=[instance["InstanceId"]])
    dns.withdraw(provider, instance)
    launch.forget(provider, machines.name(instance))
    change = answer["TerminatingInstances"][0]
    return {
        "id": instance["InstanceId"],
        "prev": change["PreviousState"]["Name"],
        "now": change["CurrentState"]["Name"],
    }


def change_state(provider: Provider, name: str, operation: str, key: str | None) -> dict[str, Any]:
    """Start, stop or reboot a machine.

    Args:
        provider: Where.
        name: The machine's name or id.
        operation: boto3's, as in ``start_instances``.
        key: Where its answer has the change of state; None: it has none.
    """
    instance = machines.get(provider, name)
    with explained(f"{operation.partition('_')[0]} {name}"):
        answer = getattr(provider.client(), operation)(InstanceIds=[instance["InstanceId"]])
    if key is None:
        return {"id": instance["InstanceId"], "state": instance["State"]["Name"]}
    change = answer[key][0]
    return {
        "id": instance["InstanceId"],
        "prev": change["PreviousState"]["Name"],
        "state": change["CurrentState"]["Name"],
    }
