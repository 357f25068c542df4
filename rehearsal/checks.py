"""`python -m rehearsal.checks`: what can be said of the files themselves; `./rehearse test` runs it first.

A check whose tool is missing fails; one whose data is out of reach (an advisory database) is SKIPPED and
says so. What tools and the world exchange as files is left in ``build/reports/``: SARIF of the Python lint,
JSON of the audit.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from rehearsal.settings import CHECKOUT

REPORTS = Path("build/reports")
_BASELINE = Path(".secrets.baseline")
_PINNED = re.compile(r"(^|/)requirements[^/]*\.txt$")
# Advisories of PyPI's packages from all sources, without asking the package index about each of them.
_ADVISORIES = ("api.osv.dev", 443)
# Named by salt-cloud, without a suffix.
_YAML = ("*.yaml", "*.yml", "Saltfile", "cloud", "cloud.map", "cloud.profiles", "cloud.providers", "*.map")


class Skip(Exception):
    """A check cannot be made here; the message says why."""


@dataclass(frozen=True)
class Check:
    """One check: its name, and what makes its commands (each has to exit with zero)."""

    name: str
    commands: Callable[[], Sequence[Sequence[str]]]


def tracked(*patterns: str) -> list[str]:
    """Return git's files that match one of the patterns (git's own; none: all of them)."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], check=True, capture_output=True, text=True, cwd=CHECKOUT
    ).stdout
    return [name for name in listing.split("\0") if name and (CHECKOUT / name).is_file()]


def is_shell(text: str) -> bool:
    """Tell whether a file's first line makes it a shell script."""
    first = text.partition("\n")[0]
    if first.startswith("# shellcheck shell="):
        return True
    return first.startswith("#!") and first.split("/")[-1].split()[-1] in {"sh", "bash", "dash"}


def _ruff() -> list[list[str]]:
    sarif = str(REPORTS / "ruff.sarif")
    report = ["ruff", "check", "--exit-zero", "--output-format", "sarif", "--output-file", sarif]
    return [report, ["ruff", "check"], ["ruff", "format", "--check"]]


def _shellcheck() -> list[list[str]]:
    texts = {name: (CHECKOUT / name).read_bytes()[:200].decode(errors="replace") for name in tracked()}
    return [["shellcheck", *(name for name, text in texts.items() if is_shell(text))]]


def _secrets() -> list[list[str]]:
    # Not the hashes of pinned requirements, nor the baseline itself.
    files = [name for name in tracked() if not _PINNED.search(name) and name != str(_BASELINE)]
    return [["detect-secrets-hook", "--baseline", str(_BASELINE), *files]]


def _audit() -> list[list[str]]:
    host, port = _ADVISORIES
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        raise Skip(
            f"{host} cannot be reached ({error}): NO dependency was compared with advisories"
        ) from None
    audit = ["pip-audit", "--vulnerability-service", "osv", "--disable-pip", "--progress-spinner", "off"]
    return [
        [*audit, "--format", "json", "--output", str(REPORTS / f"pip-audit-{name}.json"), "-r", pinned]
        for name, pinned in (("tools", "requirements.txt"), ("app", "app/requirements.txt"))
    ]


CHECKS = (
    Check("ruff (style, bugs, security)", _ruff),
    Check("salt-lint", lambda: [["salt-lint", *tracked("*.sls")]]),
    Check("yamllint", lambda: [["yamllint", "--strict", *tracked(*_YAML)]]),
    Check("shellcheck", _shellcheck),
    Check("detect-secrets", _secrets),
    Check("pip-audit", _audit),
)


def run(check: Check, console: Console) -> bool:
    """Run one check and print how it ended, with its output if it failed.

    Returns:
        Whether it passed or could not be made here.
    """
    started = time.monotonic()
    try:
        commands = check.commands()
    except Skip as reason:
        console.print(
            f"SKIPPED  {check.name}: {reason}", style="bold yellow", highlight=False, soft_wrap=True
        )
        return True
    for command in commands:
        code, output = _run(command)
        if code:
            console.print(f"FAILED   {check.name}: {command[0]} exited with {code}", style="bold red")
            console.print(output, markup=False, highlight=False, soft_wrap=True)
            return False
    console.print(f"ok       {check.name} ({time.monotonic() - started:.1f} s)", highlight=False)
    return True


def _run(command: Sequence[str]) -> tuple[int, str]:
    # The tools of this Python first, wherever it was started from.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    program = shutil.which(command[0], path=path)
    if program is None:
        return 127, f"{command[0]} is not installed (rehearsal/packages.txt, requirements.txt)"
    ended = subprocess.run(
        [program, *command[1:]],
        check=False,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return ended.returncode, ended.stdout


def main() -> int:
    """Run all checks, also after one failed; return the exit code."""
    console = Console()
    (CHECKOUT / REPORTS).mkdir(parents=True, exist_ok=True)
    passed = [run(check, console) for check in CHECKS]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
