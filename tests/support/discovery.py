"""Google's discovery document of Meet, as it ships inside google-api-python-client, and its schemas as a judge."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from googleapiclient import discovery_cache

JSON = dict[str, Any]
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(\d{3}|\d{6}|\d{9}))?Z")


@cache
def document(name: str = "meet.v2") -> JSON:
    """A static discovery document of the library."""
    path = Path(discovery_cache.__file__).parent / "documents" / f"{name}.json"
    found: JSON = json.loads(path.read_text())
    return found


def methods(name: str = "meet.v2") -> dict[str, JSON]:
    """Every method of a document by its name without the API's (``spaces.members.list``)."""
    return dict(_walk(document(name), ""))


def _walk(resource: JSON, prefix: str) -> Iterator[tuple[str, JSON]]:
    for name, method in resource.get("methods", {}).items():
        yield prefix + name, method
    for name, below in resource.get("resources", {}).items():
        yield from _walk(below, f"{prefix}{name}.")


def faults_of(value: Any, schema: JSON, *, where: str = "", name: str = "meet.v2") -> list[str]:
    """What a value has that its schema does not allow; empty if it fits."""
    if "$ref" in schema:
        return faults_of(value, document(name)["schemas"][schema["$ref"]], where=where, name=name)
    kind = schema.get("type", "any")
    if kind == "object":
        return _object(value, schema, where, name)
    if kind == "array":
        if not isinstance(value, list):
            return [f"{where}: not a list"]
        return [
            fault
            for number, each in enumerate(value)
            for fault in faults_of(each, schema["items"], where=f"{where}[{number}]", name=name)
        ]
    return _scalar(value, kind, schema, where)


def _object(value: Any, schema: JSON, where: str, name: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: not an object"]
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    found: list[str] = []
    for key, below in value.items():
        if key in known:
            found += faults_of(below, known[key], where=f"{where}.{key}", name=name)
        elif others is not None:
            found += faults_of(below, others, where=f"{where}.{key}", name=name)
        else:
            found.append(f"{where}.{key}: not in the schema")
    return found


def _scalar(value: Any, kind: str, schema: JSON, where: str) -> list[str]:
    form = schema.get("format")
    if kind == "integer" or form == "int32":
        fits = isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31
    elif kind == "boolean":
        fits = isinstance(value, bool)
    elif kind == "number":
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    elif kind == "string":
        fits = isinstance(value, str) and (form != "google-datetime" or _is_time(value))
        if fits and "enum" in schema:
            # The first value is the unspecified one, which is never sent.
            fits = value in schema["enum"][1:]
    else:
        fits = kind == "any"
    return [] if fits else [f"{where}: {value!r} is no {form or kind}"]


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return _TIME.fullmatch(text) is not None
