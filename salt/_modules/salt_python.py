"""The Python environment that Salt itself runs in."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version


def missing(packages: Mapping[str, str]) -> list[str]:
    """Return those of ``packages`` (name to exact version) that are not there so, as ``name==version``.

    Unlike ``pip.list`` it starts no process: a highstate asks each time.
    """
    return [f"{name}=={wanted}" for name, wanted in packages.items() if _version(name) != wanted]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
