"""Write options.md and parity.md from the driver's own tables: ``python docs/driver/pages.py``."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
HERE = CHECKOUT / "docs/driver"
sys.path.insert(0, str(CHECKOUT / "salt/_clouds"))

VERDICTS = """\
Against the driver of Salt 3007: *same*, *better*, *new*, *ignored* (accepted, so that old profiles load, and
without effect) or *refused*.
"""
OPTIONS = f"""\
# Options of the EC2 driver

{VERDICTS}Options without a text are those of `salt.utils.cloud.bootstrap`, which Salt documents. The names in
`network_interfaces`, `volumes` and `spot_config` are at the end.

Made by `docs/driver/pages.py` from `salt/_clouds/_ec2/schema.py`, which is also what checks profiles.
"""
PARITY = f"""\
# Against the driver of Salt 3007

Every option, function and action of Salt 3007.15's EC2 driver, by the names in
[salt-3007.yaml](salt-3007.yaml), and how this driver's compares. What is *new* is in
[options.md](options.md).

{VERDICTS}
D1 to D20 are the defects that [moving.md](moving.md) explains. Made by `docs/driver/pages.py` from
`salt/_clouds/_ec2/schema.py` and `parity.py`.
"""


def old() -> dict[str, Any]:
    """Return the names that the driver of Salt 3007 had."""
    return yaml.safe_load((HERE / "salt-3007.yaml").read_text())


def nested() -> dict[str, dict]:
    """Return the tables of options that are inside others, by the option that they are in."""
    from _ec2.schema_devices import INTERFACE, SPOT_CONFIG, VOLUME

    return {
        "network_interfaces": INTERFACE,
        "volumes": VOLUME,
        "spot_config": SPOT_CONFIG,
    }


def options() -> str:
    """Return the page of options."""
    from _ec2 import schema

    tables = {
        "Provider": schema.PROVIDER,
        "Instance": schema.INSTANCE,
        "Network": schema.NETWORK,
        "Storage": schema.STORAGE,
        "Spot": schema.SPOT,
        "Bootstrap": schema.BOOTSTRAP,
        **{f"In `{name}`": table for name, table in nested().items()},
    }
    lines = [OPTIONS]
    for title, table in tables.items():
        lines += [f"## {title}\n", "| Option | What it does | Against 3007 | Why |", "|---|---|---|---|"]
        lines += [
            f"| `{key}` | {option.doc} | {option.parity} | {option.why} |"
            for key, option in sorted(table.items())
        ]
        lines.append("")
    return "\n".join(lines)


def parity() -> str:
    """Return the page of what became of each name of the old driver."""
    return "\n".join([PARITY, *_parity()])


def _parity() -> Iterator[str]:
    from _ec2 import schema
    from _ec2.parity import FUNCTIONS

    names = old()
    tables = {"top": schema.ALL, **nested()}
    for where, keys in names["options"].items():
        yield from _table("Options" if where == "top" else f"Options in `{where}`", keys, tables[where])
    yield from _table("Functions: `salt-cloud -f`", names["functions"], FUNCTIONS)
    yield from _table("Actions: `salt-cloud -a`, `-p`, `-d`", names["actions"], FUNCTIONS)
    yield "## Not commands\n"
    yield "Steps and helpers of the old driver's own code, of no use to a caller. They are not here:"
    yield ", ".join(f"`{name}`" for name in names["internals"]) + ".\n"


def _table(title: str, keys: list[str], verdicts: dict[str, Any]) -> Iterator[str]:
    yield from (f"## {title}\n", "| Name | Here | What is better, or why |", "|---|---|---|")
    yield from (f"| `{key}` | {verdicts[key].parity} | {verdicts[key].why} |" for key in keys)
    yield ""


PAGES = {HERE / "options.md": options, HERE / "parity.md": parity}

if __name__ == "__main__":
    for path, page in PAGES.items():
        path.write_text(page())
