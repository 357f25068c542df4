"""One configuration of salt-cloud for the drivers of Salt 3007 and of this checkout: the same files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.region import KEY
from rehearsal.settings import CHECKOUT


@dataclass(frozen=True)
class Driver:
    """A driver and the salt-cloud that runs it.

    Args:
        name: In tables.
        command: ``salt-cloud``.
        cloud_dirs: Where the driver is, if not in Salt itself.
    """

    name: str
    command: Path
    cloud_dirs: tuple[Path, ...] = ()


def ours(command: Path) -> Driver:
    """Return the driver of this checkout, run by ``command``."""
    return Driver("ours", command, (CHECKOUT / "salt/_clouds",))


def theirs(commands: Path) -> Driver:
    """Return the last driver that Salt had, of Salt 3007.15; ``commands`` is where its ``salt-cloud`` is."""
    return Driver("3007.15", commands / "salt-cloud")


def write(
    directory: Path, driver: Driver, ids: Mapping[str, str], members: int, pool_size: int | None = None
) -> Path:
    """Write a configuration for a map of machines that are launched and not bootstrapped.

    Everything is given by id, which costs the old driver the fewest calls: it looks each name up for each
    member.

    Args:
        directory: Made.
        driver: Whose ``cloud_dirs`` are named; nothing else differs.
        ids: Of the region, see `bench.region`.
        members: Of the map.
        pool_size: Of them at a time; None: all.

    Returns:
        The map.
    """
    directory.mkdir(parents=True)
    key = directory / "fleet.pem"
    key.write_text("nothing logs in with it\n")
    key.chmod(0o600)
    root = {"root_dir": str(directory / "root")}
    pool = {"pool_size": pool_size} if pool_size else {}
    own = {"cloud_dirs": [str(path) for path in driver.cloud_dirs]} if driver.cloud_dirs else {}
    profile = {
        "provider": "ec2",
        "image": ids["image"],
        "size": "t3.small",
        "subnetid": ids["subnet"],
        "securitygroupid": [ids["group"]],
        "keyname": KEY,
        "private_key": str(key),
        "ssh_interface": "private_ips",
        "ssh_username": "admin",
        "tag": {"Fleet": KEY},
        "deploy": False,
    }
    files = {
        "cloud": root | own | pool | {"master_config": str(directory / "master"), "verify_env": False},
        "master": root,
        "cloud.providers": {"ec2": {"driver": "ec2", "id": KEY, "key": KEY, "location": "eu-west-1"}},
        "cloud.profiles": {"web": profile},
        "fleet.map": {"web": [f"web-{number:03}" for number in range(members)]},
    }
    for name, content in files.items():
        (directory / name).write_text(yaml.safe_dump(content, sort_keys=False))
    return directory / "fleet.map"
