#!/usr/bin/python3
# Managed by Salt: salt://grafana/files/set_password.py
"""Give Grafana's administrator the password of the file, before Grafana starts.

Grafana's own command does it. That of 9.3 says so and writes to no database (its `runner` is wired to a false
one), so a SQLite database is looked at afterwards, and corrected if it has another password.
"""

import configparser
import hashlib
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

CONFIG = "/etc/grafana/grafana.ini"
PASSWORD = Path("/etc/grafana/admin-password")
ADMINISTRATOR = 1  # the user whom the command means too


def by_command() -> None:
    """Have Grafana's own command set it; the password goes by standard input."""
    command = ["grafana", "cli"] if shutil.which("grafana") else ["grafana-cli"]
    where = ["--homepath", "/usr/share/grafana", "--config", CONFIG]
    reset = ["admin", "reset-admin-password", "--password-from-stdin"]
    subprocess.run([*command, *where, *reset], input=PASSWORD.read_bytes(), check=True)


def in_database(database: Path) -> None:
    """Set it in a SQLite database, as Grafana would.

    Source of the derivation: EncodePassword in pkg/util/encoding.go of Grafana.
    """
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        query = "SELECT password, salt FROM user WHERE id = ?"
        for stored, salt in connection.execute(query, (ADMINISTRATOR,)).fetchall():
            derived = hashlib.pbkdf2_hmac("sha256", PASSWORD.read_bytes(), salt.encode(), 10000, 50).hex()
            if stored != derived:
                sys.stderr.write("The command has not set the password: it is set in the database.\n")
                connection.execute("UPDATE user SET password = ? WHERE id = ?", (derived, ADMINISTRATOR))


def main() -> None:
    """Set it, and see to it that it is set."""
    by_command()
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(CONFIG)
    database = Path(settings["paths"]["data"], "grafana.db")
    # Before the first start there is none; then Grafana takes the password from its settings.
    if settings["database"]["type"] == "sqlite3" and database.exists():
        in_database(database)


if __name__ == "__main__":
    main()
