"""What tests of this directory share."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from drill_scene import Scene

from rehearsal.drill import record, runner


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Return a fleet where all is well, and where time passes only while the runner sleeps."""
    scene = Scene(tmp_path / "drill.json")
    clock = SimpleNamespace(time=lambda: scene.now, monotonic=lambda: scene.now, sleep=scene.sleep)
    for module in (runner, record):
        monkeypatch.setattr(module, "time", clock)
    return scene
