"""What salt-cloud launches agrees with what pillar says of the hosts."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from compiled import MAPS, ROOT, Minion, members
from loader import load

fleet_module = load("_modules/fleet.py")
PROFILES = yaml.safe_load((ROOT / "cloud.profiles").read_text())
# Each host of each environment that is launched, with what its map overrides of its profile.
LAUNCHED = [(env, *member) for env in ("dev", "prod") for member in members(MAPS[env])]


def _profile(name: str) -> dict[str, Any]:
    """Return a profile with what it extends, as salt-cloud merges them: key by key, the top level only."""
    own = PROFILES[name]
    return _profile(own["extends"]) | own if "extends" in own else own


@pytest.fixture(params=LAUNCHED, ids=lambda launched: f"{launched[0]}-{launched[2]}")
def launched(request: pytest.FixtureRequest, minion: Callable[..., Minion]) -> tuple[Any, ...]:
    """A host, the settings it is launched with, and the fleet's pillar of its environment."""
    env, profile, host, overrides = request.param
    return host, _profile(profile) | overrides, minion("salt-1", env).pillar["fleet"]


def test_a_host_has_the_groups_of_its_roles(launched: tuple[Any, ...]) -> None:
    """Mutant: ``saltwatch-alertmanager`` left out of the profile ``prometheus``."""
    host, settings, fleet = launched
    expected = {f"{fleet['name']}-{role}" for role in ("base", *fleet_module.roles(host, fleet))}
    assert set(settings["securitygroupname"]) == expected
    assert expected <= set(fleet_module.security_groups(fleet))


def test_public_hosts_have_a_public_address(launched: tuple[Any, ...]) -> None:
    """Mutants: ``public_roles: [master]`` in pillar/base/fleet/init.sls; app-2 of prod.map in private-b."""
    host, settings, fleet = launched
    public = fleet["hosts"][host]["public"]
    assert settings.get("assign_public_ip", False) is public
    assert ("public" in settings["subnetname"]) is public


def test_minions_find_the_master(launched: tuple[Any, ...]) -> None:
    """Mutant: another zone in pillar than in cloud.profiles."""
    _, settings, fleet = launched
    assert settings["minion"]["master"] == f"{fleet_module.hosts('master', fleet)[0]}.{fleet['zone']}"


def test_prod_has_two_of_what_must_not_be_alone(minion: Callable[..., Minion]) -> None:
    """Mutant: app-2 or prometheus-2 taken out of prod.map, or put beside the first."""
    fleet = minion("salt-1", "prod").pillar["fleet"]
    subnets = {
        host: (_profile(profile) | overrides)["subnetname"]
        for profile, host, overrides in members(MAPS["prod"])
    }
    for role in ("prometheus", "alertmanager", "app"):
        zones = {subnets[host][-1] for host in fleet_module.hosts(role, fleet)}
        assert zones == {"a", "b"}, role
    assert fleet_module.hosts("database", fleet) == []
    assert "saltwatch-database" in fleet_module.security_groups(fleet)


def test_what_keeps_data_in_prod_is_not_terminated_by_mistake() -> None:
    """Mutant: ``*store`` of prod.map without termination_protection."""
    for profile, host, overrides in members(MAPS["prod"]):
        settings = _profile(profile) | overrides
        keeps = "volumes" in settings or host.startswith("salt-")
        assert settings.get("termination_protection", False) is keeps, host


def test_prometheus_leaves_room_on_its_volume(minion: Callable[..., Minion]) -> None:
    """Mutant: ``retention_size: 210GB`` in pillar/prod/environment/prometheus.sls."""
    for env in ("dev", "prod"):
        ((overrides, profile),) = [
            (overrides, profile) for profile, host, overrides in members(MAPS[env]) if host == "prometheus-1"
        ]
        (volume,) = (_profile(profile) | overrides)["volumes"]
        files = minion("prometheus-1", env).files
        (size,) = re.findall(r"retention\.size=(\d+)GB", files["/etc/default/prometheus"])
        assert int(size) * 1e9 < 0.9 * volume["size"] * 2**30
