"""Query and order of the room resources, as calendars.list takes them."""

import re
from collections.abc import Callable
from typing import Any

from simulator.directory.admin import bad
from simulator.reading import JSON

Holds = Callable[[JSON], bool]
_FIELDS = {
    "generatedResourceName": "generatedResourceName",
    "name": "resourceName",
    "buildingId": "buildingId",
    "floor_name": "floorName",
    "capacity": "capacity",
    "featureInstances.feature.name": "",
    "resourceEmail": "resourceEmail",
    "resourceCategory": "resourceCategory",
}
_CLAUSE = re.compile(
    r"""\s*(?P<not>NOT\s+)?(?P<field>[A-Za-z_.]+)\s*(?P<operator>!=|=|:)\s*
    (?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"()]+))(?P<star>\*)?""",
    re.VERBOSE,
)
_AND = re.compile(r"\s+AND\s+")


def parse_query(text: str) -> Holds:
    """The ``query`` of calendars.list: clauses joined by AND, each perhaps with NOT before it; raises 400."""
    clauses: list[Holds] = []
    rest = text.strip()
    while rest:
        match = _CLAUSE.match(rest)
        if match is None or match["field"] not in _FIELDS:
            raise bad("query")
        clauses.append(_clause(match))
        rest = rest[match.end() :]
        if rest:
            joined = _AND.match(rest)
            if joined is None or not rest[joined.end() :].strip():
                raise bad("query")
            rest = rest[joined.end() :]
    return lambda item: all(clause(item) for clause in clauses)


def _clause(match: re.Match[str]) -> Holds:
    field = match["field"]
    value = match["quoted"] if match["quoted"] is not None else match["bare"]
    prefix = match["star"] is not None
    if match["quoted"] is None and value.endswith("*"):
        value, prefix = value[:-1], True
    operator = match["operator"]
    if prefix and operator != ":":
        raise bad("query")
    if field == "capacity" and (prefix or not value.isdecimal()):
        raise bad("query")
    value = value.casefold()

    def holds(item: JSON) -> bool:
        if field == "featureInstances.feature.name":
            found = [each["feature"]["name"] for each in item.get("featureInstances", [])]
        else:
            found = [item[_FIELDS[field]]] if _FIELDS[field] in item else []
        texts = [str(each).casefold() for each in found]
        if prefix:
            return any(each.startswith(value) for each in texts)
        return value in texts

    negative = (operator == "!=") != (match["not"] is not None)
    return (lambda item: not holds(item)) if negative else holds


_ORDERS = ("resourceId", "resourceName", "capacity", "buildingId", "floorName")


def ordered(items: list[JSON], text: str) -> list[JSON]:
    """The rooms in the order asked for: ``field [asc|desc], ...``; raises 400. What lacks the field comes first."""
    terms = [term.split() for term in text.split(",")] if text.strip() else []
    for term in reversed(terms):
        if len(term) not in (1, 2) or term[0] not in _ORDERS or term[1:] not in ([], ["asc"], ["desc"]):
            raise bad("orderBy")
        name = term[0]
        empty: int | str = 0 if name == "capacity" else ""

        def key(item: JSON, name: str = name, empty: int | str = empty) -> Any:
            return item.get(name, empty)

        items.sort(key=key, reverse=term[1:] == ["desc"])
    return items
