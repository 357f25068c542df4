"""The page of costs is what pillar, maps and price tables say."""

import runpy
from typing import Any

import pytest
from aws_account import CHECKOUT


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return runpy.run_path(str(CHECKOUT / "docs/aws/cost.py"))


def test_the_page_of_costs_is_up_to_date(made: dict[str, Any]) -> None:
    # Mutant: a size changed in prod.map and not on the page.
    assert made["PAGE"].read_text() == made["page"]() + "\n", "run: python docs/aws/cost.py"


def test_totals_are_the_sum_of_what_is_listed(made: dict[str, Any]) -> None:
    # Mutants: `_totals` without the parts; the standby of RDS left out; machines counted twice.
    lines = made["PAGE"].read_text().splitlines()
    for env in ("dev", "prod"):
        (total,) = [float(line.split("|")[2]) for line in lines if line.startswith(f"| **{env}**")]
        start = lines.index(f"## {env}")
        end = next(n for n in range(start + 1, len(lines)) if lines[n].startswith("## "))
        costs = [line.split("|")[-2].strip() for line in lines[start:end] if line.startswith("| ")]
        assert abs(total - sum(float(cost) for cost in costs if cost != "Month")) <= 0.5
    (database,) = [line for line in lines if line.startswith("| RDS ")]
    assert "two zones" in database
    # Two db.t4g.medium (0.072 an hour) of 20 GB (0.127 each), by hand.
    assert float(database.split("|")[-2]) == round(2 * (0.072 * 730 + 20 * 0.127), 2)
