"""What a host's low state asks for, in terms that any configuration manager knows.

Kinds of resources and their keys are the same for every peer; a peer's own words for them are in the files of
its directory here.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Chunk = Mapping[str, Any]
Values = dict[str, Any]

# In the order in which a peer makes them. Packages are one list, told to the package manager once.
KINDS = (
    "packages",
    "groups",
    "users",
    "directories",
    "files",
    "attributes",
    "absent",
    "sysctls",
    "mounts",
    "commands",
    "services",
)
# What leaves a host of its low state: no argument that may be a secret.
KEPT = (
    *("state", "fun", "name", "onchanges", "pkgs", "user", "group", "mode", "dir_mode", "replace"),
    *("gid", "groups", "home", "shell", "system", "createhome", "enable", "value", "config"),
    *("device", "fstype", "opts", "pass_num", "makes", "cwd"),
)


@dataclass
class Work:
    """One host's.

    Args:
        resources: What peers are told, by kind.
        told: How many states became one of them, or part of one, by function.
        left_out: How many states peers are not told, by function.
        handlers: How many states only run when another one changes something: no work for peers either.
    """

    resources: dict[str, list[Values]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    told: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    handlers: int = 0

    @property
    def states(self) -> int:
        """How many states the highstate has."""
        return self.told.total() + self.left_out.total() + self.handlers

    @property
    def count(self) -> int:
        """How many results a peer has to report: one of each resource, but one of all packages."""
        others = sum(len(found) for kind, found in self.resources.items() if kind != "packages")
        return others + bool(self.resources["packages"])


def translate(chunks: Iterable[Chunk]) -> Work:
    """Return the work that a host's low state is.

    Args:
        chunks: As ``state.show_lowstate`` returns them; keys that are not in `KEPT` are not needed.
    """
    work = Work()
    for chunk in chunks:
        function = f"{chunk['state']}.{chunk['fun']}"
        if chunk.get("onchanges"):
            work.handlers += 1
            continue
        found = _TRANSLATIONS.get(function, _nothing)(chunk)
        if found is None:
            work.left_out[function] += 1
            continue
        work.told[function] += 1
        kind, resources = found
        for each in resources:
            _add(work.resources[kind], each)
    return work


def _add(resources: list[Values], new: Values) -> None:
    """Add a resource, or what this state says more of one that is there."""
    for old in resources:
        if old["name"] == new["name"]:
            old.update({key: value for key, value in new.items() if value is not None})
            return
    resources.append(new)


Found = tuple[str, list[Values]] | None


def _nothing(_: Chunk) -> Found:
    return None


def _packages(chunk: Chunk) -> Found:
    found: list[Values] = []
    for each in chunk["pkgs"]:
        # A name, or a mapping of one name to its version.
        ((name, version),) = each.items() if isinstance(each, Mapping) else ((each, None),)
        found.append({"name": name, "version": version})
    return "packages", found


def _file(chunk: Chunk) -> Found:
    kind = "attributes" if chunk.get("replace") is False else "files"
    return kind, [_owned(chunk)]


def _directory(chunk: Chunk) -> Found:
    return "directories", [_owned(chunk) | {"mode": chunk.get("mode") or chunk.get("dir_mode")}]


def _owned(chunk: Chunk) -> Values:
    return {key: chunk.get(key) for key in ("name", "user", "group", "mode")}


def _absent(chunk: Chunk) -> Found:
    return "absent", [{"name": chunk["name"]}]


def _group(chunk: Chunk) -> Found:
    return "groups", [{"name": chunk["name"], "system": bool(chunk.get("system"))}]


def _user(chunk: Chunk) -> Found:
    keys = ("name", "home", "shell", "groups")
    own = {"group": chunk.get("gid"), "system": bool(chunk.get("system"))}
    return "users", [
        {key: chunk.get(key) for key in keys} | own | {"create_home": chunk.get("createhome", True)}
    ]


def _sysctl(chunk: Chunk) -> Found:
    values = {"value": str(chunk["value"]), "file": chunk.get("config")}
    return "sysctls", [{"name": chunk["name"], **values}]


def _mount(chunk: Chunk) -> Found:
    options = chunk["opts"] if isinstance(chunk["opts"], list) else str(chunk["opts"]).split(",")
    values = {"device": chunk["device"], "type": chunk["fstype"], "options": options}
    return "mounts", [{"name": chunk["name"], **values, "pass_number": str(chunk.get("pass_num", 0))}]


def _command(chunk: Chunk) -> Found:
    """Translate what makes a file; a command that another one decides on is not native to all."""
    if not chunk.get("makes"):
        return None
    return "commands", [{"name": chunk["name"], "creates": chunk["makes"], "directory": chunk.get("cwd")}]


def _service(chunk: Chunk) -> Found:
    running = chunk["fun"] == "running"
    return "services", [{"name": chunk["name"], "running": running, "enabled": chunk.get("enable")}]


_TRANSLATIONS: dict[str, Callable[[Chunk], Found]] = {
    "pkg.installed": _packages,
    "file.managed": _file,
    "file.directory": _directory,
    "file.absent": _absent,
    "group.present": _group,
    "user.present": _user,
    "sysctl.present": _sysctl,
    "mount.mounted": _mount,
    "once.run": _command,
    "service.running": _service,
    "service.dead": _service,
}
