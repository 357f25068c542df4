"""The account of the database, from Secrets Manager: read when first needed, and again when connecting fails.

So a rotation of its password needs no restart: connections that are open go on, and a new one that is refused
is tried again with the secret's current version and then with the pending one, which the database has already
while the rotation is being finished. Nor does a server that has another name from now on.
"""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy.engine import Dialect

from saltwatch_app.aws import Aws, Unavailable

# As Secrets Manager names the versions in force before and after a rotation that is under way. The first once
# more, as the rotation may have been finished when there was no pending version any more.
STAGES = ("AWSCURRENT", "AWSPENDING", "AWSCURRENT")
# Access denied: https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference
_REFUSED = (1045, 1698)

Login = dict[str, str]  # as the driver takes it: user, password, and host if the secret has one


class Account:
    """A user and a password, the same for all of a process's connections.

    Args:
        aws: asks Secrets Manager.
        secret: the name of a secret with the keys ``username`` and ``password``. It may have ``host``: the
            server's own name, which its certificate has, where the URL's is another one for it.
    """

    def __init__(self, aws: Aws, secret: str) -> None:
        self._aws = aws
        self._secret = secret
        self._login: Login | None = None
        self._moved = False  # perhaps: the last attempt did not even come to the account

    def connect(self, dialect: Dialect, arguments: Any, parameters: dict[str, Any]) -> Any:
        """Return a new connection of the driver's.

        Raises:
            OperationalError: the driver's; there is no connection, or no version of the secret is admitted.
        """
        failure: Any = dialect.loaded_dbapi.OperationalError
        refusal: Exception | None = None
        try:
            for login in self._logins():
                try:
                    connection = dialect.connect(*arguments, **{**parameters, **login})
                except failure as error:
                    if error.args[0] not in _REFUSED:
                        self._moved = True  # the secret says where to
                        raise
                    refusal = error
                else:
                    self._login, self._moved = login, False
                    return connection
        except Unavailable as error:
            # Once a version was refused, that there is no pending one is no news.
            refusal = refusal or failure(f"the account of the database: {error.reason}")
        raise refusal or failure(f"the secret {self._secret} has no version")

    def _logins(self) -> Iterator[Login]:
        """Yield what may be admitted: what was the last time, then the secret's versions."""
        known = self._login
        tried: list[Login] = []
        if known and not self._moved:
            yield known
            tried.append(known)
        for stage in STAGES:
            try:
                login = self._read(stage)
            except Unavailable as error:
                if known and not tried:  # a database that is back is not kept waiting for the secret
                    yield known
                if error.silent or not tried:
                    raise
                continue
            if login not in tried:
                yield login
                tried.append(login)

    def _read(self, stage: str) -> Login:
        service, operation = "secretsmanager", "GetSecretValue"
        answer = self._aws.call(service, operation, SecretId=self._secret, VersionStage=stage)
        try:
            value = json.loads(answer["SecretString"])
            login = {"user": str(value["username"]), "password": str(value["password"])}
            return login | ({"host": str(value["host"])} if "host" in value else {})
        except (KeyError, TypeError, ValueError):  # whose texts may quote the secret
            reason = "the secret is no JSON object with username and password"
            raise Unavailable(service, operation, reason) from None
