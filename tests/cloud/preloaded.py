"""Salt's commands in processes that have its modules already: importing them is up to half of their work."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

CHECKOUT = Path(__file__).resolve().parents[2]

_processes = multiprocessing.get_context("forkserver")
# What the commands have imported at their end, by the names that bring the rest with them.
_processes.set_forkserver_preload(
    [
        *("salt.cli.call", "salt.cli.caller", "salt.minion", "salt.scripts", "salt.state"),
        *("salt.client.ssh", "salt.cloud", "salt.cloud.cli", "salt.runner", "salt.serializers.yaml"),
        *("salt.modules.cmdmod", "salt.modules.file", "salt.modules.network", "salt.utils.gitfs"),
        *("boto3.s3.inject", "jinja2", "jsonschema", "saltext.boto3.utils.boto3mod"),
    ]
)


def run(
    main: Callable[[], object],
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command in the checkout to its end, in a process group of its own.

    Args:
        main: What the command does, such as ``salt.scripts.salt_call``.
        command: It and its arguments.
        environment: All that it has in its environment.
        timeout: Seconds after which it is killed.

    Raises:
        TimeoutError: It was.
    """
    arguments = [str(argument) for argument in command]
    with TemporaryDirectory() as directory:
        out, err = Path(directory, "out"), Path(directory, "err")
        out.touch()
        err.touch()
        process = _processes.Process(target=_run, args=(main, arguments, dict(environment), out, err))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            os.killpg(process.pid, signal.SIGKILL)
            raise TimeoutError(f"{' '.join(arguments)}: {out.read_text()} {err.read_text()}")
        return subprocess.CompletedProcess(arguments, process.exitcode, out.read_text(), err.read_text())


def _run(
    main: Callable[[], object], command: list[str], environment: dict[str, str], out: Path, err: Path
) -> None:
    os.setsid()
    multiprocessing.set_start_method("fork", force=True)  # the platform's own, and not that of this process
    os.chdir(CHECKOUT)
    os.environ.clear()
    os.environ.update(environment)
    # The command itself would find neither the tests' modules nor the checkout's.
    sys.path[:] = [path for path in sys.path if not Path(path).resolve().is_relative_to(CHECKOUT)]
    for path, descriptor in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY), descriptor)
    sys.argv = command
    sys.exit(main())
