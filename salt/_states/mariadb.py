"""MariaDB's databases and users, over the host's socket as root, without a password; users of RDS's MySQL.

Why not ``mysql_user`` and ``mysql_grants`` of saltext-mysql 1.1.0: they leave alone a privilege or a host
that is not asked for, and an extension that a run installs is found only by the next one.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from salt.exceptions import CommandExecutionError

__virtualname__ = "mariadb"

SOCKET = "/run/mysqld/mysqld.sock"
NO_PRIVILEGE = "USAGE"
# How each gives an account its password: MariaDB is told the hash, MySQL wants the password.
_MARIADB, _MYSQL = "VIA mysql_native_password USING", "BY"
# Access denied; the second is what MariaDB says of a user that there is not.
_ACCESS_DENIED = (1045, 1698)

Result = dict[str, Any]
Statement = tuple[str, tuple[str, ...]]  # SQL, and the values of its placeholders


class Account(NamedTuple):
    """What a user may do who comes from one host, and what the password is told by.

    That is what MariaDB stores of it. MySQL's is salted: there it is the password itself, or "" where it is
    not admitted.
    """

    password: str
    privileges: frozenset[str]  # on the one database
    elsewhere: frozenset[str]  # on anything else


class Server(NamedTuple):
    """A server that is reached by TLS, as its master account."""

    host: str
    port: int
    user: str
    password: str
    ca: str


class UnreachableError(CommandExecutionError):
    """Nobody answers at the socket."""


def database_present(
    name: str, character_set: str, collation: str, data_dir: str, socket: str = SOCKET
) -> Result:
    """Make sure that a database is there, and what new tables in it start from.

    Args:
        name: the database's name.
        character_set: such as ``utf8mb4``.
        collation: such as ``utf8mb4_unicode_ci``.
        data_dir: the server's data directory, which ``test=True`` goes by while the server does not run.
        socket: the server's Unix socket.

    Raises:
        CommandExecutionError: the server cannot be reached or refuses.
    """
    wanted = {"character_set": character_set, "collation": collation}

    def look(cursor: Any) -> Result:
        cursor.execute(
            "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata"
            " WHERE schema_name = %s",
            (name,),
        )
        row = cursor.fetchone()
        actual = dict(zip(wanted, row, strict=True)) if row else None
        statements: list[Statement] = []
        if actual != wanted:
            verb = "ALTER" if actual else "CREATE"
            sql = f"{verb} DATABASE {_quoted(name)} CHARACTER SET {character_set} COLLATE {collation}"
            statements.append((sql, ()))
        return _apply(cursor, name, statements, {"old": actual, "new": wanted})

    return _ask(look, name, Path(data_dir, name), {"old": None, "new": wanted}, socket)


def user_present(
    name: str,
    hosts: list[str],
    database: str,
    privileges: list[str],
    data_dir: str = "",
    password: str | None = None,
    secret: str | None = None,
    region: str | None = None,
    socket: str = SOCKET,
    server: Mapping[str, Any] | None = None,
) -> Result:
    """Make sure that a user can log in from these hosts, with these privileges on one database, and no more.

    What the user has beyond it (privileges, other hosts to come from) is taken away.

    Args:
        name: the user's name.
        hosts: from where: addresses, or patterns such as ``10.0.%``.
        database: the one database.
        privileges: such as ``SELECT``.
        data_dir: see `database_present`.
        password: not shown anywhere, and sent to the server as its hash only.
        secret: instead of a password, the name of the AWS secret that has it. It is read here, by the host's
            own role, so that it is in no pillar and no job. While it is being rotated the new one counts.
        region: of the secret.
        socket: the server's Unix socket.
        server: instead of the socket MySQL somewhere else: ``port``, ``ca`` (path of the certificates to
            trust) and ``secret`` with its master account and its ``host``, of which its certificate has to
            be. Clients come from where this host comes from: whether the password is in force is seen by
            logging in with it.

    Raises:
        CommandExecutionError: the server cannot be reached or refuses, or the secret cannot be read.
    """
    if secret:
        password = __salt__["aws_secret.password_to_be"](secret, region)
    if not password:
        raise CommandExecutionError(f"{name}: expected a password, or a secret that has one")
    where, told_by, identified = socket, password_hash(password), _MARIADB
    if server:
        where, told_by, identified = _server(server, region), password, _MYSQL
    account = Account(told_by, frozenset(map(str.upper, privileges)), frozenset())
    wanted = dict.fromkeys(hosts, account)

    def look(cursor: Any) -> Result:
        if isinstance(where, Server):
            stored = password if _admitted(where, name, password) else ""
            passwords = dict.fromkeys(_hosts(cursor, name), stored)
        else:
            passwords = {host: _stored(cursor, name, host) for host in _hosts(cursor, name)}
        actual = {
            host: Account(stored, *_privileges(cursor, name, host, database))
            for host, stored in passwords.items()
        }
        statements = list(plan(name, database, actual, wanted, identified))
        return _apply(cursor, name, statements, {"old": _shown(actual), "new": _shown(wanted)})

    return _ask(look, name, Path(data_dir, database), {"old": {}, "new": _shown(wanted)}, where)


def password_hash(password: str) -> str:
    """Return what the server stores of a password (plugin ``mysql_native_password``).

    Source: https://mariadb.com/docs/server/reference/plugins/authentication-plugins/authentication-plugin-mysql_native_password
    """
    once = hashlib.sha1(password.encode()).digest()  # noqa: S324 - the server's own scheme
    return f"*{hashlib.sha1(once).hexdigest().upper()}"  # noqa: S324


def plan(
    name: str,
    database: str,
    actual: dict[str, Account],
    wanted: dict[str, Account],
    identified: str = _MARIADB,
) -> Iterator[Statement]:
    """Yield the statements that turn the accounts of a user, by host, from ``actual`` into ``wanted``.

    ``identified`` is how a statement gives an account its password.
    """
    for host in sorted(actual.keys() - wanted.keys()):
        yield "DROP USER %s@%s", (name, host)
    for host, account in wanted.items():
        user = (name, host)
        before = actual.get(host)
        if before is None or before.password != account.password:
            verb = "ALTER" if before else "CREATE"
            yield f"{verb} USER %s@%s IDENTIFIED {identified} %s", (*user, account.password)
        if before and (before.elsewhere or before.privileges - account.privileges):
            yield "REVOKE ALL PRIVILEGES, GRANT OPTION FROM %s@%s", user
            before = None
        if before is None or before.privileges != account.privileges:
            granted = ", ".join(sorted(account.privileges))
            yield f"GRANT {granted} ON {_quoted(database)}.* TO %s@%s", user


def _hosts(cursor: Any, name: str) -> list[str]:
    cursor.execute("SELECT host FROM mysql.user WHERE user = %s", (name,))
    return [host for (host,) in cursor.fetchall()]


def _stored(cursor: Any, name: str, host: str) -> str:
    """Return what MariaDB stores of a password."""
    cursor.execute(
        "SELECT JSON_VALUE(priv, '$.authentication_string') FROM mysql.global_priv"
        " WHERE user = %s AND host = %s",
        (name, host),
    )
    (stored,) = cursor.fetchone()
    return stored or ""


def _privileges(cursor: Any, name: str, host: str, database: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the privileges of an account on the one database, and on anything else."""
    cursor.execute(
        "SELECT table_schema, privilege_type FROM information_schema.schema_privileges WHERE grantee = %s"
        " UNION SELECT '*', privilege_type FROM information_schema.user_privileges WHERE grantee = %s"
        " UNION SELECT '*', privilege_type FROM information_schema.table_privileges WHERE grantee = %s",
        (f"'{name}'@'{host}'",) * 3,
    )
    rows = [row for row in cursor.fetchall() if row[1] != NO_PRIVILEGE]
    return (
        frozenset(privilege for schema, privilege in rows if schema == database),
        frozenset(privilege for schema, privilege in rows if schema != database),
    )


def _server(given: Mapping[str, Any], region: str | None) -> Server:
    """Return a server with its master account."""
    try:
        account = __salt__["aws_secret.read"](given["secret"], region)
    except Exception as error:  # boto3 may not be there to name its exceptions
        raise CommandExecutionError(f"secret {given['secret']}: {error}") from error
    if "host" not in account:
        raise CommandExecutionError(f"secret {given['secret']}: it has no host yet; apply aws.database")
    return Server(account["host"], given["port"], account["username"], account["password"], given["ca"])


def _admitted(server: Server, name: str, password: str) -> bool:
    """Return whether a user can log in."""
    try:
        with _session(server._replace(user=name, password=password)):
            return True
    except UnreachableError as error:
        if getattr(error.__cause__, "args", (0,))[0] not in _ACCESS_DENIED:
            raise
        return False


def _shown(accounts: dict[str, Account]) -> Result:
    """Return accounts for people: whether the password is another one is not to be seen from its hash."""
    return {
        host: sorted(account.privileges | {f"{privilege} (elsewhere)" for privilege in account.elsewhere})
        for host, account in accounts.items()
    }


def _quoted(identifier: str) -> str:
    return f"`{identifier.replace('`', '``')}`"


def _ask(look: Callable[[Any], Result], name: str, data: Path, new: Result, where: str | Server) -> Result:
    """Return what ``look`` finds at the server.

    ``test=True`` also answers while the server does not run, because it is not installed yet or an earlier
    state would start it: it then tells by the database's directory whether everything is new.
    """
    try:
        with _session(where) as cursor:
            return look(cursor)
    except UnreachableError as error:
        if not __opts__["test"] or isinstance(where, Server):
            raise
        if data.is_dir():
            comment = f"{name} cannot be looked at ({error}); {data} is there."
            return {"name": name, "result": True, "changes": {}, "comment": comment}
        comment = f"{name} would be created: the server does not run, and there is no {data}."
        return {"name": name, "result": None, "changes": new, "comment": comment}


@contextmanager
def _session(where: str | Server) -> Iterator[Any]:
    # Imported here: where it is missing the message is to be this one, not that there is no such state.
    try:
        import pymysql
    except ImportError as error:
        raise UnreachableError("minion:extensions: expected PyMySQL, which this state needs") from error
    if isinstance(where, Server):
        account = {**where._asdict(), "ssl_ca": where.ca, "ssl_verify_identity": True}
        del account["ca"]
        where = where.host
    else:
        account = {"unix_socket": where, "user": "root"}
    try:
        connection = pymysql.connect(**account, charset="utf8mb4", autocommit=True)
    except pymysql.OperationalError as error:
        raise UnreachableError(f"{where}: {error}") from error
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    except pymysql.MySQLError as error:
        raise CommandExecutionError(f"{where}: {error}") from error


def _apply(cursor: Any, name: str, statements: Iterable[Statement], changes: Result) -> Result:
    statements = list(statements)
    if not statements:
        return {"name": name, "result": True, "changes": {}, "comment": f"{name} is as it should be."}
    if __opts__["test"]:
        return {"name": name, "result": None, "changes": changes, "comment": f"{name} would be changed."}
    for sql, values in statements:
        cursor.execute(sql, values)
    return {"name": name, "result": True, "changes": changes, "comment": f"{name} was changed."}
