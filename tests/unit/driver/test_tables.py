"""Answers as rows for ``--out=table``."""

from _ec2 import tables

COST = {"monthly": 20.5, "currency": "USD", "prices_as_of": "2025-06"}


def test_a_plan():
    """A row a machine, whatever is to happen. Mutants: a machine or a difference lost, a price made up."""
    plan = {
        "create": {
            "web-1": {"size": "t3.small", "profile": "web", "monthly": 20.5},
            "web-2": {"size": "x9.huge", "profile": "web", "monthly": None},
        },
        "change": {
            "web-3": {
                "size": "t3.small",
                "monthly": 0,
                "differences": {
                    "size": {"is": "t3.nano", "wanted": "t3.small"},
                    "security_groups": {"is": ["sg-1", "sg-2"], "wanted": ["sg-3"]},
                    "tags": {"wanted": {"Team": "web"}},
                    "zone": {"is": "a", "wanted": "b"},
                },
            }
        },
        "extra": {"old-1": {"id": "i-1", "size": "t3.nano"}},
        "cost": COST | {"not_counted": ["x9.huge in eu-west-1"], "spot_machines_at_on_demand_price": 2},
    }
    rows = tables.of_plan(plan)
    assert [tuple(row.values()) for row in rows] == [
        ("create", "web-1", "t3.small", "20.50", ""),
        ("create", "web-2", "x9.huge", "unknown", ""),
        (
            "change",
            "web-3",
            "t3.small",
            "0.00",
            "size: t3.nano -> t3.small, security_groups: sg-1 sg-2 -> sg-3, zone: a -> b, tag Team=web",
        ),
        ("extra", "old-1", "t3.nano", "", ""),
        (
            "",
            "total",
            "",
            "20.50 USD",
            "prices of 2025-06; not counted: x9.huge in eu-west-1; 2 spot at the on-demand price",
        ),
    ]
    assert {tuple(row) for row in rows} == {("action", "machine", "size", "monthly", "what")}


def test_a_plan_of_known_prices():
    """Mutant: a note on what is not there."""
    assert tables.of_plan({"cost": COST}) == [
        {"action": "", "machine": "total", "size": "", "monthly": "20.50 USD", "what": "prices of 2025-06"}
    ]


def test_leaks():
    """Mutant: one row a kind."""
    assert tables.of_leaks({"volumes": ["vol-1", "vol-2"], "records": ["a.b"]}) == [
        {"kind": "volumes", "resource": "vol-1"},
        {"kind": "volumes", "resource": "vol-2"},
        {"kind": "records", "resource": "a.b"},
    ]
