"""Whether a minion's extension modules are the master's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loader import load
from salt.exceptions import CommandExecutionError

MINION = {"id": "app-1", "file_client": "remote"}


def module(**dunders: Any) -> Any:
    return load("_modules/extension_modules.py", **dunders)


def write(root: Path, **files: str) -> str:
    """Write modules, ``kind__name=code``; return ``root``."""
    for name, code in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    return str(root)


@pytest.fixture
def check(tmp_path: Path) -> Callable[[str], None]:
    """Return what checks a minion's cache against a master's file root that has one module of two kinds."""
    master = write(tmp_path / "master", _modules__fleet="1", _states__once="2", _runners__drift="3")
    digest = module().digest

    pillar = load("_pillar/extension_modules.py", __salt__={"extension_modules.digest": digest})
    told = pillar.ext_pillar("app-1", {}, master)["minion"]["extension_modules"]

    def checked(cache: str) -> None:
        opts = {**MINION, "extension_modules": cache}
        module(__opts__=opts, __salt__={"pillar.get": lambda key: told}).check()

    return checked


def test_a_copy_is_accepted(check: Callable[[str], None], tmp_path: Path) -> None:
    """What Python compiles beside it and the master's own kinds do not count.

    Mutants: ``NOT_OF_MINIONS`` or ``SUFFIXES`` not asked for; the prefix left in the name.
    """
    cache = write(tmp_path / "minion", modules__fleet="1", states__once="2")
    compiled = tmp_path / "minion/modules/__pycache__/fleet.cpython-313.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"\0")
    check(cache)


@pytest.mark.parametrize(
    "files",
    [
        {"modules__fleet": "1"},
        {"modules__fleet": "1", "states__once": "3"},
        {"modules__fleet": "2", "states__once": "1"},
        {"modules__fleet": "1", "states__twice": "2"},
        {"modules__fleet": "1", "states__once": "2", "modules__sub__new": "4"},
        {"states__fleet": "1", "states__once": "2"},
    ],
    ids=["one missing", "one changed", "two exchanged", "one renamed", "one more", "of another kind"],
)
def test_anything_else_is_refused_with_what_to_do(
    check: Callable[[str], None], tmp_path: Path, files: dict[str, str]
) -> None:
    """Mutants: names, kinds or contents left out of the digest; ``glob`` without ``**``."""
    with pytest.raises(CommandExecutionError, match=r"salt app-1 saltutil\.sync_all, then apply again"):
        check(write(tmp_path / "minion", **files))


@pytest.mark.parametrize(("told", "client"), [(None, "remote"), ("0" * 64, "local")])
def test_without_copies_or_a_digest_nothing_is_refused(told: str | None, client: str, tmp_path: Path) -> None:
    """Mutants: either condition left out."""
    opts = {"id": "app-1", "file_client": client, "extension_modules": str(tmp_path)}
    module(__opts__=opts, __salt__={"pillar.get": lambda key: told}).check()
