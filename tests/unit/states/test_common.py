"""The formula common: the data volume, and what a container cannot have."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from compiled import Minion
from loader import load
from overrides import overridden
from salt.exceptions import CommandExecutionError

volume = load("_modules/data_volume.py")
VERSIONS = ["1:11.8.6-0+deb13u1", "11.8", "11.80.1", "111.8.1", "11x8.1", "10.11.8"]
PREFIX = "nvme-Amazon_Elastic_Block_Store_"


@pytest.fixture
def host(tmp_path: Path) -> Callable[..., str | None]:
    """Return a function that makes a host's links in /dev/disk/by-id and returns what is found there."""
    numbers = tmp_path.stat().st_dev
    (tmp_path / "sys").mkdir()
    (tmp_path / "by-id").mkdir()

    def find(links: dict[str, str], root: str = "") -> str | None:
        for name, device in links.items():
            (tmp_path / device).touch()
            (tmp_path / "by-id" / name).symlink_to(f"../{device}")
        if root:
            device = tmp_path / "devices" / root
            device.mkdir(parents=True)
            if "/" in root:
                (device / "partition").touch()
            entry = tmp_path / "sys" / f"{os.major(numbers)}:{os.minor(numbers)}"
            entry.symlink_to(device)
        found = volume.find(str(tmp_path / "by-id"), str(tmp_path), str(tmp_path / "sys"))
        return Path(found).name if found else None

    return find


def test_the_volume_that_is_not_the_root_s_is_found(host: Callable[..., str | None]) -> None:
    """Mutants: the first link taken; the root's partition compared instead of its disk."""
    links = {f"{PREFIX}vol0aaa": "nvme0n1", f"{PREFIX}vol0bbb": "nvme1n1"}
    assert host(links, root="nvme0n1/nvme0n1p1") == f"{PREFIX}vol0bbb"


def test_a_host_without_a_volume_has_none(host: Callable[..., str | None]) -> None:
    """Mutants: instance stores, partitions and namespaces of a volume taken for volumes."""
    links = {
        f"{PREFIX}vol0aaa": "nvme0n1",
        f"{PREFIX}vol0aaa-part1": "nvme0n1p1",
        f"{PREFIX}vol0aaa_1": "nvme0n1",
        "nvme-Amazon_EC2_NVMe_Instance_Storage_AWS123": "nvme2n1",
    }
    assert host(links, root="nvme0n1") is None


def test_two_volumes_are_an_error_that_names_both(host: Callable[..., str | None]) -> None:
    """Mutant: the last one taken."""
    with pytest.raises(CommandExecutionError, match=r"at most one data volume.*vol0bbb.*vol0ccc"):
        host({f"{PREFIX}vol0bbb": "nvme1n1", f"{PREFIX}vol0ccc": "nvme2n1"})


def test_a_container_s_root_is_on_no_disk(host: Callable[..., str | None]) -> None:
    """Mutant: a root whose device number the kernel does not list raises."""
    assert host({f"{PREFIX}vol0bbb": "nvme1n1"}) == f"{PREFIX}vol0bbb"


def _disk(path: Path, command: list[str] | None = None, offset: int | None = None) -> str:
    with path.open("wb") as file:
        file.truncate(8 << 20)
        if offset is not None:
            file.seek(offset)
            file.write(b"something")
    if command:
        subprocess.run([*command, path], check=True, capture_output=True)
    return str(path)


def test_a_new_volume_is_blank(tmp_path: Path) -> None:
    """Mutant: ``blkid``'s exit code 2 taken for an error."""
    assert volume.is_blank(_disk(tmp_path / "disk"))


@pytest.mark.parametrize("command", [["mkfs.ext4", "-q"], ["mkswap"]], ids=lambda command: command[0])
def test_a_volume_with_a_signature_is_not_blank(tmp_path: Path, command: list[str]) -> None:
    """Mutants: only ext4 counts; the signature not looked for (mkfs.ext4 leaves the first bytes zero)."""
    assert not volume.is_blank(_disk(tmp_path / "disk", command))


@pytest.mark.parametrize("offset", [0, (1 << 20) - 20])
def test_a_volume_with_unknown_data_is_not_blank(tmp_path: Path, offset: int) -> None:
    """Mutants: blkid alone is asked; only the first sector is read."""
    assert not volume.is_blank(_disk(tmp_path / "disk", offset=offset))


def test_a_volume_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """Mutant: an error of blkid taken for "nothing found", after which it would be formatted."""
    with pytest.raises(CommandExecutionError, match="gone"):
        volume.is_blank(str(tmp_path / "gone"))


@pytest.mark.parametrize("blank", [True, False], ids=["blank", "not blank"])
def test_a_volume_is_formatted_once(tmp_path: Path, blank: bool) -> None:
    """Mutants: formatted under `test`; formatted whatever is there; a label left out."""
    disk = _disk(tmp_path / "disk", None if blank else ["mkswap"])
    before = Path(disk).read_bytes()
    for test in (True, False):
        state = load(
            "_states/data_volume.py",
            __salt__={"data_volume.is_blank": volume.is_blank},
            __opts__={"test": test},
        )
        told = state.formatted(disk, "data")
        assert bool(told["changes"]) is blank
        if test or not blank:
            assert Path(disk).read_bytes() == before
    assert told["result"] is True
    command = ["blkid", "--probe", "--match-tag", "LABEL", "--output", "value", disk]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert found.stdout.strip() == ("data" if blank else "")
    again = state.formatted(disk, "data")
    assert (again["result"], again["changes"]) == (True, {})


def test_a_volume_that_cannot_be_formatted_is_told(tmp_path: Path) -> None:
    """Mutant: mkfs's exit status not looked at."""
    state = load("_states/data_volume.py", __salt__={"data_volume.is_blank": bool}, __opts__={"test": False})
    told = state.formatted(str(tmp_path / "gone"), "data")
    assert told["result"] is False
    assert "gone" in told["comment"]


def test_only_what_a_container_cannot_have_is_left_out(
    minion: Callable[..., Minion], tmp_path: Path, local_pillar: Path, artifacts: Path
) -> None:
    """Mutants: all of sysctl left out in a container; the time service tried there."""
    container = {"common": {"container": True}}
    ids = {chunk["__id__"] for chunk in minion("loki-1").chunks}
    contained = overridden("loki-1", container, tmp_path, local_pillar, artifacts)
    left_out = ids - {chunk["__id__"] for chunk in contained.chunks}
    assert {"common-sysctl-kernel.dmesg_restrict", "common-time-service"} <= left_out
    assert {name for name in left_out if not name.startswith(("common-time-", "common-sysctl-"))} == set()
    assert {name for name in left_out if name.startswith("common-sysctl-net.")} == set()


def test_a_package_is_pinned_to_its_series(minion: Callable[..., Minion]) -> None:
    """A series is a whole number of components: 1.2 is neither 1.26 nor 11.2, whatever the epoch.

    Mutants: the version's dot not escaped; ``([^0-9]|$)`` left out; the epoch left out.
    """
    text = minion("database-1").files["/etc/apt/preferences.d/saltwatch"]
    patterns = dict(re.findall(r"^Package: (.*)\nPin: version /(.*)/$", text, re.M))
    series = re.compile(patterns["mariadb-server"])
    assert [version for version in VERSIONS if series.search(version)] == ["1:11.8.6-0+deb13u1", "11.8"]
    assert text.count("Pin-Priority: -1") == text.count("Pin-Priority: 990") == len(patterns)


def test_a_removed_key_is_removed_from_the_host(tmp_path: Path, local_pillar: Path, artifacts: Path) -> None:
    """Mutants: ``ssh_auth.present``, which leaves other keys; a former administrator's account kept."""
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2eMw0pWq1DAsuZ2a0FTjGkcPYsC4bTQDSU4O9OK8eG ann"
    people = {"common": {"admins": {"ann": {"ssh_keys": [key]}}, "former_admins": ["bob"]}}
    chunks = overridden("loki-1", people, tmp_path, local_pillar, artifacts).chunks
    by_id = {chunk["__id__"]: chunk for chunk in chunks}
    keys = by_id["common-admin-ann-keys"]
    assert (f"{keys['state']}.{keys['fun']}", keys["ssh_keys"]) == ("ssh_auth.manage", [key])
    assert by_id["common-admin-bob"]["fun"] == "absent"
