"""Questions about RDS instances, and their master password."""

from typing import Any

from botocore.exceptions import ClientError
from botocore.waiter import WaiterModel, create_waiter_with_client
from salt.exceptions import CommandExecutionError

__virtualname__ = "aws_rds"

# An instance stays available for some seconds after it was told of a new password.
_PASSWORD_IN_FORCE = WaiterModel(
    {
        "version": 2,
        "waiters": {
            "PasswordInForce": {
                "operation": "DescribeDBInstances",
                "delay": 10,
                "maxAttempts": 60,
                "acceptors": [
                    {
                        "matcher": "path",
                        "argument": (
                            "DBInstances[0].DBInstanceStatus == 'available'"
                            " && !(DBInstances[0].PendingModifiedValues.MasterUserPassword)"
                        ),
                        "expected": True,
                        "state": "success",
                    }
                ],
            }
        },
    }
)


def find(name: str, region: str | None = None, profile: str | None = None) -> dict[str, Any] | None:
    """Return an instance as RDS describes it, or None."""
    rds = __salt__["aws_resource.client"]("rds", region, profile)
    try:
        (instance,) = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    except ClientError as error:
        return __salt__["aws_resource.missing"](error, "DBInstanceNotFound", "DBInstanceNotFoundFault")
    return instance


def endpoint(name: str, region: str | None = None, profile: str | None = None) -> str | None:
    """Return the name under which an instance is reached; None: there is none, or it is still being made."""
    return ((find(name, region, profile) or {}).get("Endpoint") or {}).get("Address")


def set_password(name: str, password: str, region: str | None = None, profile: str | None = None) -> None:
    """Set the master password of an instance, and wait until it is in force: for `aws_secret.rotate`.

    Raises:
        CommandExecutionError: there is no such instance.
    """
    rds = __salt__["aws_resource.client"]("rds", region, profile)
    if find(name, region, profile) is None:
        raise CommandExecutionError(f"{name}: there is no such RDS instance; apply aws.database")
    rds.modify_db_instance(DBInstanceIdentifier=name, MasterUserPassword=password, ApplyImmediately=True)
    waiter = create_waiter_with_client("PasswordInForce", _PASSWORD_IN_FORCE, rds)
    waiter.wait(DBInstanceIdentifier=name)
