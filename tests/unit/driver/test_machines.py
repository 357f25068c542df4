"""What the driver's tags say, and who else reads them."""

from types import SimpleNamespace

import pytest
from _ec2 import machines

from rehearsal import inventory


@pytest.mark.parametrize("state", [machines.PENDING, machines.FAILED, machines.COMPLETE, None])
def test_the_rehearsal_takes_for_half_built_what_the_driver_does(state: str | None) -> None:
    """Mutants: the tag, or a value of it, by another name than the driver's."""
    tags = machines.as_tags({"Name": "salt-1"} | ({machines.BOOTSTRAP_TAG: state} if state else {}))
    instance = {"InstanceId": "i-1", "PrivateIpAddress": "10.0.0.4", "Tags": tags}
    ec2 = SimpleNamespace(
        get_paginator=lambda _: SimpleNamespace(
            paginate=lambda **_: [{"Reservations": [{"Instances": [instance]}]}]
        ),
        get_console_output=lambda **_: {},
    )
    (host,) = inventory.find(ec2)
    assert host.half_built is machines.is_half_built(instance)
