"""Answers as rows, for ``salt-cloud --out=table``: Salt's table shows lists of flat mappings only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = dict[str, str]


def of_plan(plan: Mapping[str, Any]) -> list[Row]:
    """Return a row a machine of what `plan.make` answers, and one of the total."""
    rows = [
        {
            "action": action,
            "machine": name,
            "size": about["size"],
            "monthly": _amount(about),
            "what": _differences(about.get("differences", {})),
        }
        for action, machines in plan.items()
        if action != "cost"
        for name, about in machines.items()
    ]
    cost = plan["cost"]
    notes = [f"prices of {cost['prices_as_of']}"]
    notes += [f"not counted: {one}" for one in cost.get("not_counted", ())]
    if "spot_machines_at_on_demand_price" in cost:
        notes.append(f"{cost['spot_machines_at_on_demand_price']} spot at the on-demand price")
    total = f"{cost['monthly']:.2f} {cost['currency']}"
    return [*rows, {"action": "", "machine": "total", "size": "", "monthly": total, "what": "; ".join(notes)}]


def of_leaks(leaks: Mapping[str, Sequence[str]]) -> list[Row]:
    """Return a row a resource of what `leaks.find` answers."""
    return [{"kind": kind, "resource": one} for kind, found in leaks.items() for one in found]


def _amount(about: Mapping[str, Any]) -> str:
    if "monthly" not in about:  # not of the map: it is not asked what it costs
        return ""
    return "unknown" if about["monthly"] is None else f"{about['monthly']:.2f}"


def _differences(differences: Mapping[str, Any]) -> str:
    tags = differences.get("tags", {}).get("wanted", {})
    return ", ".join(
        [
            *(
                f"{key}: {_text(one['is'])} -> {_text(one['wanted'])}"
                for key, one in differences.items()
                if key != "tags"
            ),
            *(f"tag {key}={value}" for key, value in tags.items()),
        ]
    )


def _text(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)
