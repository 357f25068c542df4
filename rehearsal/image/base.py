"""The Debian layer: Debian 13 from the machine's mirror."""

import os
from collections.abc import Sequence
from pathlib import Path

from rehearsal.image import machine
from rehearsal.image.chroot import Workshop
from rehearsal.progress import StepError

SUITE = "trixie"
# What a container has no use for: half of the size, and of the files that dpkg has to write.
_EXCLUDED = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")
_INCLUDED = ("/usr/share/doc/*/copyright", "/usr/share/locale/locale.alias")


def packages(directory: Path = Path(__file__).parent) -> list[str]:
    """Return the names in ``packages.txt``."""
    lines = (directory / "packages.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def sources(mirrors: machine.Mirrors) -> str:
    """Return the image's apt sources, deb822 style."""
    stanza = "Types: deb\nURIs: {}\nSuites: {}\nComponents: main\nSigned-By: {}\n"
    stanzas = [stanza.format(mirrors.archive, f"{SUITE} {SUITE}-updates", machine.KEYRING)]
    if mirrors.security:
        stanzas.append(stanza.format(mirrors.security, f"{SUITE}-security", machine.KEYRING))
    return "\n".join(stanzas)


def apt_options(reach: Sequence[str]) -> list[str]:
    """Return the image's apt settings: lean, and those of the machine that say how a mirror is reached."""
    return ['APT::Install-Recommends "false";', 'Acquire::Languages "none";', *reach]


def inputs() -> list[str]:
    """Return everything that this layer's content follows from, Debian's archive aside."""
    return [
        SUITE,
        *packages(),
        *_EXCLUDED,
        *_INCLUDED,
        sources(machine.mirrors()),
        *apt_options(machine.apt_settings()),
        Path(__file__).read_text(),
    ]


def build(directory: Path, workshop: Workshop) -> None:
    """Install Debian into ``directory/rootfs``.

    Raises:
        StepError: Debian's keyring is missing on the machine, or the mirror or a package failed.
    """
    if not machine.KEYRING.exists():
        raise StepError(f"{machine.KEYRING} is missing", advice="apt-get install debian-archive-keyring")
    listing = directory / "debian.sources"
    listing.write_text(sources(machine.mirrors()))
    # force-unsafe-io: a host whose installation a power cut interrupts is launched again, not repaired.
    dpkg = [
        "force-unsafe-io",
        *(f"path-exclude={p}" for p in _EXCLUDED),
        *(f"path-include={p}" for p in _INCLUDED),
    ]
    workshop.run(
        f"installing Debian {SUITE}",
        [
            "mmdebstrap",
            "--mode=root",
            "--variant=apt",
            "--format=directory",
            "--skip=cleanup/apt/lists",
            *(f"--aptopt={option}" for option in apt_options(machine.apt_settings())),
            *(f"--dpkgopt={option}" for option in dpkg),
            f"--include={','.join(packages())}",
            SUITE,
            directory / "rootfs",
            listing,
        ],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **machine.environment()},
    )
