"""Every host of the map, in every environment, compiles, and its files render."""

import re
from collections import Counter

import yaml
from compiled import ROOT, Minion

# Files of formats without comments.
NO_COMMENTS = {"/etc/app/database-url"}


def test_pillar_is_valid(any_minion: Minion) -> None:
    """Mutant: ``port`` removed from pillar/base/prometheus.sls."""
    assert any_minion.pillar.get("_errors", []) == []


def test_states_compile(any_minion: Minion) -> None:
    """Mutant: ``salt/prometheus/service.sls`` requires an id that is not there."""
    results = any_minion.apply()
    assert isinstance(results, dict), results
    failed = [result for result in results.values() if not result["result"]]
    assert failed == []


def test_states_have_no_unknown_argument(any_minion: Minion) -> None:
    """Mutant: ``mode`` of prometheus-config misspelled ``modus``."""
    assert any_minion.unknown_arguments == []


def test_sources_exist(any_minion: Minion) -> None:
    """Mutant: a rule file in defaults.yaml of salt/prometheus that is not in files/rules."""
    assert list(any_minion.missing_sources()) == []


def test_files_say_where_they_come_from(any_minion: Minion) -> None:
    """Mutant: the first line of salt/prometheus/files/prometheus.yml.jinja removed."""
    for path, text in any_minion.files.items():
        if path not in NO_COMMENTS:
            head = text.removeprefix("#!/bin/sh\n")[:200]
            assert re.search(r"Managed by Salt: salt://\S+", head), path


def test_files_are_rendered(any_minion: Minion) -> None:
    """Mutant: a key misspelled in salt/node_exporter/files/arguments.jinja; ``data_dir:`` without a value."""
    for path, text in any_minion.files.items():
        if not text.startswith("#!/usr/bin/python3"):
            assert "None" not in text.split(), path
        if path.endswith((".yml", ".yaml")):
            assert isinstance(yaml.safe_load(text), dict), path


def test_modes_are_quoted_four_digits(any_minion: Minion) -> None:
    """Mutant: ``mode: 0640`` without quotes, which YAML reads as the number 416."""
    for chunk in any_minion.chunks:
        for key in {"mode", "dir_mode", "file_mode"} & set(chunk):
            assert re.fullmatch(r"[0-7]{4}", str(chunk[key])), f"{chunk['__id__']}: {key} {chunk[key]!r}"


def test_files_have_an_owner_and_a_mode(any_minion: Minion) -> None:
    """Without, somebody else's file is no drift. Mutant: ``user`` of common-admins-sudo left out."""
    for chunk in any_minion.chunks:
        if (chunk["state"], chunk["fun"]) == ("file", "managed") and chunk.get("replace", True):
            assert {"user", "group", "mode"} <= set(chunk), chunk["__id__"]


def test_ids_begin_with_their_formula(any_minion: Minion) -> None:
    """Mutant: ``prometheus-config`` renamed ``config-of-prometheus``."""
    for chunk in any_minion.chunks:
        formula = chunk["__sls__"].partition(".")[0].replace("_", "-")
        assert chunk["__id__"].startswith(f"{formula}-"), chunk["__id__"]
        assert "name" in chunk, chunk["__id__"]


def test_each_path_is_managed_once(any_minion: Minion) -> None:
    """Mutant: a second state for /etc/prometheus/prometheus.yml."""
    paths = Counter(chunk["name"] for chunk in any_minion.chunks if chunk["state"] == "file")
    assert [path for path, count in paths.items() if count > 1] == []


def test_each_role_with_a_formula_has_pillar_and_schema() -> None:
    """Mutant: pillar/base/prometheus.sls removed; the top file forgives a missing one."""
    formulas = {path.parent.name for path in (ROOT / "salt").glob("*/map.jinja")}
    roles = {path.stem for path in (ROOT / "salt/role").glob("*.sls")}
    for name in formulas & (roles | {"node_exporter", "common", "minion"}):
        assert (ROOT / f"pillar/base/{name}.sls").exists(), name
        assert (ROOT / f"pillar/schema/{name}.yaml").exists(), name
