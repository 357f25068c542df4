"""What bench/highstate tells other tools of this fleet's states."""

from compiled import Minion

from bench.highstate.work import KEPT, translate

# Ours, and what Ansible or pyinfra have in no comparable form; the bench counts and names them.
LEFT_OUT = {
    "aws_key_pair.present",
    "apt_key.present",
    "app_release.deployed",
    "app_release.installed",
    "app_release.pruned",
    "data_volume.formatted",
    "file.recurse",
    "highstate.recorded",
    "mariadb.database_present",
    "mariadb.user_present",
    "once.run",
    "pip.installed",
    "secret_file.managed",
    "ssh_auth.manage",
    "timezone.system",
    "tls_pem.self_signed",
}


def test_every_other_state_of_the_fleet_is_told(any_minion: Minion) -> None:
    """Mutants: a translation that is missing; an argument that it reads and that does not leave the host."""
    work = translate({key: chunk[key] for key in KEPT if key in chunk} for chunk in any_minion.chunks)
    assert set(work.left_out) <= LEFT_OUT
    assert work == translate(any_minion.chunks)
    assert work.states == len(any_minion.chunks)
    assert work.told.total() > 2 * work.left_out.total()
