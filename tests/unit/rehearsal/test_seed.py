"""Files that are kept on the disks of hosts."""

from pathlib import Path

from rehearsal.hypervisor.seed import CHANGED, keep
from rehearsal.model import File


def test_a_host_is_told_of_a_change_and_of_nothing_else(tmp_path: Path) -> None:
    """Mutants: touched at every look; written in place; the mode left as it was made."""
    secret = File("etc/managed/account.sql", "first\n", 0o600)
    public = File("etc/mysql/rds.cnf", "port = 3306\n")
    keep(tmp_path, [secret, public])
    path, mark = tmp_path / secret.path, tmp_path / CHANGED
    assert path.read_text() == "first\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / public.path).stat().st_mode & 0o777 == 0o644
    mark.unlink()
    keep(tmp_path, [secret, public])
    assert not mark.exists()
    with path.open() as opened:
        keep(tmp_path, [File(secret.path, "second\n", 0o600), public])
        assert opened.read() == "first\n"
    assert mark.exists()
    assert path.read_text() == "second\n"
