"""List prices, as far as a plan needs them. A provider's ``prices`` overrides and completes them.

Source: aws.amazon.com/ec2/pricing/on-demand and aws.amazon.com/ebs/pricing: Linux, shared tenancy, US
dollars, without tax, free tier, savings plans, data transfer and public addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
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
_GP3_IOPS, _GP3_IOPS_INCLUDED = 0.0055, 3000
_GP3_THROUGHPUT, _GP3_THROUGHPUT_INCLUDED = 0.044, 125
_IO_IOPS = 0.072
# GiB of a root volume whose size nobody gives.
_DEFAULT_SIZE = 8


def monthly(
    region: str, size: str, volumes: list[Mapping[str, Any]], overrides: Mapping[str, Any] | None = None
) -> float | None:
    """Return what a machine costs a month on demand, None if a price is not known.

    Args:
        region: Where.
        size: Its instance type.
        volumes: Its volumes, as RunInstances' ``Ebs``.
        overrides: Prices an hour by size, and a GiB and month by type of volume.
    """
    hourly = {**HOURLY.get(region, {}), **(overrides or {})}.get(size)
    gigabyte = {**STORAGE.get(region, {}), **(overrides or {})}
    if hourly is None or any(volume.get("VolumeType", "gp3") not in gigabyte for volume in volumes):
        return None
    storage = sum(
        gigabyte[volume.get("VolumeType", "gp3")] * volume.get("VolumeSize", _DEFAULT_SIZE)
        + _performance(volume)
        for volume in volumes
    )
    return round(float(hourly) * HOURS_A_MONTH + storage, 2)


def _performance(volume: Mapping[str, Any]) -> float:
    kind, iops = volume.get("VolumeType", "gp3"), volume.get("Iops", 0)
    if kind == "gp3":
        throughput = volume.get("Throughput", 0)
        return (
            max(0, iops - _GP3_IOPS_INCLUDED) * _GP3_IOPS
            + max(0, throughput - _GP3_THROUGHPUT_INCLUDED) * _GP3_THROUGHPUT
        )
    return iops * _IO_IOPS if kind in ("io1", "io2") else 0.0
