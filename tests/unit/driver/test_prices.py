"""What a machine costs, and what is said when that is not known."""

import re

import pytest
from _ec2 import prices

HERE = "eu-west-1"


def gp3(size=10, **more):
    return {"VolumeType": "gp3", "VolumeSize": size, **more}


def test_the_table_is_dated():
    """Mutant: no date, or a currency that is none."""
    assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", prices.AS_OF)
    assert prices.CURRENCY == "USD"
    assert "aws.amazon.com" in prices.__doc__


@pytest.mark.parametrize(
    ("size", "region", "hourly"),
    [
        ("t3.nano", HERE, 0.0057),
        ("t3.micro", HERE, 0.0114),
        ("t3.small", HERE, 0.0228),
        ("t3.2xlarge", HERE, 0.3648),
        ("t3a.large", HERE, 0.0816),
        ("t4g.medium", HERE, 0.0368),
        ("m5.large", HERE, 0.107),
        ("m6i.4xlarge", HERE, 0.856),
        ("m6g.xlarge", HERE, 0.172),
        ("c5.2xlarge", HERE, 0.384),
        ("c6i.large", HERE, 0.0912),
        ("r5.large", HERE, 0.141),
        ("r6i.xlarge", HERE, 0.282),
        ("t3.xlarge", "us-east-1", 0.1664),
        ("t3a.nano", "us-east-1", 0.0047),
        ("t4g.small", "us-east-1", 0.0168),
        ("m5.large", "us-east-1", 0.096),
        ("m6i.xlarge", "us-east-1", 0.192),
        ("m6g.2xlarge", "us-east-1", 0.308),
        ("c5.4xlarge", "us-east-1", 0.68),
        ("c6i.large", "us-east-1", 0.085),
        ("r5.xlarge", "us-east-1", 0.252),
        ("r6i.large", "us-east-1", 0.126),
    ],
)
def test_an_hour(size, region, hourly):
    """As AWS's list has it, 730 hours a month. Mutants: a wrong price, a wrong factor between sizes."""
    assert prices.of(region, size, []).monthly == pytest.approx(hourly * 730, abs=0.006)


@pytest.mark.parametrize(
    ("region", "volume", "monthly"),
    [
        (HERE, gp3(100), 8.8),
        (HERE, {"VolumeSize": 100}, 8.8),  # gp3 is the default
        (HERE, gp3(Iops=3000, Throughput=125), 0.88),
        (HERE, gp3(Iops=4000), 0.88 + 5.5),
        (HERE, gp3(Throughput=225), 0.88 + 4.4),
        (HERE, {"VolumeType": "gp2", "VolumeSize": 100, "Iops": 300}, 11.0),
        (HERE, {"VolumeType": "io1", "VolumeSize": 100, "Iops": 1000}, 13.8 + 72),
        (HERE, {"VolumeType": "io1", "VolumeSize": 100}, 13.8),
        (HERE, {"VolumeType": "io2", "VolumeSize": 100, "Iops": 32000}, 13.8 + 2304),
        (HERE, {"VolumeType": "st1", "VolumeSize": 1000}, 50),
        (HERE, {"VolumeType": "sc1", "VolumeSize": 1000}, 16.8),
        ("us-east-1", gp3(100, Iops=4000, Throughput=225), 8 + 5 + 4),
        ("us-east-1", {"VolumeType": "gp2", "VolumeSize": 100}, 10),
        ("us-east-1", {"VolumeType": "io1", "VolumeSize": 100, "Iops": 1000}, 12.5 + 65),
        ("us-east-1", {"VolumeType": "io2", "VolumeSize": 100, "Iops": 1000}, 12.5 + 65),
        ("us-east-1", {"VolumeType": "st1", "VolumeSize": 1000}, 45),
        ("us-east-1", {"VolumeType": "sc1", "VolumeSize": 1000}, 15),
    ],
)
def test_a_volume(region, volume, monthly):
    """Mutants: a wrong price, what is included billed, what is provisioned not billed."""
    plain = prices.of(region, "t3.nano", []).monthly
    assert prices.of(region, "t3.nano", [volume]).monthly - plain == pytest.approx(monthly, abs=0.011)


@pytest.mark.parametrize(
    ("region", "size", "volumes", "unknown"),
    [
        (HERE, "x9.huge", [], ["x9.huge in eu-west-1"]),
        ("eu-north-1", "t3.nano", [gp3(), gp3()], ["t3.nano in eu-north-1", "gp3 in eu-north-1"]),
        (HERE, "t3.nano", [{"VolumeType": "gp9", "VolumeSize": 1}], ["gp9 in eu-west-1"]),
        (HERE, "t3.nano", [{"SnapshotId": "snap-1"}], ["size of a gp3 volume"]),
        (
            HERE,
            "t3.nano",
            [{"VolumeType": "io2", "VolumeSize": 1, "Iops": 32001}],
            ["io2-iops-above-32000 in eu-west-1"],
        ),
    ],
)
def test_what_is_not_known_is_said(region, size, volumes, unknown):
    """And nothing is guessed. Mutants: a default price, a default size, the name of it lost."""
    assert prices.of(region, size, volumes) == prices.Cost(None, tuple(unknown))


def test_conditions_have_no_price():
    """Mutant: a dedicated machine priced as a shared one."""
    cost = prices.of(HERE, "t3.nano", [], conditions=["tenancy dedicated"])
    assert cost == prices.Cost(None, ("tenancy dedicated",))


def test_overrides():
    """They replace and complete the table. Mutant: the table wins."""
    mine = {"t3.nano": 1, "gp3": 1, "gp3-iops": 0.5, "x9.huge": 2, "io2-iops-above-32000": 0.1}
    assert prices.of(HERE, "t3.nano", [gp3(Iops=3002)], mine).monthly == 741
    assert prices.of("eu-north-1", "x9.huge", [gp3()], mine).monthly == 1470
    tiered = {"VolumeType": "io2", "VolumeSize": 0, "Iops": 32010}
    assert prices.of(HERE, "t3.nano", [tiered], mine).monthly == 730 + 2304 + 1
