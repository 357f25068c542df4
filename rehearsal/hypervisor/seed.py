"""What a host's disk is given before its first boot: who it trusts, and that its network is set up already.

All else (user, keys, name, user data) is cloud-init's business, from the metadata service, as on AWS.
"""

from collections.abc import Iterable
from pathlib import Path

from rehearsal.image.machine import pip_files
from rehearsal.model import File, Instance
from rehearsal.settings import Settings

_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_OWN_CAS = Path("/usr/local/share/ca-certificates")
# Libraries that bring CAs of their own are pointed to the system's.
_VARIABLES = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
_ENVIRONMENT = dict.fromkeys(_VARIABLES, _BUNDLE)
# Watched on the hosts of managed services (rehearsal/image/managed).
CHANGED = "etc/managed/changed"
# systemd-fstab-generator(8) ignores devices in a container, where no udev runs.
_MOUNT_VOLUMES = """\
[Unit]
Description=Mount the volumes of /etc/fstab, as systemd does where udev runs
DefaultDependencies=no
Conflicts=shutdown.target
After=local-fs-pre.target systemd-remount-fs.service
Before=local-fs.target shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/mount --all
"""


def seed(root: Path, settings: Settings, instance: Instance) -> None:
    """Write a host's files into its mounted, not yet booted disk.

    Args:
        root: Where the disk is mounted.
        settings: Region and CA.
        instance: Whose disk it is.

    Raises:
        FileNotFoundError: The rehearsal's CA has not been made, or the image has no CA bundle.
    """
    name = f"ip-{str(instance.private_ip).replace('.', '-')}"
    _write(root, "etc/hostname", f"{name}\n")
    _write(root, "etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
    search = f"{settings.region}.compute.internal"
    _write(root, "etc/resolv.conf", f"nameserver {settings.vpc[2]}\nsearch {search}\n")
    _write(root, "etc/cloud/cloud.cfg.d/90-network.cfg", "network: {config: disabled}\n")
    _write(root, "etc/systemd/network/05-eth0.network", "[Match]\nName=eth0\n\n[Link]\nUnmanaged=yes\n")
    _write(root, "etc/systemd/system/mount-volumes.service", _MOUNT_VOLUMES)
    wants = root / "etc/systemd/system/local-fs.target.wants/mount-volumes.service"
    wants.parent.mkdir(parents=True, exist_ok=True)
    wants.unlink(missing_ok=True)
    wants.symlink_to("../mount-volumes.service")
    # Nobody can log in at the console. A getty hangs it up: what nspawn has not read by then is lost.
    _mask(root, "console-getty.service")
    for source, target in pip_files().items():
        _write(root, target.lstrip("/"), source.read_text())
    _environment(root)
    _certificates(root, settings)


def keep(root: Path, files: Iterable[File]) -> None:
    """Have files on a disk as they are described, and touch `CHANGED` if one was not.

    Args:
        root: Where the disk is mounted; its host may run.
        files: What is described. Each is replaced whole, and readable by nobody else meanwhile.
    """
    changed = False
    for file in files:
        path = root / file.path
        if path.exists() and path.read_text() == file.text:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.new")
        new.unlink(missing_ok=True)
        new.touch(0o600)
        new.write_text(file.text)
        new.chmod(file.mode)
        new.replace(path)
        changed = True
    if changed:
        (root / CHANGED).touch()


def _mask(root: Path, unit: str) -> None:
    link = root / "etc/systemd/system" / unit
    link.unlink(missing_ok=True)
    link.symlink_to("/dev/null")


def _environment(root: Path) -> None:
    """Set variables for logins (pam_env) and for services (systemd)."""
    path = root / "etc/environment"
    before = path.read_text() if path.exists() else ""
    _write(root, "etc/environment", before + "".join(f"{k}={v}\n" for k, v in _ENVIRONMENT.items()))
    default = " ".join(f"{k}={v}" for k, v in _ENVIRONMENT.items())
    _write(root, "etc/systemd/system.conf.d/50-ca.conf", f"[Manager]\nDefaultEnvironment={default}\n")


def _certificates(root: Path, settings: Settings) -> None:
    """Have the rehearsal's CA, and those the machine's administrator added, trusted."""
    bundle = root / _BUNDLE.lstrip("/")
    trusted = bundle.read_text()
    for source in (settings.ca_certificate, *sorted(_OWN_CAS.glob("**/*.crt"))):
        text = source.read_text()
        name = f"{settings.prefix}-rehearsal.crt" if source == settings.ca_certificate else source.name
        _write(root, f"usr/local/share/ca-certificates/{name}", text)
        if text.strip() not in trusted:
            trusted = f"{trusted.rstrip()}\n{text.strip()}\n"
    _write(root, str(bundle.relative_to(root)), trusted)


def _write(root: Path, path: str, text: str) -> None:
    """Replace a file, itself and not what it may be a link to."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_text(text)
    file.chmod(0o644)
