"""``python -m bench.highstate``: a highstate that changes nothing, beside other tools doing the same work.

On the fleet that is up: Salt, Ansible plain and with mitogen, pyinfra and salt-ssh, all from the control
node, and a highstate of as many `test.nop` states. They take turns. Every run has to say that it has looked
at all that it was told, and changed nothing. Prints tables in Markdown; the numbers are also left in
build/reports/bench-highstate.json.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from bench import venv
from bench.highstate import peers, report
from bench.highstate.control import Control, Timed, versions
from bench.highstate.peers import Tool
from bench.highstate.report import Found
from bench.highstate.work import Work, translate
from rehearsal.inventory import CONTROL
from rehearsal.lock import exclusive
from rehearsal.progress import StepError
from rehearsal.region import process
from rehearsal.settings import CHECKOUT, load

REPEATS = 3
REPORT = CHECKOUT / "build/reports/bench-highstate.json"


def check(tool: Tool, output: str, works: Mapping[str, Work]) -> None:
    """Refuse a run that is no measurement.

    Raises:
        RuntimeError: It changed or skipped something, failed, or had other work than it was told.
    """
    salts = tool.name in ("salt", "floor")
    wanted = {host: work.states if salts else work.count for host, work in works.items()}
    found = tool.read(output)
    wrong = []
    for host in wanted.keys() | found.keys():
        count, others = found.get(host, (0, ["no answer"]))
        if count != wanted.get(host) or others:
            wrong.append(f"{host}: {count} of {wanted.get(host)} as expected; {others}")
    if wrong:
        raise RuntimeError("\n".join([f"{tool.title} did not do the work, or changed something:", *wrong]))


def measure(
    control: Control, tools: Sequence[Tool], works: Mapping[str, Work], watched: Sequence[str], repeats: int
) -> dict[str, Found]:
    """Run each tool once, looking at the memory, and then so many times by turns, looking at the time."""
    found = {tool.name: Found() for tool in tools}
    for repeat in range(repeats + 1):
        for tool in tools:
            done: Timed
            if repeat:
                done = control.measure(tool)
                found[tool.name].seconds.append(done.seconds)
            else:
                with control.memory(watched) as found[tool.name].memory:
                    done = control.measure(tool)
            check(tool, done.output, works)
            _say(f"{repeat}/{repeats}: {tool.title}: {done.seconds:.1f} s")
    return found


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.highstate", description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=REPEATS)
    names = [tool.name for tool in peers.tools(PurePosixPath()) if tool.goal]
    parser.add_argument(
        "--tools", nargs="+", choices=names, help="only these, besides the highstate and its floor"
    )
    options = parser.parse_args()
    settings = load()
    if not process.running(settings):
        raise SystemExit("No fleet is up: run ./rehearse first")
    packages = venv.library(settings, "peers", "3.13", {"ansible/posix"})
    loads = [os.getloadavg()[0]]
    control = Control(settings)
    try:
        with exclusive(settings, "measuring the highstate"), control.entered():
            works = {host: translate(control.low_state(host)) for host in sorted(control.addresses)}
            control.push_floor(peers.floor(works))
            for host, work in works.items():
                control.collect(host, (each["name"] for each in work.resources["files"]))
            control.push(packages, peers.files(control.place, works, control.addresses))
            tools = [
                tool
                for tool in peers.tools(control.place)
                if not (tool.goal and options.tools) or tool.name in options.tools
            ]
            watched = [
                CONTROL,
                max((host for host in works if host != CONTROL), key=lambda h: works[h].states),
            ]
            found = measure(control, tools, works, watched, options.repeats)
            named = ", ".join(f"{name} {version}" for name, version in versions(control, packages).items())
    except (RuntimeError, StepError) as error:
        raise SystemExit(f"bench.highstate: {error}") from error
    loads.append(os.getloadavg()[0])
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps({name: vars(each) for name, each in found.items()}, indent=1))
    sys.stdout.write(
        f"{len(works)} hosts on {os.cpu_count()} processors, "
        f"load {loads[0]:.1f} before and {loads[1]:.1f} after; {named}.\n\n"
        f"{report.times(tools, found, watched)}\n\n{report.amounts(works)}\n\n"
        f"States that peers are not told: {report.left_out(works)}.\n"
    )


if __name__ == "__main__":
    main()
