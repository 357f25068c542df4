"""``python -m bench.launch``: what a map costs to launch, by our driver and by that of Salt 3007.

Real ``salt-cloud -m MAP -P -y`` processes on the same region, each on a fresh one, in turn. Then the same
command again, when there is nothing left to do. Prints tables in Markdown; the numbers are also left in
build/reports/bench-launch.json.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import config, venv
from bench.box import Measured, box
from bench.config import Driver
from rehearsal.settings import CHECKOUT, load

SIZES = (5, 9, 25)
REPEATS = 3
TRIES = 8
REPORT = CHECKOUT / "build/reports/bench-launch.json"
# As AWS limits RunInstances: 2 a second. Its bucket holds 5 tokens; the region's, as many as a second fills.
THROTTLE = {"service": "ec2", "action": "RunInstances", "effect": "throttle", "rate": 2.0}


@dataclass(frozen=True)
class Run:
    """One run of salt-cloud.

    Args:
        driver: Its name.
        members: Of the map.
        again: The map was launched already.
        calls: What was asked of the API, by operation.
        seconds: Wall time.
        memory: Peak of the process tree (bytes, PSS).
    """

    driver: str
    members: int
    again: bool
    calls: dict[str, int]
    seconds: float
    memory: int

    @property
    def describes(self) -> int:
        """Calls that only read."""
        return sum(count for action, count in self.calls.items() if action.startswith("Describe"))

    @property
    def total(self) -> int:
        """All calls."""
        return sum(self.calls.values())


def measure(directory: Path, driver: Driver, members: int, options: argparse.Namespace) -> list[Run]:
    """Launch a map on a fresh region, and run it again.

    Raises:
        RuntimeError: salt-cloud failed, or has not launched every member once.
    """
    with box(directory / "region") as region:
        home = directory / driver.name
        shutil.rmtree(home, ignore_errors=True)
        path = config.write(home, driver, region.ids, members, options.pool_size)
        command = [driver.command, "-c", home, "-m", path, "-P", "-y", "--out=json"]
        if options.throttle:
            region.faults(THROTTLE)
        region.calls()
        runs = []
        for again in (False, True):
            done: Measured = region.run(command, {"HOME": str(home)})
            if region.machines() != members:
                raise RuntimeError(f"{driver.name}: {region.machines()} of {members}:\n{done.output[-3000:]}")
            runs.append(Run(driver.name, members, again, region.calls(), done.seconds, done.memory))
        return runs


def insist(
    directory: Path, driver: Driver, members: int, failures: list[str], options: argparse.Namespace
) -> list[Run]:
    """Measure, again if salt-cloud failed; what it said is added to ``failures``.

    Raises:
        RuntimeError: It failed too often: `TRIES` times in all.
    """
    while True:
        try:
            return measure(directory, driver, members, options)
        except RuntimeError as error:
            last = str(error).strip().splitlines()[-1][:300]
            failures.append(f"{driver.name}, {members} members: {last}")
            sys.stderr.write(f"failed: {failures[-1]}\n")
            if len(failures) > TRIES:
                raise


def _median(runs: Iterable[Run], what: str) -> float:
    return statistics.median(getattr(run, what) for run in runs)


def _spread(runs: Sequence[Run], what: str, unit: float = 1.0) -> str:
    values = sorted(getattr(run, what) / unit for run in runs)
    return f"{statistics.median(values):.1f} ({values[0]:.1f} to {values[-1]:.1f})"


def table(runs: Sequence[Run], drivers: Sequence[str], *, again: bool) -> str:
    """Return the medians of runs, with their spread, and the ratio of the first driver to the second."""
    lines = [
        "| members | driver | API calls | of them Describes | wall time, s | peak memory, MB |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for members in sorted({run.members for run in runs}):
        rows = [
            [run for run in runs if (run.driver, run.members, run.again) == (name, members, again)]
            for name in drivers
        ]
        for name, row in zip(drivers, rows, strict=True):
            lines.append(
                f"| {members} | {name} | {_median(row, 'total'):.0f} | {_median(row, 'describes'):.0f} "
                f"| {_spread(row, 'seconds')} | {_spread(row, 'memory', 1e6)} |"
            )
        ratios = [
            f"{_median(rows[0], what) / max(_median(rows[1], what), 1e-9):.2f}"
            for what in ("total", "describes", "seconds", "memory")
        ]
        lines.append(f"| {members} | ratio {drivers[0]} : {drivers[1]} | {' | '.join(ratios)} |")
    return "\n".join(lines)


def verbs(runs: Sequence[Run], drivers: Sequence[str]) -> str:
    """Return the calls of the last launch of the largest map, by operation."""
    largest = max(run.members for run in runs)
    last = {run.driver: run.calls for run in runs if run.members == largest and not run.again}
    lines = [f"| operation, {largest} members | {' | '.join(drivers)} |", "|---|---:|---:|"]
    for action in sorted(set().union(*last.values())):
        lines.append(f"| {action} | {' | '.join(str(last[name].get(action, 0)) for name in drivers)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.launch", description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="members of the maps")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--pool-size", type=int, help="members at a time (default: all, as salt-cloud does)")
    parser.add_argument("--throttle", action="store_true", help="RunInstances is throttled to 2 a second")
    options = parser.parse_args()
    settings = load()
    drivers = [
        config.theirs(venv.ensure(settings, "3007")),
        config.ours(Path(sys.executable).with_name("salt-cloud")),
    ]
    names = [driver.name for driver in drivers]
    runs: list[Run] = []
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        for repeat in range(options.repeats):
            for members in options.sizes:
                for driver in drivers:
                    runs += insist(Path(scratch), driver, members, failures, options)
                    sys.stderr.write(f"{repeat + 1}/{options.repeats}: {runs[-2]}\n")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps([vars(run) for run in runs], indent=1))
    for title, text in (
        ("Launch", table(runs, names, again=False)),
        ("The same command again", table(runs, names, again=True)),
        ("Calls", verbs(runs, names)),
        ("Runs that failed and were made again", "\n".join(f"- {one}" for one in failures) or "None."),
    ):
        sys.stdout.write(f"\n{title}\n\n{text}\n")


if __name__ == "__main__":
    main()
