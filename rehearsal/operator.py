"""The operator: the person at a machine outside AWS, with this checkout and credentials.

Their commands run in a network namespace of their own, where AWS's names resolve to the region, with a
home directory of the rehearsal's. So they can reach no real AWS and read no credentials of this machine.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from rehearsal.settings import Settings

# The only variables of the caller's environment that its commands see.
_KEPT = (
    "PATH",
    "PYTHONPATH",
    "PYTHONDONTWRITEBYTECODE",
    "LANG",
    "LC_ALL",
    "TERM",
    "CI",
    "COLUMNS",
    "SALTWATCH_PREFIX",
)


class Operator:
    """Runs commands as the operator would.

    Args:
        settings: Of this rehearsal.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = settings.operator_home
        self.ssh_key = self.home / ".ssh" / "saltwatch-operator"
        self.ssh_config = self.home / ".ssh" / "config"
        self.ca_bundle = self.home / "ca-certificates.crt"

    def prepare(self) -> None:
        """Make the home: credentials of the region, an SSH key, the CAs to trust. Keeps what is there."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        for name in (".ssh", ".aws"):
            (self.home / name).mkdir(exist_ok=True)
            (self.home / name).chmod(0o700)
        credentials = self.home / ".aws" / "credentials"
        if not credentials.exists():
            write_private(
                credentials,
                "[default]\n"
                f"aws_access_key_id = AKIA{secrets.token_hex(8).upper()}\n"
                f"aws_secret_access_key = {secrets.token_urlsafe(30)}\n",
            )
            write_private(self.home / ".aws" / "config", f"[default]\nregion = {self.settings.region}\n")
        if not self.ssh_key.exists():
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", self.ssh_key],
                check=True,
            )

    def trust(self) -> None:
        """Let the operator's commands trust the region's certificates, beside those of this machine."""
        system = Path("/etc/ssl/certs/ca-certificates.crt").read_text()
        self.ca_bundle.write_text(system + self.settings.ca_certificate.read_text())

    def environment(self) -> dict[str, str]:
        """Return the whole environment of the operator's commands."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        bundle = str(self.ca_bundle)
        return kept | {
            "HOME": str(self.home),
            "AWS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SALTWATCH_SSH_CONFIG": str(self.ssh_config),
        }

    def command(self, argv: Sequence[str | Path]) -> list[str]:
        """Return the command that runs ``argv`` in the operator's network namespace."""
        return ["ip", "netns", "exec", self.settings.namespace("operator"), *(str(word) for word in argv)]

    def ssh(self, host: str, command: str = "") -> list[str]:
        """Return the command that runs ``command`` (a shell's line; none: a login) on a host of the fleet."""
        return self.command(["ssh", "-F", self.ssh_config, host, *([command] if command else [])])


def write_private(path: Path, text: str) -> None:
    """Write a file that only root can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    shutil.move(temporary, path)
