"""What can be asked of and changed on one machine: actions of salt-cloud."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import salt.utils.cloud
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from salt.exceptions import SaltCloudConfigError, SaltCloudExecutionFailure

from . import console, dns, machines
from .arguments import listed
from .errors import explained
from .provider import Provider


def show_term_protect(provider: Provider, name: str) -> bool:
    """
    Tell whether a machine is protected from termination.

    .. code-block:: bash

        salt-cloud -a show_term_protect app-1
    """
    instance = machines.get(provider, name)
    with explained(f"asking for the protection of {name}"):
        answer = provider.client().describe_instance_attribute(
            InstanceId=instance["InstanceId"], Attribute="disableApiTermination"
        )
    return bool(answer["DisableApiTermination"]["Value"])


def enable_term_protect(provider: Provider, name: str) -> bool:
    """
    Protect a machine from termination.

    .. code-block:: bash

        salt-cloud -a enable_term_protect app-1
    """
    return _protect(provider, name, True)


def disable_term_protect(provider: Provider, name: str) -> bool:
    """
    Let a machine be terminated again.

    .. code-block:: bash

        salt-cloud -a disable_term_protect app-1
    """
    return _protect(provider, name, False)


def _protect(provider: Provider, name: str, protected: bool) -> bool:
    protect(provider, machines.get(provider, name), protected)
    return show_term_protect(provider, name)


def protect(provider: Provider, instance: machines.Instance, protected: bool) -> None:
    """Set whether AWS refuses to terminate a machine."""
    with explained(f"changing the protection of {machines.name(instance)}"):
        provider.client().modify_instance_attribute(
            InstanceId=instance["InstanceId"], DisableApiTermination={"Value": protected}
        )


def show_detailed_monitoring(provider: Provider, name: str) -> str:
    """
    Return the state of a machine's detailed monitoring.

    .. code-block:: bash

        salt-cloud -a show_detailed_monitoring app-1
    """
    return str(machines.get(provider, name).get("Monitoring", {}).get("State", "disabled"))


def enable_detailed_monitoring(provider: Provider, name: str) -> str:
    """
    Turn a machine's detailed monitoring on. It costs.

    .. code-block:: bash

        salt-cloud -a enable_detailed_monitoring app-1
    """
    return _monitor(provider, name, "monitor_instances")


def disable_detailed_monitoring(provider: Provider, name: str) -> str:
    """
    Turn a machine's detailed monitoring off.

    .. code-block:: bash

        salt-cloud -a disable_detailed_monitoring app-1
    """
    return _monitor(provider, name, "unmonitor_instances")


def _monitor(provider: Provider, name: str, operation: str) -> str:
    instance = machines.get(provider, name)
    with explained(f"changing the monitoring of {name}"):
        answer = getattr(provider.client(), operation)(InstanceIds=[instance["InstanceId"]])
    return str(answer["InstanceMonitorings"][0]["Monitoring"]["State"])


def rename(provider: Provider, name: str, newname: str) -> dict[str, Any]:
    """
    Give a machine, its volumes and interfaces another name, in its private zone too, and its accepted key.

    The minion itself goes on under its old id until ``/etc/salt/minion_id`` is changed there.

    .. code-block:: bash

        salt-cloud -a rename app-1 newname=app-9
    """
    instance = machines.get(provider, name)
    if machines.find(provider, newname) is not None:
        raise SaltCloudExecutionFailure(f"rename: {newname} exists already")
    resources = [
        instance["InstanceId"],
        *(one["Ebs"]["VolumeId"] for one in instance.get("BlockDeviceMappings") or () if "Ebs" in one),
        *(one["NetworkInterfaceId"] for one in instance.get("NetworkInterfaces") or ()),
    ]
    with explained(f"renaming {name}"):
        provider.client().create_tags(Resources=resources, Tags=[{"Key": "Name", "Value": newname}])
    dns.withdraw(provider, instance)
    renamed = machines.get(provider, newname)
    dns.publish(provider, renamed)
    salt.utils.cloud.rename_key(provider.opts["pki_dir"], machines.name(instance), newname)
    return machines.node(renamed)


def get_console_output(provider: Provider, name: str) -> str:
    """
    Return what a machine has printed on its console.

    .. code-block:: bash

        salt-cloud -a get_console_output app-1
    """
    return console.output(provider, machines.get(provider, name)["InstanceId"])


def get_password_data(
    provider: Provider, name: str, key_file: str | None = None, key: str | None = None
) -> dict[str, str]:
    """
    Return the password of a Windows machine's administrator, decrypted with ``key_file``.

    ``key`` is the key itself. Without either the password is returned as it is, encrypted.

    .. code-block:: bash

        salt-cloud -a get_password_data windows-1 key_file=~/.ssh/fleet.pem
    """
    instance = machines.get(provider, name)
    with explained(f"asking for the password of {name}"):
        encrypted = (
            provider.client().get_password_data(InstanceId=instance["InstanceId"])["PasswordData"].strip()
        )
    if not encrypted:
        raise SaltCloudExecutionFailure(
            f"get_password_data: {name} has no password yet; Windows takes minutes"
        )
    if key is None and key_file is None:
        return {"passwordData": encrypted}
    return {"passwordData": encrypted, "password": decrypted(encrypted, key, key_file)}


def decrypted(encrypted: str, key: str | None, key_file: str | None) -> str:
    """Return a Windows password as text.

    Args:
        encrypted: As EC2 gives it, base64.
        key: The private key, PEM; None: it is in ``key_file``.
        key_file: Its path.

    Raises:
        SaltCloudConfigError: It is no such key, or not the one.
    """
    try:
        text = key.encode() if key else Path(str(key_file)).expanduser().read_bytes()
        private = serialization.load_pem_private_key(text, password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SaltCloudConfigError(f"get_password_data: key_file: {error}") from error
    if not isinstance(private, rsa.RSAPrivateKey):
        raise SaltCloudConfigError("get_password_data: key_file: Windows passwords need an RSA key")
    # PKCS #1 v1.5 is what EC2 encrypts them with.
    try:
        return private.decrypt(base64.b64decode(encrypted), padding.PKCS1v15()).decode()
    except ValueError as error:
        raise SaltCloudConfigError("get_password_data: the key is not the one of `keyname`") from error


def get_tags(
    provider: Provider,
    name: str | None = None,
    resource_id: str | None = None,
    instance_id: str | None = None,
) -> dict[str, str]:
    """
    Return the tags of a machine, or of whatever ``resource_id`` is.

    .. code-block:: bash

        salt-cloud -a get_tags app-1
        salt-cloud -f get_tags ec2 resource_id=vol-0123456789abcdef0
    """
    resource = _resource(provider, name, resource_id or instance_id)
    with explained(f"asking for the tags of {resource}"):
        found = provider.pages(
            "describe_tags", "Tags", Filters=[{"Name": "resource-id", "Values": [resource]}]
        )
    return {one["Key"]: one["Value"] for one in found}


def set_tags(
    provider: Provider,
    name: str | None = None,
    resource_id: str | None = None,
    instance_id: str | None = None,
    tags: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, str]:
    """
    Set tags of a machine, or of whatever ``resource_id`` is: each argument is one, or ``tags`` has them all.

    .. code-block:: bash

        salt-cloud -a set_tags app-1 Team=web Stage=test
    """
    resource = _resource(provider, name, resource_id or instance_id)
    given = {**(tags or {}), **more}
    if not given:
        raise SaltCloudConfigError("set_tags: which? Give them as KEY=VALUE")
    with explained(f"tagging {resource}"):
        provider.client().create_tags(Resources=[resource], Tags=machines.as_tags(given))
    return get_tags(provider, resource_id=resource)


def del_tags(
    provider: Provider,
    name: str | None = None,
    resource_id: str | None = None,
    instance_id: str | None = None,
    tags: Any = None,
) -> dict[str, str]:
    """
    Remove ``tags`` (their keys, with commas between) of a machine, or of whatever ``resource_id`` is.

    .. code-block:: bash

        salt-cloud -a del_tags app-1 tags=Team,Stage
    """
    resource = _resource(provider, name, resource_id or instance_id)
    gone = listed(tags)
    if not gone:
        raise SaltCloudConfigError("del_tags: which? Give their keys as tags=KEY,KEY")
    with explained(f"removing tags of {resource}"):
        provider.client().delete_tags(Resources=[resource], Tags=[{"Key": str(key)} for key in gone])
    return get_tags(provider, resource_id=resource)


def _resource(provider: Provider, name: str | None, resource_id: str | None) -> str:
    if resource_id:
        return resource_id
    if not name:
        raise SaltCloudConfigError("whose tags? Give a machine's name, or resource_id")
    return str(machines.get(provider, name)["InstanceId"])
