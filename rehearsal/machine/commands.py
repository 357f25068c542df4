"""Running the machine's own tools (ip, nft, mount, losetup), with errors that say what failed."""

import subprocess
from pathlib import Path


class CommandError(Exception):
    """A command that failed; says which one, with what it wrote to its standard error."""

    def __init__(self, argv: tuple[str, ...], status: int, stderr: str):
        super().__init__(f"{' '.join(argv)}: exit {status}: {stderr.strip()}")
        self.status = status
        self.stderr = stderr


def run(*argv: str | Path, namespace: Path | None = None, stdin: str | None = None) -> str:
    """Run a command and return its standard output.

    Args:
        argv: The command and its arguments.
        namespace: Network namespace (a path) to run it in, this process's own if None. Unlike
            ``ip netns exec``, no mount namespace is made that could keep mounts alive.
        stdin: Text for its standard input, nothing if None.

    Raises:
        CommandError: It exited with another status than 0.
    """
    command = tuple(str(word) for word in argv)
    if namespace:
        command = ("nsenter", f"--net={namespace}", "--", *command)
    done = subprocess.run(command, check=False, input=stdin or "", capture_output=True, text=True)
    if done.returncode:
        raise CommandError(command, done.returncode, done.stderr)
    return done.stdout
