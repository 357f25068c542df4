"""The checkout as the fleet gets it: the working tree as a commit, and the files that git ignores.

`./rehearse` shows a change before it is committed, so what goes to the control node is the tree as it is on
disk. The commit has no parents and a fixed date: the same tree is the same commit, and pushing it again does
nothing.
"""

import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

from rehearsal.operator import Operator
from rehearsal.progress import StepError

BRANCH = "main"
_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "rehearsal"), ("EMAIL", "rehearsal@localhost"), ("DATE", "2000-01-01T00:00:00Z"))
}
LOCAL_FILES = ("pillar/local", "cloud.conf.d/local.conf")


def snapshot(checkout: Path) -> str:
    """Return the id of a commit that holds the working tree as it is, ignored files left out.

    Raises:
        StepError: The directory is no git checkout.
    """
    with tempfile.TemporaryDirectory() as scratch:
        env = os.environ | _IDENTITY | {"GIT_INDEX_FILE": f"{scratch}/index"}
        _git(checkout, env, "add", "--all")
        tree = _git(checkout, env, "write-tree")
        return _git(checkout, env, "commit-tree", "-m", "The working tree", tree)


def write_bundle(checkout: Path, commit: str, target: Path) -> None:
    """Write that commit as branch `main` of a git bundle, which can be cloned from."""
    target.parent.mkdir(exist_ok=True)
    reference = f"refs/saltwatch/{BRANCH}"
    with tempfile.TemporaryDirectory() as scratch:
        # A repository of its own: the bundle names its branch as the clone will, and the checkout gets no refs.
        _git(Path(scratch), dict(os.environ), "init", "--quiet", "--bare")
        _git(Path(scratch), dict(os.environ), "fetch", "--quiet", str(checkout), f"{commit}:{reference}")
        _git(Path(scratch), dict(os.environ), "update-ref", f"refs/heads/{BRANCH}", commit)
        _git(Path(scratch), dict(os.environ), "symbolic-ref", "HEAD", f"refs/heads/{BRANCH}")
        _git(Path(scratch), dict(os.environ), "bundle", "create", "--quiet", str(target), "HEAD", BRANCH)


def write_local_files(checkout: Path, target: Path) -> None:
    """Write the git-ignored files that the control node needs as a tar archive that only root can read."""
    target.parent.mkdir(exist_ok=True)
    target.touch(mode=0o600)
    target.chmod(0o600)
    with tarfile.open(target, "w") as archive:
        for name in LOCAL_FILES:
            archive.add(checkout / name, arcname=name)


def push(operator: Operator, commit: str) -> list[str]:
    """Return the command that makes that commit what the control node serves."""
    ssh = f"ssh -F {operator.ssh_config}"
    return operator.command(
        [
            "git",
            *("-c", f"core.sshCommand={ssh}", "-C", operator.settings.checkout),
            *("push", "--force", "--receive-pack=sudo git-receive-pack"),
            "salt-1:/srv/saltwatch",
            f"{commit}:refs/heads/{BRANCH}",
        ]
    )


def _git(directory: Path, env: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(["git", "-C", directory, *arguments], env=env, capture_output=True, text=True)
    if done.returncode:
        raise StepError(
            f"git {arguments[0]}: {done.stderr.strip()}",
            advice=f"{directory} has to be a git checkout: clone the repository",
        )
    return done.stdout.strip()
