"""Salt's extension modules as plain Python modules, with the loader's dunders set by hand."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[3]


def load(path: str, **dunders: Any) -> ModuleType:
    """Return ``salt/<path>`` as a new module; ``dunders`` are ``__salt__`` and the like."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / "salt" / path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module).update(dunders)
    return module
