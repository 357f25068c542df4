"""Which services of the catalogue the hosts of this machine's fleet cannot have, each with the reason."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal.mirror import Packages

NO_FORMULA = "its formula is not part of this version"
NO_CERTIFICATE = "nginx has no certificate in this environment"


def unavailable(
    checkout: Path, services: Mapping[str, Mapping[str, Any]], pinned: Mapping[str, str], packages: Packages
) -> dict[str, str]:
    """Return the reason by service that is not there, in the catalogue's order.

    Args:
        checkout: Whose formulas there are.
        services: The catalogue.
        pinned: Grafana Labs' packages.
        packages: Those of them that can be had.
    """
    reasons = {}
    for name, row in services.items():
        package = row.get("package")
        if name == "https":
            reasons[name] = NO_CERTIFICATE
        elif package in pinned:
            if not (checkout / "salt" / package / "init.sls").exists():
                reasons[name] = NO_FORMULA
            elif package not in packages.versions:
                reasons[name] = packages.reason
    return reasons


def by_package(
    services: Mapping[str, Mapping[str, Any]], pinned: Mapping[str, str], reasons: Mapping[str, str]
) -> dict[str, str]:
    """Return the reasons with the services of one package as one, under the package's name."""
    packages = {name: services[name].get("package") for name in reasons}
    return {str(package) if package in pinned else name: reasons[name] for name, package in packages.items()}
