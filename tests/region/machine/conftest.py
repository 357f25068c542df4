"""Fixtures of the tests that make namespaces and hosts, under a prefix that is no fleet's."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal import image
from rehearsal.machine.commands import run
from rehearsal.model import Instance, World
from rehearsal.network import Network, links
from rehearsal.network.namespaces import remove_namespace
from rehearsal.region import certificates
from rehearsal.settings import Settings

from .sides import Side


@pytest.fixture(scope="session")
def settings() -> Settings:
    prefix = os.environ.get("SALTWATCH_PREFIX", "swtest")
    if prefix == Settings.prefix:
        pytest.fail(
            f"SALTWATCH_PREFIX={prefix}: these tests destroy what has their prefix, and that is a fleet's"
        )
    return Settings(prefix=prefix)


@pytest.fixture(scope="module")
def network(settings: Settings) -> Iterator[Network]:
    network = Network(settings)
    network.down()
    network.up()
    yield network
    network.down()


@pytest.fixture
def wired(network: Network) -> Iterator[Callable[[World], None]]:
    """Make a world of namespaces: each instance has its network, and no system in it."""
    connected: set[str] = set()

    def make(world: World) -> None:
        for item in world.instances:
            if item.id not in connected:
                links.connect(network.settings, item)
                connected.add(item.id)
        network.apply(world)

    yield make
    network.apply(World())
    for instance_id in connected:
        links.disconnect(network.settings, instance_id)
        remove_namespace(network.settings.namespace_path(instance_id))


@pytest.fixture
def side(network: Network) -> Iterator[Callable[[Instance | str], Side]]:
    """Return the namespace of an instance, or the one called router, operator, world or machine."""
    sides: list[Side] = []

    def find(whose: Instance | str) -> Side:
        name = whose if isinstance(whose, str) else whose.id
        path = Path("/proc/self/ns/net") if name == "machine" else network.settings.namespace_path(name)
        sides.append(Side(path))
        return sides[-1]

    yield find
    for used in sides:
        used.close()


@pytest.fixture(scope="session")
def rootfs(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the fleet's image as it is after cloud-init, which finds no metadata service here."""
    builder = replace(settings, prefix=f"{settings.prefix}i")
    built = image.ensure(builder, print)
    layer = tmp_path_factory.mktemp("image")
    for name in ("upper", "work", "root"):
        (layer / name).mkdir()
    options = f"lowerdir={built},upperdir={layer}/upper,workdir={layer}/work"
    run("mount", "-t", "overlay", "-o", options, "overlay", layer / "root")
    (layer / "root/etc/cloud/cloud-init.disabled").touch()
    run("chroot", layer / "root", "ssh-keygen", "-A")
    yield layer / "root"
    run("umount", layer / "root")
    shutil.rmtree(builder.logs)


@pytest.fixture
def authority(settings: Settings) -> Path:
    """Return the certificate that hosts trust."""
    return certificates.ensure_authority(settings)
