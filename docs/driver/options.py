"""Write docs/driver/options.md from the driver's own tables: ``python docs/driver/options.py``."""

import sys
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs/driver/options.md"

HEAD = """\
# Options of the EC2 driver

Against the driver of Salt 3007: *same*, *better*, *new*, *ignored* (accepted, so that old profiles load, and
without effect) or *refused*. Options without a text are those of `salt.utils.cloud.bootstrap`, which Salt
documents.

Made by `docs/driver/options.py` from `salt/_clouds/_ec2/schema.py`, which is also what checks profiles.
"""


def page() -> str:
    """Return the page."""
    sys.path.insert(0, str(CHECKOUT / "salt/_clouds"))
    from _ec2 import schema

    tables = {
        "Provider": schema.PROVIDER,
        "Instance": schema.INSTANCE,
        "Network": schema.NETWORK,
        "Storage": schema.STORAGE,
        "Spot": schema.SPOT,
        "Bootstrap": schema.BOOTSTRAP,
    }
    return "\n".join([HEAD, *(line for name, table in tables.items() for line in _table(name, table))])


def _table(name: str, options: dict) -> Iterator[str]:
    yield f"## {name}\n"
    yield "| Option | What it does | Against 3007 | Why |"
    yield "|---|---|---|---|"
    for key, option in sorted(options.items()):
        yield f"| `{key}` | {option.doc} | {option.parity} | {option.why} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page())
