"""RDS: each DB instance is a MariaDB with the account, the port and the certificate that RDS gave it.

Not rehearsed: the standby of a Multi-AZ instance, backups, parameters but for `PARAMETERS`, logs in
CloudWatch, MySQL itself.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from rehearsal.model import File
from rehearsal.region.services import Service

# What RDS's master account may do ("Master user account privileges", RDS user guide), by MariaDB's names.
PRIVILEGES = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES,"
    " CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, BINLOG MONITOR, CREATE VIEW,"
    " SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER"
)
ENGINES = ("mysql", "mariadb")
# What a DB parameter group sets that has an effect here, and its default. They are dynamic, of 1 and 0.
PARAMETERS = {"require_secure_transport": "0"}
_CONFIG = """\
[mariadbd]
bind-address = 0.0.0.0
port = {port}
skip-name-resolve
ssl-cert = /run/mysqld/server.pem
ssl-key = /run/mysqld/server.pem
init-file = /run/mysqld/account.sql
"""
Issue = Callable[[str], str]  # returns the private key and certificate of a host name, as PEM


def used() -> bool:
    """Return whether any call was ever made: moto loads a service at its first, and takes a second for it."""
    return "moto.rds.models" in sys.modules


def services(account: str, region: str, rds: Callable[[], Any], issue: Issue) -> Iterator[Service]:
    """Yield the DB instances of the account.

    Args:
        account: its number.
        region: its region.
        rds: returns a boto3 client; not called while there is no instance.
        issue: returns the key and certificate of an endpoint.
    """
    from moto.rds.models import rds_backends

    known = rds_backends[account][region].databases
    if not known:
        return
    for page in rds().get_paginator("describe_db_instances").paginate():
        for item in page["DBInstances"]:
            if item["Engine"] in ENGINES and item.get("DBSubnetGroup"):
                # The only thing that the API does not tell.
                password = known[item["DBInstanceIdentifier"]]._master_user_password or ""
                statements = _account(item, password) + _parameters(item, rds())
                yield _service(item, statements, issue)


def _service(item: dict[str, Any], statements: str, issue: Issue) -> Service:
    name, endpoint = item["DBInstanceIdentifier"], item["Endpoint"]["Address"]
    return Service(
        kind="rds",
        name=name,
        interface=f"RDSNetworkInterface {name} {item['InstanceCreateTime']:%Y-%m-%dT%H:%M:%S.%f}",
        endpoint=endpoint,
        subnet=item["DBSubnetGroup"]["Subnets"][0]["SubnetIdentifier"],
        groups=tuple(sorted(each["VpcSecurityGroupId"] for each in item["VpcSecurityGroups"])),
        public=False,
        files=(
            File("etc/mysql/mariadb.conf.d/99-rds.cnf", _CONFIG.format(port=item["Endpoint"]["Port"])),
            File("etc/managed/server.pem", issue(endpoint), 0o600),
            File("etc/managed/account.sql", statements, 0o600),
        ),
    )


def _account(item: dict[str, Any], password: str) -> str:
    """Return the statements, one a line as an init-file wants them, that make database and master account."""
    user = f"{_text(item['MasterUsername'])}@'%'"
    lines = [f"CREATE DATABASE IF NOT EXISTS `{item['DBName']}`;"] if item.get("DBName") else []
    lines += [
        f"CREATE USER IF NOT EXISTS {user};",
        f"ALTER USER {user} IDENTIFIED BY {_text(password)};",
        f"GRANT {PRIVILEGES} ON *.* TO {user} WITH GRANT OPTION;",
    ]
    return "\n".join(lines) + "\n"


def _parameters(item: dict[str, Any], rds: Any) -> str:
    """Return the statements that set what the instance's parameter group says."""
    values = dict(PARAMETERS)
    for group in item["DBParameterGroups"]:
        pages = rds.get_paginator("describe_db_parameters").paginate(
            DBParameterGroupName=group["DBParameterGroupName"]
        )
        for parameter in (each for page in pages for each in page["Parameters"]):
            if parameter["ParameterName"] in values:
                values[parameter["ParameterName"]] = parameter["ParameterValue"]
    return "".join(f"SET GLOBAL {name} = {int(value)};\n" for name, value in values.items())


def _text(value: str) -> str:
    """Return a string literal of SQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
