"""SSH host keys: known from the machine's console before anything is sent to it.

cloud-init prints a new machine's public host keys on its console, which EC2 hands out over its API. So they
are known without trusting the network, and every connection of the bootstrap is held to them.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import salt.utils.context
from salt.exceptions import SaltCloudExecutionFailure

from . import console, ssh
from .provider import Provider

log = logging.getLogger(__name__)

BEGIN = "-----BEGIN SSH HOST KEY KEYS-----"
END = "-----END SSH HOST KEY KEYS-----"
REQUIRED, OFFERED, UNCHECKED = "required", "offered", "unchecked"
TIMEOUT = 300.0
INTERVAL = 5.0
# What salt.utils.cloud writes into every command line.
_NO_CHECKING = "-oStrictHostKeyChecking=no"
# salt.utils.cloud's default of ``known_hosts_file``.
NOWHERE = "/dev/null"
_NO_KNOWN_HOSTS = f"-oUserKnownHostsFile={NOWHERE}"


def parse(text: str) -> list[str]:
    """Return the public keys (``type base64``) of the last complete block of host keys on a console."""
    block: list[str] = []
    complete: list[str] = []
    inside = False
    for line in text.splitlines():
        if BEGIN in line:
            inside, block = True, []
        elif END in line:
            inside, complete = False, block
        elif inside:
            # journald and the kernel may put a prefix before what cloud-init prints.
            words = line.split()
            for index, word in enumerate(words[:-1]):
                if word.startswith(("ssh-", "ecdsa-sha2-", "sk-")):
                    block.append(f"{word} {words[index + 1]}")
                    break
    return complete


def read(provider: Provider, instance_id: str, settings: Mapping[str, Any]) -> list[str]:
    """Return a machine's host keys from its console, waiting for them as long as the settings say.

    Returns:
        ``type base64`` of each; none if they are not to be checked, or not offered and not required.

    Raises:
        SaltCloudExecutionFailure: They are required and were not on the console in time.
    """
    policy = settings.get("ssh_host_keys") or OFFERED
    if policy == UNCHECKED:
        return []
    timeout = float(settings.get("ssh_host_keys_timeout") or TIMEOUT)
    deadline = time.monotonic() + timeout
    while True:
        text = console.output(provider, instance_id)
        keys = parse(text)
        if keys:
            return keys
        # cloud-init says when it is done: a machine that has printed none by then will not.
        done = "finished at" in text and "Cloud-init" in text
        if done or time.monotonic() >= deadline:
            break
        time.sleep(INTERVAL)
    waited = "until cloud-init finished" if done else f"within {timeout:.0f} s"
    message = f"{instance_id} has printed no SSH host keys on its console {waited}"
    if policy == REQUIRED:
        raise SaltCloudExecutionFailure(f"{message}, and ssh_host_keys is `required`: nothing was sent to it")
    log.warning("%s: connecting without checking them", message)
    return []


@contextlib.contextmanager
def pinned(bootstrap: Callable[..., Any], host: str, port: int, keys: list[str]) -> Iterator[None]:
    """Hold every SSH connection that ``bootstrap`` makes inside the block to these host keys, and hasten it.

    ``salt.utils.cloud`` turns host key checking off in each command that it runs, uploads of private keys
    included, and has no setting for it. All of them go through one function of it, which is replaced here by
    one that turns it on again; a command line that does not look as expected is refused.

    Args:
        bootstrap: ``salt.utils.cloud.bootstrap`` as the loader has it.
        host: Address of the machine.
        port: Of its SSH.
        keys: Its host keys; none: nothing is changed.
    """
    if not keys:
        yield
        return
    function = getattr(bootstrap, "func", bootstrap)
    run = ssh.hastened(function.__globals__["_exec_ssh_cmd"])
    with tempfile.TemporaryDirectory(prefix="salt-cloud-") as directory:
        known_hosts = Path(directory) / "known_hosts"
        note(known_hosts, host, port, keys)

        def checked(command: str, *args: Any, **kwargs: Any) -> Any:
            return run(hold(command, known_hosts), *args, **kwargs)

        with salt.utils.context.func_globals_inject(function, _exec_ssh_cmd=checked):
            yield


def note(known_hosts: Path, host: str, port: int, keys: list[str]) -> None:
    """Add a machine's host keys to a file of known hosts, in place of what it has of that address."""
    address = host if port == 22 else f"[{host}]:{port}"
    path = known_hosts.expanduser()
    others = path.read_text().splitlines() if path.exists() else []
    kept = [line for line in others if line.split(" ", 1)[0] != address]
    path.write_text("".join(f"{line}\n" for line in [*kept, *(f"{address} {key}" for key in keys)]))


def hold(command: str, known_hosts: Path) -> str:
    """Return a command line of ``salt.utils.cloud`` with host key checking turned on.

    Only the first of each option: a gateway's ``ProxyCommand`` has them again, for another host.

    Raises:
        SaltCloudExecutionFailure: It has no such option.
    """
    checked = command
    for option, replacement in (
        (_NO_CHECKING, "-oStrictHostKeyChecking=yes -oGlobalKnownHostsFile=/dev/null"),
        (_NO_KNOWN_HOSTS, f"-oUserKnownHostsFile={known_hosts}"),
    ):
        if option not in checked:
            raise SaltCloudExecutionFailure(f"cannot check SSH host keys: salt-cloud runs no {option}")
        checked = checked.replace(option, replacement, 1)
    return checked
