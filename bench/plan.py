"""``python -m bench.plan``: what it costs to plan a map of 500 members, beside what salt-cloud itself costs.

The floor is ``salt-cloud --version`` of the same Salt, which loads no driver; then one listing of an empty
region by our driver and by that of Salt 3007, and plans of a map of one member and of the large one, of whose
members none and then some are there. Prints a table in Markdown.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from bench import config, venv
from bench.box import Box, Measured, box
from bench.config import Driver
from rehearsal.settings import load

MEMBERS = 500
PRESENT = 100
REPEATS = 5


class Bench:
    """Commands beside one region, and what was measured of them.

    Args:
        region: Where.
        directory: Of the configurations.
    """

    def __init__(self, region: Box, directory: Path) -> None:
        self._region = region
        self._directory = directory
        self.runs: dict[str, list[Measured]] = defaultdict(list)
        self.calls: dict[str, int] = {}

    def configure(self, driver: Driver, members: int) -> Path:
        """Write a configuration; return its directory."""
        directory = self._directory / f"{driver.name}-{members}"
        config.write(directory, driver, self._region.ids, members)
        return directory

    def run(self, title: str, driver: Driver, directory: Path, *arguments: str) -> str:
        """Run salt-cloud once more; return what it printed."""
        command = [driver.command, "-c", directory, *arguments]
        self._region.calls()
        done = self._region.run(command, {"HOME": str(directory)})
        self.runs[title].append(done)
        self.calls[title] = sum(self._region.calls().values())
        return done.output

    def plan(self, title: str, driver: Driver, directory: Path, expected: dict[str, int]) -> None:
        """Plan a map.

        Raises:
            RuntimeError: The plan is not as expected.
        """
        arguments = ("--out=json", "-f", "plan_map", "ec2", f"map={directory}/fleet.map")
        output = self.run(title, driver, directory, *arguments)
        plan = json.JSONDecoder().raw_decode(output[output.index("{") :])[0]["ec2"]["ec2"]
        counted = {action: len(found) for action, found in plan.items() if action != "cost" and found}
        if counted != expected:
            raise RuntimeError(f"{title}: expected {expected}, not {counted}")


def measure(bench: Bench, region: Box, old: Driver, new: Driver, repeats: int) -> None:
    """Run all commands in turn, ``repeats`` times."""
    theirs = bench.configure(old, 1)
    one, many = bench.configure(new, 1), bench.configure(new, MEMBERS)
    for _ in range(repeats):
        bench.run("`salt-cloud --version`, Salt 3007", old, theirs, "--version")
        bench.run("`salt-cloud --version`, Salt 3008", new, one, "--version")
        bench.run("one listing, 3007's driver", old, theirs, "-f", "list_nodes_min", "ec2")
        bench.run("one listing, ours", new, one, "-f", "list_nodes_min", "ec2")
        bench.plan("`plan_map`, 1 member", new, one, {"create": 1})
        bench.plan(f"`plan_map`, {MEMBERS} members", new, many, {"create": MEMBERS})
    region.launch([f"web-{number:03}" for number in range(PRESENT)])
    expected = {"create": MEMBERS - PRESENT, "change": PRESENT}
    for _ in range(repeats):
        title = f"`plan_map`, {MEMBERS} members, {PRESENT} of them there"
        bench.plan(title, new, many, expected)


def table(bench: Bench, floor: str) -> str:
    """Return medians, with their spread, and ratios to the command ``floor``."""
    base = statistics.median(run.seconds for run in bench.runs[floor])
    lines = [
        "| command | wall time, s | : floor | peak memory, MB | API calls |",
        "|---|---:|---:|---:|---:|",
    ]
    for title, runs in bench.runs.items():
        seconds = sorted(run.seconds for run in runs)
        median = statistics.median(seconds)
        memory = max(run.memory for run in runs) / 1e6
        lines.append(
            f"| {title} | {median:.2f} ({seconds[0]:.2f} to {seconds[-1]:.2f}) | {median / base:.2f} "
            f"| {memory:.0f} | {bench.calls[title]} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.plan", description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=REPEATS)
    repeats = parser.parse_args().repeats
    old = config.theirs(venv.ensure(load(), "3007"))
    new = config.ours(Path(sys.executable).with_name("salt-cloud"))
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, box(Path(scratch, "region")) as region:
        bench = Bench(region, Path(scratch))
        measure(bench, region, old, new, repeats)
    sys.stdout.write(f"{table(bench, '`salt-cloud --version`, Salt 3008')}\n")


if __name__ == "__main__":
    main()
