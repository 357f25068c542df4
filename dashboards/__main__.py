"""Write the JSON of every dashboard: ``python -m dashboards`` in the checkout."""

import importlib
import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

NAMES = ("home", "application", "hosts", "logs", "traces", "stack", "salt")
# A directory is a folder of Grafana.
DIRECTORY = Path(__file__).parents[1] / "salt/grafana/files/dashboards/Saltwatch"


def render(name: str) -> str:
    """Return the JSON of a dashboard, as it is committed."""
    built = importlib.import_module(f"dashboards.{name}").build().build()
    return json.dumps(json.loads(json.dumps(built, cls=JSONEncoder)), indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write all, and remove what is no dashboard any more."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for path in DIRECTORY.glob("*.json"):
        path.unlink()
    for name in NAMES:
        (DIRECTORY / f"{name}.json").write_text(render(name))


if __name__ == "__main__":
    main()
