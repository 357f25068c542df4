"""What salt-cloud launches agrees with what pillar says of the hosts."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from compiled import MAP, ROOT, Minion
from loader import load

fleet_module = load("_modules/fleet.py")
PROFILES = yaml.safe_load((ROOT / "cloud.profiles").read_text())
HOSTS = [(profile, host) for profile, hosts in yaml.safe_load(MAP.read_text()).items() for host in hosts]


def _profile(name: str) -> dict[str, Any]:
    """Return a profile with what it extends, as salt-cloud merges them: key by key, the top level only."""
    own = PROFILES[name]
    return _profile(own["extends"]) | own if "extends" in own else own


@pytest.fixture
def fleet(minion: Callable[..., Minion]) -> dict[str, Any]:
    return minion("salt-1").pillar["fleet"]


@pytest.mark.parametrize(("profile", "host"), HOSTS)
def test_a_host_has_the_groups_of_its_roles(fleet: dict[str, Any], profile: str, host: str) -> None:
    """Mutant: ``saltwatch-alertmanager`` left out of the profile ``prometheus``."""
    expected = {f"{fleet['name']}-{role}" for role in ("base", *fleet_module.roles(host, fleet))}
    assert set(_profile(profile)["securitygroupname"]) == expected
    assert expected <= set(fleet_module.security_groups(fleet))


@pytest.mark.parametrize(("profile", "host"), HOSTS)
def test_public_hosts_have_a_public_address(fleet: dict[str, Any], profile: str, host: str) -> None:
    """Mutant: ``public_roles: [master]`` in pillar/base/fleet/init.sls."""
    public = fleet["hosts"][host]["public"]
    assert _profile(profile).get("assign_public_ip", False) is public
    assert ("public" in _profile(profile)["subnetname"]) is public


@pytest.mark.parametrize(("profile", "host"), HOSTS)
def test_minions_find_the_master(fleet: dict[str, Any], profile: str, host: str) -> None:
    """Mutant: another zone in pillar than in cloud.profiles."""
    assert (
        _profile(profile)["minion"]["master"] == f"{fleet_module.hosts('master', fleet)[0]}.{fleet['zone']}"
    )
