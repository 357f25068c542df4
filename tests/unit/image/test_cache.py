"""An entry of the cache is there completely or not at all, under a name made of what it came from."""

import pytest

from rehearsal.image import cache


def test_digest_tells_parts_apart():
    # Mutant: parts joined without their lengths.
    assert cache.digest("ab", "c") != cache.digest("a", "bc")


def test_tree_sees_names_contents_and_execute_bits_only(tmp_path):
    # Mutants: the name, the content or the mode left out; modification times taken in.
    file = tmp_path / "etc" / "a"
    file.parent.mkdir()
    file.write_text("1")
    seen = [cache.digest(*cache.tree(tmp_path))]
    file.touch()
    assert cache.digest(*cache.tree(tmp_path)) == seen[0]
    for change in (
        lambda: file.write_text("2"),
        lambda: file.chmod(0o755),
        lambda: file.rename(file.with_name("b")),
    ):
        change()
        seen.append(cache.digest(*cache.tree(tmp_path)))
    assert len(set(seen)) == 4


def test_entry_is_built_once(tmp_path):
    # Mutant: both looks for an existing entry left out (one is before the lock, one under it).
    calls = []

    def build(directory):
        calls.append(directory)
        (directory / "file").write_text("done")

    assert [cache.entry(tmp_path, "k", build, print) for _ in range(2)] == [tmp_path / "k"] * 2
    assert (tmp_path / "k/file").read_text() == "done"
    assert len(calls) == 1


def test_build_that_dies_leaves_no_entry_and_the_next_one_starts_clean(tmp_path):
    # Mutants: built in place; remains of the dead build kept.
    def die(directory):
        (directory / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.entry(tmp_path, "k", die, print)
    assert not (tmp_path / "k").exists()
    cache.entry(tmp_path, "other", lambda directory: (directory / "whole").write_text(""), print)
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert names == {".lock", "other", "other/whole"}


def test_prune_spares_what_is_current_or_mounted(tmp_path):
    # Mutants: `keep` ignored; the mount table ignored; nothing removed.
    for name in ("current", "mounted", "old"):
        (tmp_path / name / "rootfs").mkdir(parents=True)
    mounts = f"36 35 0:9 / /x rw - overlay overlay rw,lowerdir={tmp_path}/mounted/rootfs,upperdir=/u\n"
    assert cache.prune(tmp_path, ["current"], mounts) == ["old"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "mounted"]
