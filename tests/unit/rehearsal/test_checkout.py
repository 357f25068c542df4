"""The working tree as the control node gets it."""

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from rehearsal.checkout import LOCAL_FILES, Snapshot, write_local_files


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "kept").write_text("one")
    (tree / ".gitignore").write_text("/secret\n")
    (tree / "secret").write_text("s3cret")
    return tree


def test_the_same_tree_is_the_same_commit_and_a_changed_one_another(tree: Path, tmp_path: Path) -> None:
    """Mutant: drop the fixed dates."""
    repository = tmp_path / "snapshot.git"
    first = Snapshot(tree, repository).commit
    assert Snapshot(tree, repository).commit == first
    (tree / "new").write_text("two")
    assert Snapshot(tree, repository).commit != first


def test_the_bundle_holds_uncommitted_files_but_no_ignored_ones(tree: Path, tmp_path: Path) -> None:
    """Mutant: `add --all --force`."""
    bundle = tmp_path / "build" / "tree.bundle"
    Snapshot(tree, tmp_path / "snapshot.git").write_bundle(bundle)
    subprocess.run(["git", "clone", "--quiet", bundle, tmp_path / "clone"], check=True)
    assert {path.name for path in (tmp_path / "clone").iterdir()} == {".git", ".gitignore", "kept"}


def test_local_files_travel_in_an_archive_that_only_root_reads(tmp_path: Path) -> None:
    """Mutant: leave out the chmod, with an archive of an earlier version there."""
    for name in LOCAL_FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if name.endswith("local") else path.write_text("x")
    target = tmp_path / "build" / "local.tar"
    target.parent.mkdir()
    target.write_text("")
    target.chmod(0o644)
    write_local_files(tmp_path, target)
    assert target.stat().st_mode & 0o777 == 0o600
    with tarfile.open(target) as archive:
        assert set(archive.getnames()) >= set(LOCAL_FILES)


def test_the_archive_tells_whether_a_local_file_changed(tmp_path: Path) -> None:
    """Mutants: the archive with the files' times; a digest of the names alone."""
    secret, other = (tmp_path / name for name in ("pillar/local/local.sls", "cloud.conf.d/local.conf"))
    for path in (secret, other):
        path.parent.mkdir(parents=True)
        path.write_text("one")
    archive = tmp_path / "build/local.tar"
    first = write_local_files(tmp_path, archive)
    os.utime(secret, (1, 1))
    assert write_local_files(tmp_path, archive) == first
    secret.write_text("two")
    assert write_local_files(tmp_path, archive) != first


def test_the_master_can_read_the_local_files_and_others_cannot(tmp_path: Path) -> None:
    """Mutant: the files' own owner and mode, with which the master has no pillar until its next highstate."""
    for path in (tmp_path / "pillar/local/local.sls", tmp_path / "cloud.conf.d/local.conf"):
        path.parent.mkdir(parents=True)
        path.touch(mode=0o600)
    write_local_files(tmp_path, tmp_path / "local.tar")
    with tarfile.open(tmp_path / "local.tar") as archive:
        modes = {(entry.uname, entry.gname, entry.mode, entry.isdir()) for entry in archive.getmembers()}
    assert modes == {("root", "salt", 0o750, True), ("root", "salt", 0o640, False)}
