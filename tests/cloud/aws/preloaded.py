"""`salt-call` in a process that has its modules already: importing them is nearly half of an apply's work."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

CHECKOUT = Path(__file__).resolve().parents[3]

_processes = multiprocessing.get_context("forkserver")
# What an apply of `aws` has imported at its end, by the names that bring the rest with them.
_processes.set_forkserver_preload(
    [
        *("salt.cli.call", "salt.cli.caller", "salt.minion", "salt.scripts", "salt.state"),
        *("salt.client.ssh", "salt.cloud", "salt.runner", "salt.serializers.yaml", "salt.utils.gitfs"),
        *("salt.modules.cmdmod", "salt.modules.file", "salt.modules.network"),
        *("boto3.s3.inject", "jinja2", "jsonschema", "saltext.boto3.utils.boto3mod"),
    ]
)


def salt_call(
    arguments: Sequence[str | Path], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run ``salt-call ARGUMENTS`` in the checkout, with nothing but ``environment``."""
    with TemporaryDirectory() as directory:
        out, err = Path(directory, "out"), Path(directory, "err")
        command = ["salt-call", *map(str, arguments)]
        process = _processes.Process(target=_run, args=(command, dict(environment), out, err))
        process.start()
        process.join()
        assert process.exitcode is not None
        return subprocess.CompletedProcess(command, process.exitcode, out.read_text(), err.read_text())


def _run(command: list[str], environment: dict[str, str], out: Path, err: Path) -> None:
    import salt.scripts

    os.chdir(CHECKOUT)
    os.environ.clear()
    os.environ.update(environment)
    # salt-call would find neither the tests' modules nor the checkout's.
    sys.path[:] = [path for path in sys.path if not Path(path).resolve().is_relative_to(CHECKOUT)]
    for path, descriptor in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), descriptor)
    sys.argv = command
    salt.scripts.salt_call()
