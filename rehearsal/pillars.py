"""Compile the pillar of hosts as their master would: ``python -m rehearsal.pillars HOST...`` in the checkout.

Exits with 1 and says what is wrong, each fault once with the hosts that it concerns.
"""

import sys
from collections.abc import Iterable

import click
import salt.config
import salt.pillar

CONFIGURATION = "operator/minion"


def problems(hosts: Iterable[str]) -> dict[str, list[str]]:
    """Return the hosts that each fault concerns.

    Args:
        hosts: Minion ids, of any environment's map.
    """
    found: dict[str, list[str]] = {}
    for host in hosts:
        opts = salt.config.minion_config(CONFIGURATION, minion_id=False)
        opts |= {"id": host, "grains": {"id": host}, "pillar_safe_render_error": False}
        compiled = salt.pillar.Pillar(opts, opts["grains"], host, "base").compile_pillar()
        for fault in compiled.get("_errors", ()):
            told = fault.replace("Please see master log for details.", "The log has the lines.").strip()
            found.setdefault(told, []).append(host)
    return found


if __name__ == "__main__":
    faults = problems(sys.argv[1:])
    for fault, concerned in faults.items():
        click.echo(f"{fault} ({', '.join(concerned)})")
    sys.exit(1 if faults else 0)
