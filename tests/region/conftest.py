"""Fixtures of the tests of the region's API process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.settings import Settings
from tests.region.local import DEBIAN, LocalRegion


@pytest.fixture
def scratch(tmp_path: Path) -> Settings:
    return Settings(root=tmp_path)


@pytest.fixture
def region(scratch: Settings) -> Iterator[LocalRegion]:
    region = LocalRegion(scratch)
    yield region
    region.close()


@pytest.fixture
def ec2(region: LocalRegion) -> Any:
    return region.client("ec2")


@pytest.fixture
def vpc(ec2: Any) -> str:
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def subnet(ec2: Any, vpc: str) -> str:
    answer = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="eu-west-1a")
    return answer["Subnet"]["SubnetId"]


@pytest.fixture
def launch(ec2: Any, subnet: str) -> Any:
    """Return a function that launches one instance in the subnet and returns its description."""

    def run(**options: Any) -> dict[str, Any]:
        defaults = {"ImageId": DEBIAN, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
        if "NetworkInterfaces" not in options:
            defaults["SubnetId"] = subnet
        return ec2.run_instances(**(defaults | options))["Instances"][0]

    return run
