"""A migrated SQLite database that is kept from one run to the next: migrating takes longer than most test files."""

import hashlib
import os
import sqlite3
from pathlib import Path

from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "var" / "test"


def snapshot() -> Path:
    """Return where the database of the present migrations, models and libraries is kept."""
    digest = hashlib.sha256(sqlite3.sqlite_version.encode())
    for pattern in ("requirements*.txt", "*/migrations/*.py", "*/*/migrations/*.py", "spaces/models/*.py"):
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.read_bytes())
    return FOLDER / f"migrated-{digest.hexdigest()[:16]}.sqlite3"


def save(path: Path) -> None:
    """Keep the present database, and delete those of earlier migrations."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    with sqlite3.connect(draft) as target:
        connection.connection.backup(target)
    target.close()
    draft.replace(path)
    for kept in FOLDER.glob("migrated-*.sqlite3"):
        if kept != path:  # another worker may be reading it
            kept.unlink(missing_ok=True)


def load(path: Path) -> None:
    """Replace the present database by the kept one."""
    connection.ensure_connection()
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as source:
        source.backup(connection.connection)
    source.close()
