"""Errors of AWS and of the driver, in words that say what was tried and what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import botocore.exceptions
from salt.exceptions import SaltCloudExecutionFailure

THROTTLING = frozenset(
    {
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "RequestThrottled",
        "TooManyRequestsException",
    }
)

# Code: what to do about it.
ADVICE = {
    "UnauthorizedOperation": "allow it to the driver's credentials; with sts:DecodeAuthorizationMessage this"
    " names what is denied",
    "AuthFailure": "the credentials are not valid for this account and region, or the clock is wrong",
    "InsufficientInstanceCapacity": "AWS has none of this size here now; another zone, size or time may do",
    "InstanceLimitExceeded": "the account's quota is reached; ask for more in Service Quotas",
    "VcpuLimitExceeded": "the account's vCPU quota is reached; ask for more in Service Quotas",
    "MaxSpotInstanceCountExceeded": "the account's spot quota is reached; ask for more in Service Quotas",
    "SpotMaxPriceTooLow": "raise `spot_price`, or leave it out to pay at most the on-demand price",
    "InvalidAMIID.NotFound": "the image is not in this region, or not shared with this account",
    "InvalidGroup.NotFound": "the security group is not in this region, or not in the subnet's VPC",
    "InvalidSubnetID.NotFound": "the subnet is not in this region",
    "InvalidKeyPair.NotFound": "`keyname` is not in this region; import_keypair can bring it",
    "OperationNotPermitted": "termination protection may be on: -a disable_term_protect",
    "PendingVerification": "AWS is still verifying the account for this region",
    "OptInRequired": "subscribe to the image in AWS Marketplace first",
    "AddressLimitExceeded": "the account's quota of Elastic IPs is reached",
    "VolumeLimitExceeded": "the account's quota of EBS storage is reached",
    "EncryptedVolumesNotSupported": "this size takes no encrypted volumes; take a current generation",
}


def code(error: Exception) -> str:
    """Return AWS's code of an error, or the name of what went wrong before AWS answered."""
    if isinstance(error, botocore.exceptions.ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def describe(error: Exception, tried: str) -> str:
    """Return one line with what was tried, AWS's code and message, and what to do."""
    if isinstance(error, botocore.exceptions.ClientError):
        detail = error.response.get("Error", {}).get("Message", "")
        line = f"{tried}: {error.operation_name} answered {code(error)}: {detail}"
    else:
        line = f"{tried}: {error}"
    advice = ADVICE.get(code(error))
    return f"{line} ({advice})" if advice else line


@contextlib.contextmanager
def explained(tried: str) -> Iterator[None]:
    """Turn errors of AWS inside the block into salt-cloud's own.

    Args:
        tried: What the block does, as in "looking for subnet app".

    Raises:
        SaltCloudExecutionFailure: AWS refused, or could not be asked.
    """
    try:
        yield
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        raise SaltCloudExecutionFailure(describe(error, tried)) from error


@contextlib.contextmanager
def ignored(*codes: str) -> Iterator[None]:
    """Let AWS's errors of these codes pass: they say that what was to be done is done."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        if code(error) not in codes:
            raise
