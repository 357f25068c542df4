"""``python -m bench.mutation``: how many changes of the driver's pure parts its tests notice.

cosmic-ray changes one thing at a time in a copy of the committed checkout, and runs tests/unit/driver on it.
Prints the score by module, and each change that no test noticed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from bench import venv
from rehearsal.settings import CHECKOUT, load

# Not changed is `|`, which stands in these modules in annotations, and those are never evaluated.
# What does no I/O; the rest of the driver is tested against moto, ten seconds a run.
MODULES = ("arguments", "options", "prices", "tables")
CONFIG = """
[cosmic-ray]
module-path = [{modules}]
timeout = 60.0
excluded-modules = []
test-command = "{python} -m pytest -q -x -p no:cacheprovider tests/unit/driver"
[cosmic-ray.distributor]
name = "local"
[cosmic-ray.filters.operators-filter]
exclude-operators = ["core/ReplaceBinaryOperator_BitOr_.*"]
"""
_COPIED = ("pyproject.toml", "salt/_clouds", "tests/unit/driver")


def results(session: str) -> tuple[dict[str, Counter[str]], list[str]]:
    """Return the outcomes by module, and the changes that survived, as ``cosmic-ray dump`` tells them."""
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    survivors = []
    for line in session.splitlines():
        item, result = json.loads(line)
        mutation: dict[str, Any] = item["mutations"][0]
        module = Path(mutation["module_path"]).stem
        if (result or {}).get("worker_outcome") == "skipped":  # excluded
            continue
        outcome = (result or {}).get("test_outcome") or "not run"
        outcomes[module][outcome] += 1
        if outcome == "survived":
            row = mutation["start_pos"][0]
            survivors.append(f"{module}.py:{row} {mutation['operator_name']}\n{result.get('diff') or ''}")
    return outcomes, survivors


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", default=MODULES, help="names in salt/_clouds/_ec2")
    parser.add_argument("--minutes", type=float, default=30.0, help="changes not tried by then are told")
    options = parser.parse_args()
    commands = venv.ensure(load(), "mutation")
    command = commands / "cosmic-ray"
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        archive = subprocess.run(
            ["git", "archive", "HEAD", *_COPIED], cwd=CHECKOUT, check=True, capture_output=True
        ).stdout
        subprocess.run(["tar", "--extract"], cwd=scratch, input=archive, check=True)
        modules = ", ".join(f'"salt/_clouds/_ec2/{name}.py"' for name in options.modules)
        Path(scratch, "config.toml").write_text(CONFIG.format(modules=modules, python=sys.executable))
        for prepare in (
            [command, "init", "config.toml", "session.sqlite"],
            [commands / "cr-filter-operators", "session.sqlite", "config.toml"],
        ):
            subprocess.run(prepare, cwd=scratch, check=True)
        try:
            subprocess.run(
                [command, "exec", "config.toml", "session.sqlite"],
                cwd=scratch,
                check=True,
                timeout=60 * options.minutes,
            )
        except subprocess.TimeoutExpired:
            sys.stderr.write(f"stopped after {options.minutes:g} minutes\n")
        dump = subprocess.run(
            [command, "dump", "session.sqlite"], cwd=scratch, check=True, capture_output=True, text=True
        ).stdout
    outcomes, survivors = results(dump)
    sys.stdout.write(
        "| module | changes | noticed | survived | not run | score |\n|---|---:|---:|---:|---:|---:|\n"
    )
    for module, counts in sorted(outcomes.items()):
        run = counts["killed"] + counts["survived"]
        score = f"{100 * counts['killed'] / run:.0f} %" if run else "-"
        sys.stdout.write(
            f"| {module} | {counts.total()} | {counts['killed']} | {counts['survived']} "
            f"| {counts.total() - run} | {score} |\n"
        )
    for survivor in survivors:
        sys.stdout.write(f"\n{survivor}\n")


if __name__ == "__main__":
    main()
