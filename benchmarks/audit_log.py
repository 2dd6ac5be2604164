"""What the audit log costs: the migration into the chain, a verification, and one more entry. It needs an empty database:

DATABASE_URL=sqlite:////tmp/audit.sqlite3 python -m benchmarks.audit_log 1000000
"""

from benchmarks import ready  # noqa: F401

# isort: split
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction

from spaces.audit.verify import Verification
from spaces.models import AuditEntry

BATCH = 5000
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = [
    "at",
    "finished_at",
    "verb",
    "actor_name",
    "target",
    "space_name",
    "outcome",
    "reason",
    "detail",
    "google_says",
    "before",
    "after",
]


def former_row(number: int) -> tuple[Any, ...]:
    """Return a row of the table as it was before the chain."""
    at = BEGIN + timedelta(seconds=7 * number)
    before, after = (
        '{"accessType": "OPEN", "moderation": "ON"}',
        '{"accessType": "TRUSTED", "moderation": "OFF"}',
    )
    who, room = (
        f"Person {number % 300} (person-{number % 300}@example.com)",
        f"Room {number % 10000} (Berlin)",
    )
    space = f"spaces/room{number % 10000}"
    return at, at, "settings:change", who, room, space, "done", "Asked for", "", "", before, after


def fill(rows: int) -> None:
    """Write this many rows into the former table."""
    marks = ", ".join(["%s"] * len(COLUMNS))
    sql = f"INSERT INTO spaces_auditentry ({', '.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608
    for start in range(0, rows, BATCH):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(sql, [former_row(number) for number in range(start, min(rows, start + BATCH))])


@contextmanager
def measured(what: str) -> Iterator[None]:
    """Print seconds, processor seconds and the highest memory of this process until now."""
    began, used = time.perf_counter(), time.process_time()
    yield
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{what}: {seconds:.2f} s ({processor:.2f} s of processor), peak memory {peak} MB", flush=True)


def main(rows: int) -> None:
    """Measure all of it on `rows` rows."""
    call_command("migrate", "spaces", "0018", verbosity=0)
    with measured(f"{connection.vendor}, {rows} rows written into the former table"):
        fill(rows)
    with measured("migration into the chain"):
        call_command("migrate", "spaces", "0019", verbosity=0)
    with measured("verification"):
        found = list(Verification().findings())
    print(f"{len(found)} findings")
    with measured("200 entries, each committed by itself"):
        for _ in range(200):
            AuditEntry.rows.append([AuditEntry(action="room:edit", actor_name="x", target="x")])
    with measured("10000 entries in one transaction"), transaction.atomic():
        entries = [AuditEntry(action="room:edit", actor_name="x", target="x") for _ in range(10000)]
        AuditEntry.rows.append(entries)
    with measured("10000 intents with a result"), transaction.atomic():
        intents = [AuditEntry(action="room:edit", actor_name="x", target="x") for _ in range(10000)]
        AuditEntry.rows.append(intents)
        results = [
            AuditEntry(action="room:edit", actor_name="x", target="x", intent=intent, outcome="done")
            for intent in intents
        ]
        AuditEntry.rows.append(results)
    with measured("first page"):
        list(AuditEntry.objects.select_related("room")[:50])
    with measured("number of lines"):
        AuditEntry.objects.count()


if __name__ == "__main__":
    main(int(sys.argv[1]))
