"""The lint step itself: it fails when a tool does, says so when something cannot be checked, and goes on."""

import io

import pytest
from rich.console import Console

from rehearsal import checks


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=200)


def ended(check, console):
    return checks.run(check, console), console.file.getvalue()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#!/bin/sh\n", True),
        ("#!/usr/bin/env bash\n", True),
        ("# shellcheck shell=sh\n", True),
        ("#!/usr/bin/python3\n", False),
        ("echo '#!/bin/sh'\n", False),
        ("", False),
    ],
)
def test_shell_scripts_are_known_by_their_first_line(text, expected):
    # Mutants: `env bash` not taken apart; the directive of fragments not looked at.
    assert checks.is_shell(text) is expected


def test_every_command_of_a_check_has_to_pass(console):
    # Mutants: only the last exit code counts; the tool's output is dropped.
    bad = ["sh", "-c", "echo why; exit 3"]
    passed, said = ended(checks.Check("both", lambda: [bad, ["true"]]), console)
    assert not passed
    assert "FAILED" in said
    assert "why" in said


def test_a_missing_tool_is_a_failure(console):
    # Mutant: taken for something that cannot be checked here.
    passed, said = ended(checks.Check("tool", lambda: [["no-such-tool"]]), console)
    assert not passed
    assert "no-such-tool is not installed" in said


def test_what_cannot_be_checked_says_so_and_why(console):
    # Mutants: Skip counted as a failure; nothing printed.
    def commands():
        raise checks.Skip("no network")

    passed, said = ended(checks.Check("audit", commands), console)
    assert passed
    assert "SKIPPED  audit: no network" in said


def test_all_checks_run_and_one_failure_fails_them_all(monkeypatch, capsys):
    # Mutants: `all` of a generator (stops at the first failure); `any`.
    bad = checks.Check("bad", lambda: [["false"]])
    good = checks.Check("good", lambda: [["true"]])
    monkeypatch.setattr(checks, "CHECKS", (bad, good))
    assert checks.main() == 1
    assert "good" in capsys.readouterr().out
    monkeypatch.setattr(checks, "CHECKS", (good,))
    assert checks.main() == 0
