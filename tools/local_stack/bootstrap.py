"""What a fresh database needs before the services may use it: their roles and schemas, as plain SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICES = ("traffic_meter", "delivery_emissions", "offset_purchaser")
"""Each has a role and a schema of its name and sees no other."""


def bootstrap_statements(database: str, passwords: Mapping[str, str]) -> list[str]:
    """The statements, in order, for a superuser connected to ``database``, which exists and is empty.

    ``passwords``: role name → password in clear text; one role and one schema of the same name for each. They may run
    in one transaction. They are not idempotent: a role that exists is an error. Names and passwords are quoted here.

    Not promised: anything about rights on other databases of the same server.
    """
    base = sql.Identifier(database)
    statements: list[sql.Composable] = [
        # A failing CREATE ROLE would otherwise be written to the server's log, with the password.
        sql.SQL("SET log_min_error_statement TO panic"),
        sql.SQL("SET log_statement TO none"),
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(base),
        sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC"),
    ]
    for name, password in passwords.items():
        statements += _role(base, sql.Identifier(name), sql.Literal(password))
    statements += [sql.SQL("RESET log_statement"), sql.SQL("RESET log_min_error_statement")]
    return [statement.as_string(None) for statement in statements]


def _role(database: sql.Identifier, role: sql.Identifier, password: sql.Literal) -> list[sql.Composable]:
    return [
        sql.SQL(
            "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}"
        ).format(role, password),
        sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, role),
        sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(role, role),
        sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path TO {}").format(role, database, role),
    ]
