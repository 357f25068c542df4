"""Which volumes `aws_ec2.volumes_absent` takes for data."""

from types import ModuleType
from typing import Any

import pytest
from loader import load

TAGS = {"Fleet": "saltwatch"}


def attached(ends_with_host: bool) -> list[dict[str, Any]]:
    return [{"InstanceId": "i-1", "DeleteOnTermination": ends_with_host}]


ROOT_VOLUME = {"State": "in-use", "Attachments": attached(True)}
DATA_VOLUME = {"State": "in-use", "Attachments": attached(False)}
LEFT_VOLUME = {"State": "available", "Attachments": []}


@pytest.fixture
def states() -> ModuleType:
    resource = load("_modules/aws_resource.py", __opts__={"test": True})
    there = {"vol-root": ROOT_VOLUME, "vol-data": DATA_VOLUME, "vol-left": LEFT_VOLUME}
    return load(
        "_states/aws_ec2.py",
        __salt__={
            "aws_resource.client": lambda *_: None,
            "aws_resource.absent": resource.absent,
            "aws_resource.keep": resource.keep,
            "aws_ec2.by_id": lambda *_: there,
            "aws_ec2.tags_of": lambda _: {"Name": "loki-1"},
        },
    )


def test_one_that_is_deleted_with_its_host_is_not_waited_for(states: ModuleType) -> None:
    """AWS has no answer for a waiter once it is gone. Mutant: every volume with the tags."""
    told = states.volumes_absent("volumes", TAGS, delete_data=True)
    assert told["changes"] == {"old": ["vol-data", "vol-left"], "new": None}


def test_data_is_kept(states: ModuleType) -> None:
    """Mutants: attached ones never looked at; `keep` left out."""
    told = states.volumes_absent("volumes", TAGS)
    assert told["result"] is False
    assert "vol-data of loki-1" in told["comment"]
