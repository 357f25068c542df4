"""A second highstate has nothing left to do; drifts are for test_drift.py."""

import pytest
from highstate import apply, changes

pytestmark = [pytest.mark.drift, pytest.mark.alone]


def test_second_highstate_changes_nothing() -> None:
    """Mutant: a `cmd.run` without `unless`, or a template that prints the time."""
    assert changes(apply()) == {}
