"""What a drill prints at its end, and writes to a file."""

import json
import time
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rehearsal.drill.fault import NotDrilled
from rehearsal.drill.inbox import SINKS
from rehearsal.drill.record import Record


def print_table(
    console: Console,
    records: Iterable[Record],
    unexpected: Iterable[str],
    skipped: dict[str, str],
    left_out: Iterable[NotDrilled],
) -> None:
    """Print each fault with its times, then what was left out and why.

    Args:
        console: Where to.
        records: Of the faults that were made.
        unexpected: Alerts that no fault explains.
        skipped: Reason by fault that could not be made in this fleet.
        left_out: What is not drilled in any rehearsal.
    """
    table = Table("Fault", "Alert", "Injected", "Fired", "Delivered", "Mended", "Resolved", "")
    for record in records:
        start, mended = record.injected, record.mended
        table.add_row(
            record.fault.name,
            record.fault.expected.alert,
            time.strftime("%H:%M:%S", time.localtime(start)) if start else "-",
            _after(start, record.fired),
            _after(start, max(record.delivered.values()) if record.heard else None),
            _after(start, mended),
            _after(mended, max(record.resolved.values()) if record.complete else None),
            "[green]ok[/green]" if record.passed else "[red]FAILED[/red]",
        )
    console.print(table)
    console.print(
        f"Fired, delivered (to {' and '.join(SINKS)}, the later) and mended: seconds after the injection; "
        "resolved: its notices' arrival after the mending.",
        highlight=False,
        soft_wrap=True,
    )
    for record in records:
        for problem in record.problems:
            console.print(f"FAILED {record.fault.name}: {problem}", style="red", markup=False, soft_wrap=True)
    for text in unexpected:
        console.print(f"UNEXPECTED {text}", style="red", markup=False, soft_wrap=True)
    for name, reason in skipped.items():
        console.print(f"SKIPPED {name}: {reason}", style="yellow", markup=False, soft_wrap=True)
    for each in left_out:
        text = f"NOT DRILLED {each.name} ({each.alert}): {each.reason}"
        console.print(text, style="yellow", markup=False, soft_wrap=True)


def write_json(
    path: Path,
    records: Iterable[Record],
    unexpected: Iterable[str],
    skipped: dict[str, str],
    left_out: Iterable[NotDrilled],
) -> None:
    """Write the same to a file; times are seconds since the epoch."""
    content = {
        "faults": [record.as_json() for record in records],
        "unexpected": list(unexpected),
        "skipped": skipped,
        "not_drilled": {each.name: each.reason for each in left_out},
    }
    path.write_text(json.dumps(content, indent=2) + "\n")


def _after(start: float | None, end: float | None) -> str:
    return f"{end - start:.1f} s" if start is not None and end is not None else "-"
