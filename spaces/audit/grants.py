"""Optional database rights on PostgreSQL: the application's role may append to the audit log, but not change it."""

from typing import Literal

from django.db import connection

from spaces.models import AuditEntry, AuditHead


def statements(role: str) -> list[str]:
    """Return the SQL that lets `role` use every table, but only read and append to the audit log. The owner of the tables runs it."""
    name = connection.ops.quote_name(role)
    log, head = (connection.ops.quote_name(model._meta.db_table) for model in (AuditEntry, AuditHead))
    return [
        f"GRANT USAGE ON SCHEMA public TO {name}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name}",
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {log} FROM {name}",
        f"REVOKE DELETE, TRUNCATE ON {head} FROM {name}",
    ]


Problem = Literal["not_postgresql", "no_such_role", "owner"]


def problem_with(role: str) -> Problem | None:
    """Return why the rights would protect nothing: no PostgreSQL, no such role, or a role that owns the log or is a superuser."""
    if connection.vendor != "postgresql":
        return "not_postgresql"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper, pg_has_role(rolname, (SELECT tableowner FROM pg_tables WHERE tablename = %s "
            "AND schemaname = current_schema()), 'MEMBER') FROM pg_roles WHERE rolname = %s",
            [AuditEntry._meta.db_table, role],
        )
        found = cursor.fetchone()
    if found is None:
        return "no_such_role"
    return "owner" if any(found) else None


def apply(role: str) -> None:
    """Execute `statements` as the role that is connected, which must own the tables."""
    with connection.cursor() as cursor:
        for statement in statements(role):
            cursor.execute(statement)
