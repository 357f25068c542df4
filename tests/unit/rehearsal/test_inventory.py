"""Host keys from consoles, and ssh's files from EC2's answers."""

from pathlib import Path

from rehearsal.inventory import Host, host_keys, known_hosts, ssh_config

CONSOLE = (
    "boot\r\n-----BEGIN SSH HOST KEY KEYS-----\r\nssh-ed25519 OLD root@h\r\n"
    "-----END SSH HOST KEY KEYS-----\r\n"
    "boot\r\n-----BEGIN SSH HOST KEY KEYS-----\r\nssh-ed25519 NEW root@h\r\n[  OK  ] Started foo\r\n"
    "ecdsa-sha2-nistp256 OTHER root@h\r\n-----END SSH HOST KEY KEYS-----\r\nlogin:"
)


def test_host_keys_are_those_of_the_newest_boot_and_nothing_between_them() -> None:
    """Mutant: partition instead of rpartition; or take every line."""
    assert host_keys(CONSOLE) == ("ssh-ed25519 NEW", "ecdsa-sha2-nistp256 OTHER")


def test_a_torn_console_offers_no_keys() -> None:
    """Mutant: ignore the missing end marker."""
    assert host_keys(CONSOLE.rpartition("-----END")[0]) == ()


def test_only_the_control_node_is_reached_directly() -> None:
    """Mutant: use public addresses wherever there is one."""
    hosts = [
        Host("app-1", "i-1", "10.0.0.9", "203.0.113.9", ("ssh-ed25519 A",)),
        Host("salt-1", "i-2", "10.0.0.8", "203.0.113.8", ("ssh-ed25519 B",)),
    ]
    config = ssh_config(hosts, Path("/home"), Path("/home/key"))
    assert "Host app-1\n  HostName 10.0.0.9\n  User operator\n  ProxyJump salt-1" in config
    assert "Host salt-1\n  HostName 203.0.113.8\n  User admin\n  ProxyJump none" in config
    assert "StrictHostKeyChecking yes" in config
    assert known_hosts(hosts) == "app-1 ssh-ed25519 A i-1\nsalt-1 ssh-ed25519 B i-2\n"


def test_keys_that_a_console_has_no_more_are_not_forgotten() -> None:
    """Nor is a host that was replaced taken for the old one.

    Mutants: nothing kept; the name looked at only.
    """
    before = "app-1 ssh-ed25519 A i-1\nloki-1 ssh-ed25519 C i-3\n"
    told = [
        Host("app-1", "i-1", "10.0.0.9", None, ()),
        Host("loki-1", "i-4", "10.0.0.7", None, ()),
        Host("salt-1", "i-2", "10.0.0.8", None, ("ssh-ed25519 B",)),
    ]
    assert known_hosts(told, before) == "app-1 ssh-ed25519 A i-1\nsalt-1 ssh-ed25519 B i-2\n"
