"""What a Windows machine needs before salt-cloud can install a minion there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import salt.utils.cloud
from salt.exceptions import SaltCloudConfigError, SaltCloudExecutionFailure, SaltCloudExecutionTimeout

from . import attributes, machines
from .errors import explained
from .provider import Provider

# Windows has its password some minutes after the launch.
INTERVAL = 15.0
SMB_PORT = 445
# ``win_password`` that stands for the one which EC2 makes.
AUTO = "auto"


def prepare(
    provider: Provider,
    vm_: dict[str, Any],
    instance: machines.Instance,
    settings: Mapping[str, Any],
    timeout: float,
) -> None:
    """Wait until a machine takes its administrator's password, which is put into ``vm_`` if it is ``auto``.

    Args:
        provider: Where.
        vm_: The machine as salt-cloud handed it to ``create``, with its address in ``ssh_host``.
        instance: As EC2 describes it.
        settings: The machine's.
        timeout: Seconds for the password, and for the port of SMB.

    Raises:
        SaltCloudConfigError: The password is to be decrypted, and there is no ``private_key``.
        SaltCloudExecutionFailure: It was not in time, or the password is wrong.
    """
    if settings.get("win_password") == AUTO:
        if not vm_.get("key_filename"):
            raise SaltCloudConfigError("win_password: `auto` needs `private_key`, to decrypt it")
        vm_["win_password"] = _password(provider, instance, vm_["key_filename"], timeout)
    if not salt.utils.cloud.wait_for_port(vm_["ssh_host"], port=SMB_PORT, timeout=timeout):
        raise SaltCloudExecutionTimeout(
            f"{vm_['name']}: no SMB on {vm_['ssh_host']}:{SMB_PORT} within {timeout:.0f} s"
        )
    if settings.get("use_winrm"):
        return  # salt.utils.cloud.bootstrap waits for it itself
    accepted = salt.utils.cloud.validate_windows_cred(
        vm_["ssh_host"],
        settings.get("win_username") or "Administrator",
        vm_.get("win_password") or settings.get("win_password"),
        retries=int(settings.get("win_deploy_auth_retries") or 10),
        retry_delay=int(settings.get("win_deploy_auth_retry_delay") or 1),
    )
    if not accepted:
        raise SaltCloudExecutionFailure(f"{vm_['name']}: Windows does not take `win_password`")


def _password(provider: Provider, instance: machines.Instance, key_file: str, timeout: float) -> str:
    id_ = instance["InstanceId"]
    deadline = time.monotonic() + timeout
    while True:
        with explained(f"asking for the password of {machines.name(instance)}"):
            encrypted = provider.client().get_password_data(InstanceId=id_)["PasswordData"].strip()
        if encrypted:
            return attributes.decrypted(encrypted, None, key_file)
        if time.monotonic() >= deadline:
            raise SaltCloudExecutionTimeout(f"{id_}: Windows has set no password within {timeout:.0f} s")
        time.sleep(INTERVAL)
