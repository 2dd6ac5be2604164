"""The hash chain of the audit log: how the hash of a row is computed. Stored hashes depend on every line of it: never change the
result for values that exist."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64
"""The previous hash of the first row."""


def plain(value: Any) -> Any:
    """Return a value as the database gives it back from JSON: text keys, lists, and whole numbers without a fraction."""
    return _whole(json.loads(json.dumps(value)))


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)  # PostgreSQL stores 1e22 as an integer
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return value


def _canonical(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, str):
        return str(value)
    return value


def row_hash(row: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a row, as 64 hexadecimal digits.

    `row` maps every column but `hash` to its value. Empty columns are left out, so that a column that is added later does not
    change the hashes of older rows.
    """
    content = {name: _canonical(value) for name, value in row.items() if value is not None and value != ""}
    written = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(written.encode()).hexdigest()
