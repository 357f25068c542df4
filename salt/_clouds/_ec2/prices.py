"""List prices, as far as a plan needs them. A provider's ``prices`` overrides and completes them.

They were written down from memory: for plans, not for bills. aws.amazon.com/ec2/pricing/on-demand and
aws.amazon.com/ebs/pricing have today's. Linux, shared tenancy, US dollars, without tax, free tier, savings
plans, data transfer and public addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

AS_OF = "2025-06"
CURRENCY = "USD"
HOURS_A_MONTH = 730

# An hour, by region and size.
_T3 = {"nano": 1, "micro": 2, "small": 4, "medium": 8, "large": 16, "xlarge": 32, "2xlarge": 64}


def _family(name: str, nano: float) -> dict[str, float]:
    """Return the sizes of a T family, whose prices double from each to the next."""
    return {f"{name}.{size}": round(nano * factor, 4) for size, factor in _T3.items()}


def _sizes(name: str, large: float) -> dict[str, float]:
    """Return the sizes of a family that starts at ``large``."""
    factors = {"large": 1, "xlarge": 2, "2xlarge": 4, "4xlarge": 8}
    return {f"{name}.{size}": round(large * factor, 4) for size, factor in factors.items()}


HOURLY = {
    "eu-west-1": {
        **_family("t3", 0.0057),
        **_family("t3a", 0.0051),
        **_family("t4g", 0.0046),
        **_sizes("m5", 0.107),
        **_sizes("m6i", 0.107),
        **_sizes("m6g", 0.086),
        **_sizes("c5", 0.096),
        **_sizes("c6i", 0.0912),
        **_sizes("r5", 0.141),
        **_sizes("r6i", 0.141),
    },
    "us-east-1": {
        **_family("t3", 0.0052),
        **_family("t3a", 0.0047),
        **_family("t4g", 0.0042),
        **_sizes("m5", 0.096),
        **_sizes("m6i", 0.096),
        **_sizes("m6g", 0.077),
        **_sizes("c5", 0.085),
        **_sizes("c6i", 0.085),
        **_sizes("r5", 0.126),
        **_sizes("r6i", 0.126),
    },
}
# A month: a GiB, and what is provisioned beyond what comes with it.
STORAGE = {
    "eu-west-1": {"gp3": 0.088, "gp2": 0.11, "io1": 0.138, "io2": 0.138, "st1": 0.05, "sc1": 0.0168},
    "us-east-1": {"gp3": 0.08, "gp2": 0.10, "io1": 0.125, "io2": 0.125, "st1": 0.045, "sc1": 0.015},
}
# A month: what is provisioned beyond what comes with it, an IOPS or MiB/s.
PERFORMANCE = {
    "eu-west-1": {"gp3-iops": 0.0055, "gp3-throughput": 0.044, "io1-iops": 0.072, "io2-iops": 0.072},
    "us-east-1": {"gp3-iops": 0.005, "gp3-throughput": 0.04, "io1-iops": 0.065, "io2-iops": 0.065},
}
_GP3_IOPS_INCLUDED = 3000
_GP3_THROUGHPUT_INCLUDED = 125
# io2 is cheaper beyond this, by a price that the table does not have.
_IO2_FIRST_TIER = 32_000


@dataclass(frozen=True)
class Cost:
    """What a machine costs.

    Args:
        monthly: On demand; None: something is not known, and nothing is guessed.
        unknown: What that is.
    """

    monthly: float | None
    unknown: tuple[str, ...] = ()


def of(
    region: str,
    size: str,
    volumes: Iterable[Mapping[str, Any]],
    overrides: Mapping[str, Any] | None = None,
    conditions: Iterable[str] = (),
) -> Cost:
    """Return what a machine costs a month on demand.

    Args:
        region: Where.
        size: Its instance type.
        volumes: Its volumes, as RunInstances' ``Ebs``.
        overrides: Prices: an hour by size, a GiB and month by type of volume, and those of `PERFORMANCE`.
        conditions: What it has that the table has no prices for, in words.
    """
    table = {
        **HOURLY.get(region, {}),
        **STORAGE.get(region, {}),
        **PERFORMANCE.get(region, {}),
        **(overrides or {}),
    }
    billed: list[tuple[str, float | None]] = [(size, HOURS_A_MONTH)]
    for volume in volumes:
        billed += _billed(volume)
    unknown = [f"{name} in {region}" for name, _ in billed if name not in table]
    unknown += [f"size of a {name} volume" for name, amount in billed if amount is None]
    unknown += conditions
    if unknown:
        return Cost(None, tuple(dict.fromkeys(unknown)))
    return Cost(round(sum(float(table[name]) * (amount or 0) for name, amount in billed), 2))


def _billed(volume: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    """Yield what is billed of a volume: the price's name and how much of it, None if nobody says."""
    kind, iops = volume.get("VolumeType", "gp3"), volume.get("Iops", 0)
    yield kind, volume.get("VolumeSize")
    if kind == "gp3":
        if iops > _GP3_IOPS_INCLUDED:
            yield "gp3-iops", iops - _GP3_IOPS_INCLUDED
        if volume.get("Throughput", 0) > _GP3_THROUGHPUT_INCLUDED:
            yield "gp3-throughput", volume["Throughput"] - _GP3_THROUGHPUT_INCLUDED
    elif kind == "io1":
        yield "io1-iops", iops
    elif kind == "io2":
        yield "io2-iops", min(iops, _IO2_FIRST_TIER)
        if iops > _IO2_FIRST_TIER:
            yield f"io2-iops-above-{_IO2_FIRST_TIER}", iops - _IO2_FIRST_TIER
