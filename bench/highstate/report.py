"""What was measured, as Markdown."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.highstate.peers import Tool
from bench.highstate.work import Work


@dataclass
class Found:
    """What was measured of one tool.

    Args:
        seconds: Wall time of each run.
        memory: By how much that of all processes of a host grew at most, in a run that is not timed (bytes).
    """

    seconds: list[float] = field(default_factory=list)
    memory: Mapping[str, int] = field(default_factory=dict)


def times(tools: Sequence[Tool], found: Mapping[str, Found], watched: Sequence[str]) -> str:
    """Return each tool's time, how it compares to the highstate's, and its memory.

    Args:
        tools: The first is the highstate, the second the floor.
        found: By tool.
        watched: The hosts whose memory was looked at.
    """
    highstate = tools[0].name
    heads = ["tool", "wall time, s", "to the highstate's", "aim", *(f"memory {host}, MB" for host in watched)]
    lines = [
        f"| {' | '.join(heads)} |",
        f"|---|---:|---:|---:|{'---:|' * len(watched)}",
    ]
    for tool in tools:
        own = found[tool.name]
        ratio = statistics.median(own.seconds) / statistics.median(found[highstate].seconds)
        compared = "" if tool.name == highstate else f"{ratio:.2f}"
        aim = f"{tool.goal}" if tool.goal else ""
        if tool.name == "floor":
            aim = "0.33"
        memory = [f"{own.memory[host] / 1e6:.0f}" for host in watched]
        lines.append(f"| {tool.title} | {_spread(own.seconds)} | {compared} | {aim} | {' | '.join(memory)} |")
    return "\n".join(lines)


def amounts(works: Mapping[str, Work]) -> str:
    """Return how much each host's work is."""
    lines = [
        "| host | states of the highstate | told to peers | only when something changes | left out for peers "
        "| results of a peer |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for host, work in works.items():
        counts = (work.states, work.told.total(), work.handlers, work.left_out.total(), work.count)
        lines.append(f"| {host} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines)


def left_out(works: Mapping[str, Work]) -> str:
    """Return the states that peers are not told, by function."""
    total: Counter[str] = sum((work.left_out for work in works.values()), Counter())
    return ", ".join(f"`{function}` {count}" for function, count in total.most_common()) or "none"


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"
