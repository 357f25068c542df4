"""The checkout as the fleet gets it: the working tree as a commit, and the files that git ignores.

`./rehearse` shows a change before it is committed, so what goes to the control node is the tree as it is on
disk. The commit is made in a repository of the rehearsal's own, without parents and with a fixed date: the
same tree is the same commit, pushing it again does nothing, and the checkout's own repository is not touched.
"""

import hashlib
import os
import subprocess
import tarfile
from pathlib import Path

from rehearsal.operator import Operator
from rehearsal.progress import StepError

BRANCH = "main"
DIGEST = "/srv/saltwatch/.git/local-files"  # on the control node: of the archive of these that it was given
LOCAL_FILES = ("pillar/local", "cloud.conf.d/local.conf")
_ENVIRONMENT = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (
        ("NAME", "rehearsal"),
        ("EMAIL", "rehearsal@localhost"),
        ("DATE", "2000-01-01T00:00:00Z"),
    )
}


class Snapshot:
    """The working tree of a checkout as a commit.

    Args:
        checkout: The working tree.
        repository: Where the commit is made; a bare repository, created if it is not there.
    """

    def __init__(self, checkout: Path, repository: Path) -> None:
        self.checkout = checkout
        self.repository = repository
        if not repository.exists():
            repository.parent.mkdir(parents=True, exist_ok=True)
            _run("git", "init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(repository))
        self.commit = self._take()

    def _take(self) -> str:
        self._git("add", "--all")
        commit = self._git("commit-tree", "-m", "The working tree", self._git("write-tree"))
        self._git("update-ref", f"refs/heads/{BRANCH}", commit)
        return commit

    def _git(self, *arguments: str) -> str:
        return _run("git", f"--git-dir={self.repository}", f"--work-tree={self.checkout}", *arguments)

    def write_bundle(self, target: Path) -> None:
        """Write the commit as a git bundle that can be cloned from."""
        target.parent.mkdir(exist_ok=True)
        self._git("bundle", "create", "--quiet", str(target), "HEAD", BRANCH)

    def push_command(self, operator: Operator) -> list[str]:
        """Return the command that makes the commit what the control node serves."""
        return operator.command(
            [
                *(
                    "git",
                    "-c",
                    f"core.sshCommand=ssh -F {operator.ssh_config}",
                    f"--git-dir={self.repository}",
                ),
                *("push", "--porcelain", "--force", "--receive-pack=sudo git-receive-pack"),
                *("salt-1:/srv/saltwatch", BRANCH),
            ]
        )


def write_local_files(checkout: Path, target: Path) -> str:
    """Write the git-ignored files that the control node needs as a tar archive that only root can read.

    The same files make the same archive. In it they belong to root, and the master's group can read them.

    Returns:
        The archive's SHA-256, in hex.

    Raises:
        StepError: There are none, so no secrets either.
    """
    if not (checkout / LOCAL_FILES[0]).is_dir():
        raise StepError(
            f"{checkout / LOCAL_FILES[0]} is not there", advice="docs/aws/first-run.md says what is in it"
        )
    target.parent.mkdir(exist_ok=True)
    target.touch(mode=0o600)
    target.chmod(0o600)
    with tarfile.open(target, "w") as archive:
        for name in (name for name in LOCAL_FILES if (checkout / name).exists()):
            archive.add(checkout / name, arcname=name, filter=_as_the_masters)
    return hashlib.sha256(target.read_bytes()).hexdigest()


def _as_the_masters(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mtime = 0
    entry.uid, entry.uname = 0, "root"
    entry.gid, entry.gname = 0, "salt"
    entry.mode = 0o750 if entry.isdir() else 0o640
    return entry


def extract_command(operator: Operator, digest: str) -> list[str]:
    """Return the command that puts such an archive, its standard input, in the control node's checkout."""
    return operator.ssh(
        "salt-1",
        "sudo tar --extract --recursive-unlink --directory /srv/saltwatch"
        f" && echo {digest} | sudo tee {DIGEST} >/dev/null",
    )


def _run(*argv: str) -> str:
    done = subprocess.run(argv, check=False, env=os.environ | _ENVIRONMENT, capture_output=True, text=True)
    if done.returncode:
        raise StepError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout.strip()
