"""Commands that run only as long as something is not there yet.

Why not ``cmd.run`` with ``creates`` or ``unless``: for those, Salt looks for a function ``mod_run_check``,
which ``cmd`` has not, and so loads every state module there is, for 2 to 4 seconds in each highstate
(``State.call`` in salt/state.py, 3008.3).
"""

import subprocess
from pathlib import Path
from typing import Any

Result = dict[str, Any]


def run(name: str, makes: str | None = None, until: str | None = None, cwd: str | None = None) -> Result:
    """Run a command in a shell, unless what it is for is there already.

    Args:
        name: the command.
        makes: a path; the command is not run where it is there, and has failed if it is not there afterwards.
        until: a command; ``name`` is not run where it succeeds, and has failed if it does not afterwards.
        cwd: the directory of both, root's home if it is not given.
    """
    if (makes is None) == (until is None):
        return _result(name, False, "expected one of `makes` and `until`")
    wanted = makes or until

    def done() -> bool:
        return Path(makes).exists() if makes else _run(str(until), cwd).returncode == 0

    if done():
        return _result(name, True, f"Nothing to do: {wanted}")
    if __opts__["test"]:
        return _result(name, None, f"The command would be run: {name}", {"ran": name})
    answer = _run(name, cwd)
    if answer.returncode:
        return _result(name, False, f"exit status {answer.returncode}: {answer.stdout.strip()}")
    if not done():
        return _result(name, False, f"it succeeded, and yet: {wanted}", {"ran": name})
    return _result(name, True, "The command was run.", {"ran": name})


def _run(command: str, cwd: str | None) -> subprocess.CompletedProcess[str]:
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(["/bin/sh", "-c", command], check=False, cwd=cwd or "/root", text=True, **output)


def _result(name: str, result: bool | None, comment: str, changes: Result | None = None) -> Result:
    return {"name": name, "result": result, "comment": comment, "changes": changes or {}}
