"""Taking the rehearsal down: nothing of it stays but the cache of images and packages."""

import shutil

from rehearsal.local import CLOUD
from rehearsal.network import Network
from rehearsal.progress import Progress
from rehearsal.region import process
from rehearsal.settings import Settings


def down(settings: Settings, progress: Progress) -> None:
    """Remove hosts, volumes, namespaces and state, whatever has become of the processes that made them."""
    with progress.step("down", "Take the fleet down") as step:
        process.stop(settings)
        step.say("region stopped")
        Network(settings).down()
        step.say("hosts, mounts, volumes, namespaces and control groups removed")
        for path in (settings.checkout / "build").glob("*"):
            if path.is_dir() and path.name != "reports":  # the tests' own
                shutil.rmtree(path)
            elif path.is_file():
                path.unlink()
        (settings.checkout / CLOUD).unlink(missing_ok=True)
        if settings.state.exists():
            shutil.rmtree(settings.state)
    shutil.rmtree(settings.run, ignore_errors=True)
