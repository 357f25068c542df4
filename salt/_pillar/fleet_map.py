"""External pillar ``fleet_map``: adds the hosts of salt-cloud's maps to the fleet.

In the configuration of the master (or of a masterless minion)::

    ext_pillar:
      - fleet_map: [/srv/saltwatch/cloud.map]

It adds ``fleet:hosts``, minion id → ``profile`` and ``public`` (whether the host has a public address: it has
one of ``fleet:public_roles``). A broken map or catalogue is refused: Salt turns what is raised here into a
pillar error, and states do not run with one.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from salt.exceptions import SaltConfigurationError
from salt.utils.yamlloader import SaltYamlSafeLoader

CATALOGUE = "pillar/base/fleet/services.yaml"
ROLES = "pillar/base/fleet/roles.yaml"
OPERATOR = "operator"  # the minion id of the machine that makes what AWS runs


def ext_pillar(minion_id: str, pillar: Mapping[str, Any], *maps: str) -> dict[str, Any]:
    """Return ``{"fleet": {"hosts": …}}`` from the files ``maps``, in their order; the same for every minion.

    Raises:
        SaltConfigurationError: a map or the catalogue is broken; the message names file and key.
    """
    fleet = pillar.get("fleet")
    if not isinstance(fleet, Mapping):
        raise SaltConfigurationError("pillar/base/fleet/init.sls: expected the key 'fleet' in the pillar")
    _check_catalogue(fleet)
    if minion_id == OPERATOR:
        _check_managed(fleet, pillar.get("aws", {}))
    if not maps:
        raise SaltConfigurationError("ext_pillar:fleet_map: expected at least one map file")
    hosts: dict[str, dict[str, Any]] = {}
    origin: dict[str, str] = {}
    for path in maps:
        for profile, host in read_map(Path(path)):
            where = f"{path}: {profile}: host {host!r}"
            if host in origin:
                raise SaltConfigurationError(f"{where} is already in {origin[host]}: expected each host once")
            origin[host] = f"{path}: {profile}"
            roles = __salt__["fleet.roles"](host, fleet)
            if not roles:
                raise SaltConfigurationError(
                    f"{where} has no role: expected its name to match a pattern of {ROLES}"
                )
            public = not set(fleet.get("public_roles", ())).isdisjoint(roles)
            hosts[host] = {"profile": profile, "public": public}
    return {"fleet": {"hosts": hosts}}


def read_map(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (profile, host) of each host of a map.

    Of the forms that salt-cloud reads, these: a list of names, a list of ``name: overrides``, and a
    dictionary of those (https://docs.saltproject.io/en/3008/topics/cloud/map.html).

    Raises:
        SaltConfigurationError: no such file, not YAML, or another shape.
    """
    try:
        content = yaml.load(path.read_text(), SaltYamlSafeLoader)  # noqa: S506 - safe, and refuses duplicate keys
    except (OSError, UnicodeDecodeError) as error:
        raise SaltConfigurationError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise SaltConfigurationError(f"{path}: not YAML: {error}") from error
    if not isinstance(content, dict) or not content:
        raise SaltConfigurationError(f"{path}: expected profiles, each with its hosts")
    for profile, entries in content.items():
        where = f"{path}: {profile}"
        if not isinstance(entries, list | dict) or not entries:
            raise SaltConfigurationError(f"{where}: expected a list of host names, got {entries!r}")
        for entry in entries:
            yield profile, _host(entry, where)


def _host(entry: Any, where: str) -> str:
    if isinstance(entry, dict) and len(entry) == 1:
        (entry,) = entry
    if not isinstance(entry, str):
        raise SaltConfigurationError(f"{where}: expected a host name or 'name: overrides', got {entry!r}")
    return entry


def _check_catalogue(fleet: Mapping[str, Any]) -> None:
    """Refuse names of roles or services that are not there; shapes are the schema's matter."""
    known = set(fleet.get("roles", ()))
    rows = fleet.get("services", {})
    for name, row in rows.items():
        _check_names(f"{CATALOGUE}: {name}:role", [row.get("role")], known | {"*"})
        _check_names(f"{CATALOGUE}: {name}:clients", row.get("clients", ()), known | {"*", "world", "admins"})
    _check_names("fleet:public_roles", fleet.get("public_roles", ()), known)
    _check_names("fleet:managed", fleet.get("managed", ()), known)
    _check_names("fleet:unavailable", fleet.get("unavailable", ()), set(rows))


def _check_managed(fleet: Mapping[str, Any], aws: Mapping[str, Any]) -> None:
    """Refuse a role that AWS is said to run and is not made there, or the reverse: hosts rely on both."""
    managed = set(fleet.get("managed", ()))
    made = set(aws.get("parts", ())) & set(fleet.get("roles", ()))
    for role in sorted(managed ^ made):
        where = "fleet:managed" if role in managed else "aws:parts"
        raise SaltConfigurationError(
            f"fleet:managed and aws:parts: expected {role} in both or in neither, it is only in {where}"
        )


def _check_names(where: str, names: Iterable[Any], known: set[str]) -> None:
    for name in names:
        if name not in known:
            raise SaltConfigurationError(f"{where}: expected one of {', '.join(sorted(known))}, got {name!r}")
