"""What every host has: an answering minion, healthy and hardened units, its services and no others."""

import json
from typing import Any

import catalogue
import pytest
import remote
from testinfra.host import Host

# Roles that keep something on a volume of their own.
STATEFUL = {"prometheus", "loki", "tempo", "mimir", "grafana", "database"}
# Exposure (0 to 10, `systemd-analyze security`) up to which a unit counts as hardened: "OK" ends there.
EXPOSURE = 5.0
# Ours to harden; Debian's sshd, MariaDB and Salt itself have to be able to do anything, or do it themselves.
HARDENED = {
    "node",
    "prometheus",
    "alertmanager",
    "blackbox",
    "http",
    "nginx",
    "app",
    "wireguard",
    "alloy",
    "watchdog",
    "grafana",
}


@pytest.fixture(scope="session")
def answers() -> dict[str, Any]:
    """What all minions say to a ping."""
    return remote.salt("*", "test.ping")


def test_every_host_of_the_map_answers_and_no_other(answers: dict[str, Any]) -> None:
    """Mutant: a minion stopped, or a key accepted that the map does not know."""
    assert answers == dict.fromkeys(catalogue.hosts(), True)


def test_keys_are_those_of_the_map() -> None:
    """Mutant: a key of a host that is gone, or one left waiting."""
    keys = json.loads(remote.run("salt-1", "salt-key", "--list=all", "--out=json"))
    assert sorted(keys["minions"]) == sorted(catalogue.hosts())
    assert not keys["minions_pre"]
    assert not keys["minions_rejected"]


def test_no_unit_failed(host: Host) -> None:
    """Mutant: any unit that fails."""
    assert host.check_output("systemctl list-units --failed --no-legend --plain") == ""


def test_services_run_and_start_at_boot(host: Host, minion_id: str) -> None:
    """Mutant: `enable: True` left out, or the service stopped."""
    wrong = {}
    for name, row in catalogue.daemons(minion_id).items():
        unit = catalogue.unit(name, row)
        state = (host.service(unit).is_running, host.service(unit).is_enabled)
        if state != (True, True):
            wrong[unit] = f"running, enabled: {state}"
    assert not wrong


def test_services_of_the_catalogue_listen_and_no_others(host: Host, minion_id: str) -> None:
    """What is bound to the loopback address is nobody else's business.

    Mutant: a second port opened by a daemon's default, as Alertmanager's cluster or nginx's default site.
    """
    listening = set()
    for line in host.check_output("ss -Hlntu").splitlines():
        protocol, _, _, _, local = line.split()[:5]
        address, _, port = local.rpartition(":")
        if not address.startswith(("127.", "[::1]")) and not address.endswith("%lo"):
            listening.add((int(port), protocol))
    rows = catalogue.daemons(minion_id).values()
    assert listening == {(row["port"], row.get("protocol", "tcp")) for row in rows}


def test_units_are_hardened(host: Host, minion_id: str) -> None:
    """Mutant: a unit's drop-in removed."""
    units = {
        catalogue.unit(name, row) for name, row in catalogue.daemons(minion_id).items() if name in HARDENED
    }
    table = json.loads(host.check_output("systemd-analyze security --json=short --no-pager"))
    exposure = {row["unit"]: float(row["exposure"]) for row in table}
    assert not {unit: exposure[unit] for unit in units if exposure[unit] > EXPOSURE}


def test_data_is_on_its_own_volume(host: Host, minion_id: str) -> None:
    """Mutant: the mount's state left out; data then goes with its host."""
    roles = set(catalogue.functions().roles(minion_id, catalogue.fleet()))
    assert host.file("/srv/data").is_directory
    if not roles & STATEFUL:
        assert not host.mount_point("/srv/data").exists
        return
    mount = host.mount_point("/srv/data")
    assert mount.exists
    assert mount.filesystem == "ext4"
    volumes = host.check_output("readlink -f /dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol*").split()
    assert host.check_output("readlink -f %s", mount.device) in volumes
    # By a name that stays, so that the next boot finds it.
    assert any(line.split()[1:2] == ["/srv/data"] for line in _fstab(host))


def _fstab(host: Host) -> list[str]:
    lines = host.file("/etc/fstab").content_string.splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def test_nobody_logs_in_with_a_password(host: Host) -> None:
    """Mutant: `PasswordAuthentication yes`."""
    settings = dict(line.split(None, 1) for line in host.check_output("sshd -T").splitlines() if " " in line)
    assert settings["passwordauthentication"] == "no"
    assert settings["permitrootlogin"] in ("no", "prohibit-password", "without-password")


def test_login_shells_exist(minion_id: str) -> None:
    """Salt's commands as the user salt refuse to run where nologin is missing.

    Mutant: ``login`` left out of the image's packages.
    """
    shells = {line.rsplit(":", 1)[1] for line in remote.run(minion_id, "getent", "passwd").splitlines()}
    assert "/usr/sbin/nologin" in shells
    for shell in shells:
        remote.run(minion_id, "test", "-x", shell)
