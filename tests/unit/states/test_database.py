"""MariaDB's users: exactly what pillar says."""

import pytest
from loader import load
from salt.exceptions import CommandExecutionError

mariadb = load("_states/mariadb.py")
WANTED = mariadb.Account("*NEW", frozenset({"SELECT", "INSERT"}), frozenset())


def statements(actual: dict, wanted: dict) -> list[str]:
    return [sql % values for sql, values in mariadb.plan("app", "app", actual, wanted)]


def test_a_password_is_stored_as_the_server_does() -> None:
    """The server's own answer to ``SELECT PASSWORD('mariadb')``. Mutant: hashed once."""
    assert mariadb.password_hash("mariadb") == "*54958E764CE10E50764C2EECBB71D01F08549980"


def test_a_new_user_is_created_and_granted() -> None:
    """Mutants: no grant for a new user; ``GRANT`` on all databases."""
    assert statements({}, {"10.0.%": WANTED}) == [
        "CREATE USER app@10.0.% IDENTIFIED VIA mysql_native_password USING *NEW",
        "GRANT INSERT, SELECT ON `app`.* TO app@10.0.%",
    ]


def test_what_is_as_it_should_be_is_left_alone() -> None:
    """Mutant: granted anew each time."""
    assert statements({"10.0.%": WANTED}, {"10.0.%": WANTED}) == []


def test_another_password_is_set_and_nothing_else() -> None:
    """Mutants: the password compared never; the user made anew, which ends its connections."""
    actual = WANTED._replace(password="*OLD")
    assert statements({"h": actual}, {"h": WANTED}) == [
        "ALTER USER app@h IDENTIFIED VIA mysql_native_password USING *NEW"
    ]


@pytest.mark.parametrize(
    "actual",
    [
        WANTED._replace(privileges=frozenset({"SELECT", "INSERT", "DROP"})),
        WANTED._replace(elsewhere=frozenset({"SUPER"})),
    ],
)
def test_a_privilege_too_many_is_taken_away(actual: object) -> None:
    """Mutants: privileges only added; privileges elsewhere not looked at; revoked and not granted again."""
    assert statements({"h": actual}, {"h": WANTED}) == [
        "REVOKE ALL PRIVILEGES, GRANT OPTION FROM app@h",
        "GRANT INSERT, SELECT ON `app`.* TO app@h",
    ]


def test_mysql_is_given_the_password_itself() -> None:
    """Its hashes are salted. Mutant: MariaDB's words in place of ``identified``."""
    wanted = WANTED._replace(password="swordfish")
    for actual, verb in (({}, "CREATE"), ({"h": WANTED._replace(password="")}, "ALTER")):
        sql, values = next(mariadb.plan("app", "app", actual, {"h": wanted}, mariadb._MYSQL))
        assert (sql, values) == (f"{verb} USER %s@%s IDENTIFIED BY %s", ("app", "h", "swordfish"))


def test_a_missing_privilege_is_granted_without_a_gap() -> None:
    """Mutant: everything revoked first, during which the application fails."""
    actual = WANTED._replace(privileges=frozenset({"SELECT"}))
    assert statements({"h": actual}, {"h": WANTED}) == ["GRANT INSERT, SELECT ON `app`.* TO app@h"]


def test_other_hosts_are_shut_out() -> None:
    """Mutant: users of hosts that pillar names no more are kept."""
    assert statements({"192.168.%": WANTED, "h": WANTED}, {"h": WANTED}) == ["DROP USER app@192.168.%"]


def test_a_name_cannot_end_its_quotes() -> None:
    """Mutant: the name between backticks as it is."""
    assert mariadb._quoted("a`b") == "`a``b`"


@pytest.mark.parametrize(("there", "result"), [(False, None), (True, True)])
def test_a_prediction_without_a_server(monkeypatch, tmp_path, there: bool, result: bool | None) -> None:
    """Mutants: the error let through under ``test=True``; the database's directory not looked for."""
    monkeypatch.setattr(mariadb, "__opts__", {"test": True}, raising=False)
    if there:
        (tmp_path / "app").mkdir()
    socket = str(tmp_path / "none.sock")
    made = mariadb.database_present("app", "utf8mb4", "utf8mb4_bin", str(tmp_path), socket)
    user = mariadb.user_present(
        "someone", ["h"], "app", ["SELECT"], str(tmp_path), password="secret", socket=socket
    )
    assert (made["result"], user["result"]) == (result, result)
    assert bool(made["changes"]) is bool(user["changes"]) is not there
    assert "secret" not in str(user)


def test_without_a_server_nothing_can_be_made(monkeypatch, tmp_path) -> None:
    """Mutant: an outage taken for a change that is still to be made."""
    monkeypatch.setattr(mariadb, "__opts__", {"test": False}, raising=False)
    with pytest.raises(CommandExecutionError, match=r"none\.sock"):
        mariadb.database_present("app", "utf8mb4", "utf8mb4_bin", str(tmp_path), str(tmp_path / "none.sock"))


def test_a_password_is_the_secret_s(monkeypatch, tmp_path) -> None:
    """Mutants: the region dropped; without either, a user with the password of nobody made."""
    asked = []

    def password_to_be(*arguments):
        asked.append(arguments)
        return "swordfish"

    monkeypatch.setattr(mariadb, "__opts__", {"test": True}, raising=False)
    monkeypatch.setattr(mariadb, "__salt__", {"aws_secret.password_to_be": password_to_be}, raising=False)
    arguments = ("someone", ["h"], "app", ["SELECT"], str(tmp_path))
    answer = mariadb.user_present(*arguments, secret="a/b", region="r", socket=str(tmp_path / "none.sock"))
    assert asked == [("a/b", "r")]
    assert "swordfish" not in str(answer)
    with pytest.raises(CommandExecutionError, match="expected a password, or a secret"):
        mariadb.user_present(*arguments)
