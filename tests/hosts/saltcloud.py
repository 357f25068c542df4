"""salt-cloud on the control node, as its administrator uses it."""

import subprocess
import sys
from pathlib import Path

import boto3
import remote

from rehearsal import inventory


def run(*arguments: str, timeout: float = 900) -> tuple[int, str]:
    """Run ``salt-cloud -y ARGUMENTS`` in the checkout; return its exit code and all that it printed."""
    command = f"cd /srv/saltwatch && sudo salt-cloud -y {' '.join(arguments)} 2>&1"
    done = subprocess.run(
        ["ssh", "-F", remote.SSH_CONFIG, "salt-1", command],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return done.returncode, done.stdout


def instances() -> dict[str, str]:
    """Return the ids of the instances that run or are about to, by name."""
    return {each.name: each.instance_id for each in inventory.find(boto3.client("ec2"))}


def write_ssh_files() -> None:
    """Let ssh know new hosts' addresses and keys, as every run of `./rehearse` does."""
    directory = Path(remote.SSH_CONFIG).parent
    options = subprocess.run(
        ["ssh", "-F", remote.SSH_CONFIG, "-G", "salt-1"], capture_output=True, text=True, check=True
    ).stdout
    identity = next(line.split()[1] for line in options.splitlines() if line.startswith("identityfile "))
    subprocess.run([sys.executable, "-m", "rehearsal.inventory", str(directory), identity], check=True)
