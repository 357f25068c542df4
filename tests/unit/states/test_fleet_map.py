"""The external pillar that reads salt-cloud's maps."""

from pathlib import Path
from typing import Any

import pytest
from compiled import MAP
from loader import load
from salt.exceptions import SaltConfigurationError

fleet_module = load("_modules/fleet.py")
fleet_map = load("_pillar/fleet_map.py", __salt__={"fleet.roles": fleet_module.roles})


@pytest.fixture
def fleet() -> dict[str, Any]:
    return {
        "roles": {"app": ["app-*"], "master": ["salt-*"]},
        "services": {"web": {"role": "app", "port": 80, "clients": ["world", "master"]}},
        "public_roles": ["master"],
        "managed": [],
        "unavailable": ["web"],
    }


def _hosts(fleet: dict[str, Any], *maps: Path) -> dict[str, Any]:
    return fleet_map.ext_pillar("any", {"fleet": fleet}, *map(str, maps))["fleet"]["hosts"]


@pytest.mark.parametrize(
    "text",
    [
        "app: [app-1, app-2]",
        "app:\n  - app-1\n  - app-2: {size: t3.small}",
        "app:\n  app-1: {}\n  app-2: {size: t3.small}",
    ],
)
def test_every_form_of_a_map(tmp_path: Path, fleet: dict[str, Any], text: str) -> None:
    """Mutant: overrides taken for the host's name."""
    path = tmp_path / "any.map"
    path.write_text(text)
    assert _hosts(fleet, path) == {name: {"profile": "app", "public": False} for name in ("app-1", "app-2")}


def test_several_maps_in_their_order(tmp_path: Path, fleet: dict[str, Any]) -> None:
    """Mutant: the first map only."""
    first, second = tmp_path / "first.map", tmp_path / "second.map"
    first.write_text("control: [salt-1]")
    second.write_text("app: [app-1]")
    assert list(_hosts(fleet, first, second)) == ["salt-1", "app-1"]


def test_public_roles_make_public_hosts(tmp_path: Path, fleet: dict[str, Any]) -> None:
    """Mutant: every host public."""
    path = tmp_path / "any.map"
    path.write_text("control: [salt-1]\napp: [app-1]")
    assert {host: row["public"] for host, row in _hosts(fleet, path).items()} == {
        "salt-1": True,
        "app-1": False,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "app: [web-1]",
            "app: host 'web-1' has no role: expected its name to match a pattern of pillar/base",
        ),
        ("app: [app-1, app-1]", "app: host 'app-1' is already in .*any.map: app: expected each host once"),
        ("app: [app-1]\nspot: [app-1]", "spot: host 'app-1' is already in .*any.map: app: "),
        ("app: [app-1]\napp: [app-2]", "not YAML: .*conflicting"),
        ("app: app-1", "app: expected a list of host names, got 'app-1'"),
        ("app: []", "app: expected a list of host names, got "),
        ("app: [[app-1]]", "app: expected a host name or 'name: overrides', got "),
        ("app: [7]", "app: expected a host name or 'name: overrides', got 7"),
        ("- app-1", "expected profiles, each with its hosts"),
        ("", "expected profiles, each with its hosts"),
        ("app: [app-1", "not YAML: "),
    ],
)
def test_broken_maps_are_refused(tmp_path: Path, fleet: dict[str, Any], text: str, message: str) -> None:
    """Mutant: each check of ``ext_pillar``, ``read_map`` and ``_host`` removed, one at a time."""
    path = tmp_path / "any.map"
    path.write_text(text)
    with pytest.raises(SaltConfigurationError, match=f"(?s)any.map: .*{message}"):
        _hosts(fleet, path)


def test_a_host_in_two_maps_is_refused(tmp_path: Path, fleet: dict[str, Any]) -> None:
    """Mutant: duplicates looked for within each map only."""
    first, second = tmp_path / "first.map", tmp_path / "second.map"
    for path in (first, second):
        path.write_text("app: [app-1]")
    with pytest.raises(
        SaltConfigurationError, match=r"second.map: app: host 'app-1' is already in .*first.map"
    ):
        _hosts(fleet, first, second)


def test_a_missing_map_is_refused(tmp_path: Path, fleet: dict[str, Any]) -> None:
    """Mutant: a missing map taken for an empty one."""
    with pytest.raises(SaltConfigurationError, match=r"nowhere.map: cannot be read"):
        _hosts(fleet, tmp_path / "nowhere.map")
    with pytest.raises(SaltConfigurationError, match="expected at least one map file"):
        _hosts(fleet)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("role", "ap", r"services.yaml: web:role: expected one of \*, app, master, got 'ap'"),
        (
            "clients",
            ["app", "moon"],
            r"web:clients: expected one of .*admins, app, master, world, got 'moon'",
        ),
    ],
)
def test_a_catalogue_with_unknown_roles_is_refused(
    fleet: dict[str, Any], key: str, value: Any, message: str
) -> None:
    """Mutant: a misspelled client role is no client, silently."""
    fleet["services"]["web"][key] = value
    with pytest.raises(SaltConfigurationError, match=message):
        _hosts(fleet, MAP)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("public_roles", "fleet:public_roles: expected one of app, master, got 'lok'"),
        ("managed", "fleet:managed: expected one of app, master, got 'lok'"),
        ("unavailable", "fleet:unavailable: expected one of web, got 'lok'"),
    ],
)
def test_unknown_names_are_refused(fleet: dict[str, Any], key: str, message: str) -> None:
    """Mutant: a misspelled service in ``unavailable`` stays available, silently."""
    fleet[key].append("lok")
    with pytest.raises(SaltConfigurationError, match=message):
        _hosts(fleet, MAP)


@pytest.mark.parametrize(
    ("managed", "parts", "message"),
    [
        ([], ["storage", "app"], "expected app in both or in neither, it is only in aws:parts"),
        (["app"], ["storage"], "expected app in both or in neither, it is only in fleet:managed"),
    ],
)
def test_what_aws_runs_is_made_there(
    tmp_path: Path, fleet: dict[str, Any], managed: list[str], parts: list[str], message: str
) -> None:
    """Mutants: one direction only; parts that are no role taken for missing; hosts refused."""
    path = tmp_path / "any.map"
    path.write_text("control: [salt-1]")
    fleet["managed"] = managed
    assert _hosts(fleet, path)
    with pytest.raises(SaltConfigurationError, match=f"fleet:managed and aws:parts: {message}"):
        fleet_map.ext_pillar("operator", {"fleet": fleet, "aws": {"parts": parts}}, str(path))
    both = {"fleet": {**fleet, "managed": ["app"]}, "aws": {"parts": ["storage", "app"]}}
    assert fleet_map.ext_pillar("operator", both, str(path))
