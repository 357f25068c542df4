"""The fleet as the checkout describes it: maps, profiles, roles and the service catalogue."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from rehearsal.progress import StepError

# Of the operator's machine; names the environment and its map.
CONFIGURATION = "operator/minion"


class Fleet:
    """What the checkout says the fleet is, read before anything is started.

    Which environment and which map that is, the operator's own configuration says, as it does on AWS.

    Args:
        checkout: The checkout.

    Raises:
        StepError: A file is missing or broken, or the map names a profile that is not there; says which.
    """

    def __init__(self, checkout: Path) -> None:
        self._checkout = checkout
        self._functions = _load(checkout / "salt/_modules/fleet.py")
        base = checkout / "pillar/base/fleet"
        self._pillar = {"roles": _yaml(base / "roles.yaml"), "services": _yaml(base / "services.yaml")}
        self.services: dict[str, Any] = self._pillar["services"]
        self.vendor_versions: dict[str, str] = _yaml(base / "versions.yaml")["grafana"]
        reader = _load(checkout / "salt/_pillar/fleet_map.py")
        profiles = _yaml(checkout / "cloud.profiles")
        self.environment, self.map = _configured(checkout)
        overlay = checkout / "pillar" / self.environment / "environment/init.sls"
        # The roles that AWS runs and no host.
        self.managed: list[str] = _yaml(overlay).get("fleet", {}).get("managed", [])
        self.hosts: list[str] = []
        try:
            for profile, host in reader.read_map(checkout / self.map):
                if profile not in profiles:
                    raise StepError(
                        f"{self.map}: {profile}: no such profile in cloud.profiles",
                        advice=f"one of: {', '.join(profiles)}",
                    )
                self.hosts.append(host)
        except reader.SaltConfigurationError as error:
            raise StepError(str(error), advice="mend the map and run again") from error

    def roles(self, host: str) -> list[str]:
        """Return the roles of a host."""
        return self._functions.roles(host, self._pillar)

    def port(self, service: str) -> int:
        """Return the port of a service."""
        return self._pillar["services"][service]["port"]


def _configured(checkout: Path) -> tuple[str, str]:
    """Return the environment and the map that the operator works on."""
    told = _yaml(checkout / CONFIGURATION)
    try:
        (_, environment, _) = told["pillar_roots"]["base"]
        (map_,) = next(each["fleet_map"] for each in told["ext_pillar"] if "fleet_map" in each)
        return Path(environment).name, map_
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise StepError(
            f"{CONFIGURATION}: expected three pillar_roots, the environment in the middle, and one fleet_map",
            advice="docs/aws/README.md says how an environment is chosen",
        ) from error


def _yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise StepError(f"{path}: {error}", advice="mend it and run again") from error
    if not isinstance(content, dict):
        raise StepError(
            f"{path}: expected a mapping, got {type(content).__name__}", advice="mend it and run again"
        )
    return content


def _load(path: Path) -> ModuleType:
    """Import one of Salt's loader modules from its file."""
    spec = importlib.util.spec_from_file_location(f"saltwatch_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise StepError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
