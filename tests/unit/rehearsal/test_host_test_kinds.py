"""Which host tests run beside each other (tests/hosts/conftest.py)."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

HOSTS = Path(__file__).resolve().parents[2] / "hosts"


@pytest.fixture(scope="module")
def hosts() -> ModuleType:
    """The host tests' conftest.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HOSTS))
        spec = importlib.util.spec_from_file_location("hosts_conftest", HOSTS / "conftest.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def test_each_kind_is_of_files_that_are_there(hosts: ModuleType) -> None:
    """A test that is misspelt would run beside what disturbs it. Mutant: `test_port.py`."""
    assert [name for name in hosts.KINDS if not (HOSTS / name).is_file()] == []


def test_all_tests_of_a_kind_run_in_turn_whatever_their_file_and_host(hosts: ModuleType) -> None:
    """Mutants: each file a kind of its own; the kind of a file not looked up."""
    scheduler = hosts.ByKind.__new__(hosts.ByKind)
    kinds = {
        test: scheduler._split_scope(f"tests/hosts/{test}")
        for test in (
            "test_base.py::test_no_unit_failed[app-1]",
            "test_ports.py::test_allowed_flows_connect",
            "test_app.py::test_bad_input[a::b]",
            "test_secrets.py::test_no_secret_is_in_a_file[loki-1]",
        )
    }
    assert list(kinds.values()) == ["machines", "machines", "the rest", "the rest"]
