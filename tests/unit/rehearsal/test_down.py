"""What `./rehearse down` leaves in the checkout."""

from pathlib import Path

import pytest

from rehearsal import down
from rehearsal.progress import Progress
from rehearsal.settings import Settings


class Nothing:
    """A network, or a region, of which nothing is there: tests/region takes real ones down."""

    def __init__(self, settings: Settings) -> None:
        pass

    def down(self) -> None:
        pass


def test_reports_stay_and_what_the_fleet_was_given_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutants: the whole of build/ removed; the archive with the secrets left."""
    monkeypatch.setattr(down, "Network", Nothing)
    monkeypatch.setattr(down.process, "stop", lambda settings: None)
    build = tmp_path / "checkout/build"
    for directory in ("reports", "operator"):
        (build / directory).mkdir(parents=True)
        (build / directory / "file").touch()
    (build / "local.tar").touch()
    settings = Settings(root=tmp_path, checkout=tmp_path / "checkout")
    down.down(settings, Progress(tmp_path / "logs"))
    assert sorted(str(path.relative_to(build)) for path in build.rglob("*")) == ["reports", "reports/file"]
