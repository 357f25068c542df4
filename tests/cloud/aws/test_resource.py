"""What is ours among what AWS lists: the one filter of every removal."""

import runpy
from typing import Any

import botocore.loaders
import botocore.session
import pytest
from aws_account import CHECKOUT
from salt.exceptions import CommandExecutionError

OURS = {"Fleet": "ours"}
LISTED = {"ours-b": {**OURS, "Name": "b"}, "ours-a": OURS, "ours-c": {"Fleet": "theirs"}, "other": OURS}


@pytest.fixture(scope="module")
def ours() -> Any:
    return runpy.run_path(str(CHECKOUT / "salt/_modules/aws_resource.py"))["ours"]


def test_name_and_tags_tell_what_is_ours(ours: Any) -> None:
    """Mutants: without `startswith`; `tags.keys() <=`; unsorted."""
    assert list(ours(LISTED, "ours-", OURS, dict).items()) == [
        ("ours-a", LISTED["ours-a"]),
        ("ours-b", LISTED["ours-b"]),
    ]


def test_tags_are_asked_for_only_where_the_name_fits(ours: Any) -> None:
    """Mutant: one comprehension that asks for tags first."""
    asked: list[Any] = []

    def tags_of(resource: dict[str, str]) -> dict[str, str]:
        asked.append(resource)
        return resource

    ours(LISTED, "other", OURS, tags_of)
    assert asked == [LISTED["other"]]


def test_without_tags_nothing_is_ours(ours: Any) -> None:
    """Mutant: without the check: no tags are a subset of any."""
    with pytest.raises(CommandExecutionError, match="expected tags"):
        ours(LISTED, "ours-", {}, dict)


def test_credentials_of_a_role_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what a person set is left. Mutants: one of the two left out; set whatever there is."""
    monkeypatch.setenv("AWS_METADATA_SERVICE_TIMEOUT", "9")
    monkeypatch.delenv("AWS_METADATA_SERVICE_NUM_ATTEMPTS", raising=False)
    runpy.run_path(str(CHECKOUT / "salt/_modules/aws_resource.py"))
    session = botocore.session.get_session()
    assert session.get_config_variable("metadata_service_timeout") == 9
    assert session.get_config_variable("metadata_service_num_attempts") == 5


def test_all_clients_of_a_run_share_what_botocore_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: `create_loader` not cached: a run of ``aws`` then takes half as long again."""
    monkeypatch.setattr(botocore.session, "create_loader", botocore.loaders.create_loader)
    runpy.run_path(str(CHECKOUT / "salt/_modules/aws_resource.py"))
    one, other = (botocore.session.get_session().get_component("data_loader") for _ in range(2))
    assert one is other
