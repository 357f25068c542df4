"""Compile the highstate and the files of any minion of any environment: no master, no root, no network."""

import copy
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import salt.config
import salt.pillar
import salt.state
import salt.version
import yaml
from salt.state import STATE_INTERNAL_KEYWORDS
from salt.utils.yamlloader import SaltYamlSafeLoader
from shared import once

ROOT = Path(__file__).parents[3]
MAP = ROOT / "cloud.map"
# Each environment's map.
MAPS = {"dev": MAP, "prod": ROOT / "prod.map", "vagrant": MAP}
DEBIAN = {
    "kernel": "Linux",
    "os": "Debian",
    "os_family": "Debian",
    "oscodename": "trixie",
    "osmajorrelease": 13,
    "osarch": "amd64",
    "init": "systemd",
    "virtual": "container",
    "saltversion": salt.version.__version__,
    "pythonexecutable": "/opt/saltstack/salt/bin/python3",
}
# What functions take by ``**kwargs``, so that their signature does not tell.
UNNAMED_ARGUMENTS = {
    "file.directory": {"mode"},
    "module.run": {"pkg.refresh_db", "service.reload"},
    "pkg.installed": {"hold", "install_recommends"},
    "service.running": {"reload"},
}

Chunk = dict[str, Any]


def members(cloud_map: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield profile, host and what a map overrides of the profile."""
    for profile, entries in yaml.load(cloud_map.read_text(), SaltYamlSafeLoader).items():
        for entry in entries:
            ((host, overrides),) = entry.items() if isinstance(entry, dict) else ((entry, {}),)
            yield profile, host, overrides


@dataclass(frozen=True)
class Compiled:
    """A highstate that was compiled.

    Attributes:
        chunks: the states, in the order in which they would run.
        files: the text of each managed file that is made from one of here, by path.
        unknown_arguments: of states, those that their function would ignore.
    """

    chunks: list[Chunk]
    files: dict[str, str]
    unknown_arguments: list[str]


class Minion:
    """What Salt would do on one minion of one environment.

    Args:
        minion_id: its id; it need not be in the map.
        env: the environment, a pillar root.
        root_dir: where Salt keeps what it caches; one for all minions of a process, since Salt caches its
            Jinja file client per process.
        local: the pillar root of this machine, as ``pillar/local`` is in a rehearsal.
        artifacts: the file root of what the control node builds.
        cloud_map: the map to read; default: the environment's.
        shared: a directory whose other users, in other processes, need not compile the same again.
    """

    def __init__(
        self,
        minion_id: str,
        env: str,
        root_dir: Path,
        local: Path,
        artifacts: Path,
        cloud_map: Path | None = None,
        shared: Path | None = None,
    ) -> None:
        self.id, self.env, self._shared = minion_id, env, shared
        self._opts = salt.config.apply_minion_config(
            {
                "id": minion_id,
                "root_dir": str(root_dir),
                "file_client": "local",
                "file_roots": {"base": [str(ROOT / "salt"), str(artifacts)]},
                "pillar_roots": {"base": [str(local), str(ROOT / "pillar" / env), str(ROOT / "pillar/base")]},
                "module_dirs": [str(ROOT / "salt")],
                "ext_pillar": [
                    {"fleet_map": [str(cloud_map or MAPS[env])]},
                    {"pillar_schema": [str(ROOT / "pillar/schema")]},
                ],
                "autoload_dynamic_modules": False,
                "pillar_safe_render_error": False,
                "state_events": False,
            }
        )
        self._opts["grains"] = {"id": minion_id, **DEBIAN}

    @cached_property
    def pillar(self) -> dict[str, Any]:
        """The merged pillar, with ``_errors`` if it is refused."""
        return once(self._shared and self._shared / "pillar", self._compile_pillar)

    @property
    def chunks(self) -> list[Chunk]:
        """The states, in the order in which they would run."""
        return self._compiled.chunks

    @property
    def files(self) -> dict[str, str]:
        """The text of each managed file that is made from one of here, by path."""
        return self._compiled.files

    @property
    def unknown_arguments(self) -> list[str]:
        """The arguments of states that their function would ignore."""
        return self._compiled.unknown_arguments

    def apply(self) -> dict[str, Chunk] | list[str]:
        """Return what ``state.apply mock=True`` does: every state is called, none does anything.

        That is the results of the states, or the errors for which Salt refuses to run any.
        """
        return self._highstate(mocked=True).call_highstate()

    def missing_sources(self) -> Iterator[str]:
        """Yield the ``salt://`` sources that are not in the file roots."""
        for chunk in self.chunks:
            source = chunk.get("source")
            if isinstance(source, str) and source.startswith("salt://"):
                path = source.removeprefix("salt://").partition("?")[0]
                if not any((Path(root) / path).exists() for root in self._opts["file_roots"]["base"]):
                    yield f"{chunk['__id__']}: {source}"

    @cached_property
    def _compiled(self) -> Compiled:
        return once(self._shared and self._shared / "highstate", self._compile)

    def _compile_pillar(self) -> dict[str, Any]:
        opts = copy.deepcopy(self._opts)
        return salt.pillar.Pillar(opts, opts["grains"], self.id, "base").compile_pillar()

    def _compile(self) -> Compiled:
        # Templates see the ``opts`` of the loader made last: files are rendered before there is another one.
        highstate = self._highstate()
        chunks = highstate.compile_low_chunks()
        assert all(isinstance(chunk, dict) for chunk in chunks), f"{self.id} {self.env}: {chunks}"
        files = dict(self._files(chunks, highstate.state.functions))
        return Compiled(chunks, files, list(_unknown_arguments(chunks, highstate.state.states)))

    def _highstate(self, **arguments: Any) -> salt.state.HighState:
        """Return a highstate of its own, which need not compile the pillar again."""
        pillar = copy.deepcopy(self.pillar)
        return salt.state.HighState(copy.deepcopy(self._opts), initial_pillar=pillar, **arguments)

    def _files(self, chunks: list[Chunk], functions: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for chunk in chunks:
            if f"{chunk['state']}.{chunk['fun']}" == "file.managed":
                if str(chunk.get("source")).startswith("salt://"):
                    yield chunk["name"], self._text(chunk, functions)
                elif str(chunk.get("contents")).startswith("# Managed by Salt: salt://"):
                    yield chunk["name"], chunk["contents"]

    def _text(self, chunk: Chunk, functions: Mapping[str, Any]) -> str:
        rendered, _, error = functions["file.get_managed"](
            chunk["name"],
            template=chunk.get("template"),
            source=chunk["source"],
            source_hash="",
            source_hash_name=None,
            user=None,
            group=None,
            mode=None,
            attrs=None,
            saltenv="base",
            context=chunk.get("context"),
            defaults=chunk.get("defaults"),
        )
        assert not error, f"{self.id} {self.env}: {chunk['__id__']}: {error}"
        if not rendered:  # no template: the file as it is
            return Path(functions["cp.cache_file"](chunk["source"])).read_text()
        text = Path(rendered).read_text()
        Path(rendered).unlink()  # a temporary file, left to whom asked
        return text


def _unknown_arguments(chunks: list[Chunk], states: Mapping[str, Any]) -> Iterator[str]:
    for chunk in chunks:
        name = f"{chunk['state']}.{chunk['fun']}"
        known = set(inspect.signature(states[name]).parameters)
        known |= STATE_INTERNAL_KEYWORDS | UNNAMED_ARGUMENTS.get(name, set()) | {"name", "__id__"}
        yield from (f"{chunk['__id__']}: {name} has no {key}" for key in chunk if key not in known)
