"""Bootstrapping a running machine with salt-cloud's own ``salt.utils.cloud.bootstrap``."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import salt.utils.cloud
import salt.utils.crypt
from salt.exceptions import SaltCloudConfigError, SaltCloudExecutionFailure, SaltCloudExecutionTimeout

from . import hostkeys, machines, windows
from .network import as_list
from .provider import Provider

log = logging.getLogger(__name__)

SSH_TIMEOUT = 900.0
SSH_PORT = 22
# Rounds over all users, seconds for each try, seconds between rounds.
PASSWD_TRIES = 15
PASSWD_TIMEOUT = 60
PASSWD_INTERVAL = 1.0
# What images of the big distributions call their first user.
USERS = ("ec2-user", "centos", "ubuntu", "admin", "fedora", "rocky", "bitnami", "root")
# salt-cloud's option: what salt.utils.cloud calls it in a gateway.
_GATEWAY = {
    "ssh_gateway": "ssh_gateway",
    "ssh_gateway_port": "ssh_gateway_port",
    "ssh_gateway_username": "ssh_gateway_user",
    "ssh_gateway_private_key": "ssh_gateway_key",
    "ssh_gateway_command": "ssh_gateway_command",
}


def run(
    provider: Provider,
    vm_: dict[str, Any],
    instance: machines.Instance,
    settings: Mapping[str, Any],
    bootstrap: Callable[..., dict[str, Any]],
) -> dict[str, Any]:
    """Bootstrap a machine and return what salt-cloud says about it.

    Args:
        provider: Where.
        vm_: The machine as salt-cloud handed it to ``create``; gets the addresses and the key file.
        instance: As EC2 describes it.
        settings: The machine's.
        bootstrap: ``salt.utils.cloud.bootstrap`` as the loader has it.

    Raises:
        SaltCloudExecutionFailure: It did not succeed; nothing was sent if a host key was wrong.
    """
    vm_["ssh_host"] = address(instance, settings.get("ssh_interface") or "public_ips")
    vm_["salt_host"] = address(
        instance, settings.get("salt_interface") or settings.get("ssh_interface") or "public_ips"
    )
    vm_["key_filename"] = key_file(settings, "private_key")
    gateway = _gateway(settings)
    if gateway:
        vm_["gateway"] = gateway
    finger = master_finger(provider)
    if finger and not settings.get("master_finger") and not settings.get("make_master"):
        vm_["master_finger"] = finger
    opts = _with_file_map(provider, vm_, file_map(provider, settings))
    port = int(settings.get("ssh_port") or SSH_PORT)
    timeout = float(settings.get("ssh_connect_timeout") or SSH_TIMEOUT)
    if settings.get("win_installer"):
        windows.prepare(provider, vm_, instance, settings, timeout)
        return _checked(bootstrap(vm_, opts), vm_["name"])
    if not salt.utils.cloud.wait_for_port(vm_["ssh_host"], port=port, timeout=timeout, gateway=gateway):
        raise SaltCloudExecutionTimeout(
            f"{vm_['name']}: no SSH on {vm_['ssh_host']}:{port} within {timeout:.0f} s"
        )
    keys = hostkeys.read(provider, instance["InstanceId"], settings)
    if keys and settings.get("known_hosts_file"):
        hostkeys.note(Path(settings["known_hosts_file"]), vm_["ssh_host"], port, keys)
        vm_["known_hosts_file"] = hostkeys.NOWHERE  # the keys themselves are what is checked
    with hostkeys.pinned(bootstrap, vm_["ssh_host"], port, keys):
        vm_["ssh_username"] = _username(vm_, settings, port, gateway)
        return _checked(bootstrap(vm_, opts), vm_["name"])


def address(instance: machines.Instance, interface: str) -> str:
    """Return the first address of a machine that ``ssh_interface`` means.

    Raises:
        SaltCloudConfigError: It has none.
    """
    found = machines.node(instance)[interface]
    if not found:
        other = "private_ips" if interface == "public_ips" else "public_ips"
        raise SaltCloudConfigError(
            f"ssh_interface: {machines.name(instance)} has no address of {interface}; set"
            f" `ssh_interface: {other}` or `assign_public_ip: True`"
        )
    return str(found[0])


def key_file(settings: Mapping[str, Any], option: str) -> str | None:
    """Return the path of a private key, None if the option is not set.

    Raises:
        SaltCloudConfigError: It is not there, or others can read it.
    """
    given = settings.get(option)
    if not given:
        return None
    path = Path(given).expanduser()
    if not path.is_file():
        raise SaltCloudConfigError(f"{option}: {path} does not exist")
    if path.stat().st_mode & 0o077:
        raise SaltCloudConfigError(f"{option}: {path} can be read by others; expected mode 0400 or 0600")
    return str(path)


def file_map(provider: Provider, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the files to upload, with paths that exist here.

    A file may be given relative to where salt-cloud is run, to its configuration, or by the name it has among
    the deploy scripts (Salt's own ``bootstrap-salt.sh`` is one of them).

    Raises:
        SaltCloudConfigError: There is no such file.
    """
    places = [
        Path(),
        Path(provider.opts["conf_file"]).parent,
        *map(Path, provider.opts.get("deploy_scripts_search_path", ())),
    ]
    found = {}
    for given, target in (settings.get("file_map") or {}).items():
        candidates = [place / Path(given).expanduser() for place in places]
        existing = [path for path in candidates if path.exists()]
        if not existing:
            raise SaltCloudConfigError(f"file_map: {given} is in none of {', '.join(map(str, places))}")
        found[str(existing[0])] = target
    return found


def _with_file_map(provider: Provider, vm_: dict[str, Any], files: dict[str, str]) -> Mapping[str, Any]:
    """Put a file_map into a machine; return opts whose profile has none: salt-cloud would add that one's."""
    if not files:
        return provider.opts
    vm_["file_map"] = files
    opts = dict(provider.opts)
    opts["profiles"] = {
        name: {key: value for key, value in profile.items() if key != "file_map"}
        for name, profile in opts["profiles"].items()
    }
    return opts


def master_finger(provider: Provider) -> str | None:
    """Return the fingerprint of the public key of the master here, None if there is no master.

    salt-cloud hands it to new minions only where it has launched the master itself.
    """
    path = Path(provider.opts["pki_dir"]) / "master.pub"
    if not path.is_file():
        return None
    return str(salt.utils.crypt.pem_finger(str(path), sum_type=provider.opts["hash_type"]))


def _gateway(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    if not settings.get("ssh_gateway"):
        return None
    gateway = {
        ours: settings[option] for option, ours in _GATEWAY.items() if settings.get(option) is not None
    }
    gateway.setdefault("ssh_gateway_user", "root")
    gateway.setdefault("ssh_gateway_command", "nc -q0 %h %p")
    gateway["ssh_gateway_key"] = key_file(settings, "ssh_gateway_private_key") or key_file(
        settings, "private_key"
    )
    return gateway


def _username(vm_: dict[str, Any], settings: Mapping[str, Any], port: int, gateway: Any) -> str:
    """Return the user to log in as: the one that is set, or the first of several that is let in."""
    users = as_list(settings.get("ssh_username")) or list(USERS)
    if len(users) == 1:
        return users[0]
    rounds = int(settings.get("wait_for_passwd_maxtries") or PASSWD_TRIES)
    for _ in range(rounds):  # cloud-init may not have made the user yet
        for user in users:
            if salt.utils.cloud.wait_for_passwd(
                host=vm_["ssh_host"],
                port=port,
                username=user,
                ssh_timeout=int(settings.get("wait_for_passwd_timeout") or PASSWD_TIMEOUT),
                key_filename=vm_["key_filename"],
                maxtries=1,
                gateway=gateway,
                display_ssh_output=False,
            ):
                return user
        time.sleep(PASSWD_INTERVAL)
    raise SaltCloudExecutionFailure(f"{vm_['name']}: SSH lets in none of the users {', '.join(users)}")


def _checked(answer: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what bootstrap answered; raise what it only says, not raises."""
    if answer.get("Error"):
        raise SaltCloudExecutionFailure(f"{name}: bootstrap failed: {answer['Error']}")
    failed = answer.get("File Upload Failure")
    if failed:
        raise SaltCloudExecutionFailure(f"{name}: file_map: these files do not exist here: {failed}")
    return answer
