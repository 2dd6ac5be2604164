"""The filter grammar of the lists: comparisons and IS NULL, joined by AND.

Meet REST reference, conferenceRecords.list and participants.list. OR, NOT, brackets and backslash escapes are not
documented there; they are refused.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from simulator.errors import ApiError, invalid

Value = str | float | None

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"\\]*")|(?P<operator><=|>=|!=|=|<|>)|(?P<word>[A-Za-z_][A-Za-z0-9_.]*))"""
)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|z|[+-]\d\d:\d\d)",
)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; ``operator`` may be ``null`` (value unset)."""

    field: str
    operator: str
    value: str | float = ""

    def holds(self, value: Value) -> bool:
        """Whether a value of the field (text, seconds since the epoch, or unset) satisfies it."""
        if self.operator == "null":
            return value is None
        if value is None:
            return False
        if isinstance(self.value, str) or isinstance(value, str):
            same = str(value) == str(self.value)
            return same if self.operator == "=" else not same
        return _COMPARE[self.operator](value, self.value)


def parse_time(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time; raises ValueError."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(text)
    day, clock, fraction, zone = match.groups()
    zone = "+00:00" if zone in "Zz" else zone
    moment = datetime.fromisoformat(f"{day}T{clock}{zone}")
    return moment.astimezone(UTC).timestamp() + float(f"0.{fraction or 0}")


def _bad() -> ApiError:
    return invalid("filter", "Invalid filter.")


def _tokens(text: str) -> list[tuple[str, str]]:
    found = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _bad()
        kind = str(match.lastgroup)
        found.append((kind, match.group(kind)))
        position = match.end()
    return found


def parse_filter(
    text: str, *, texts: dict[str, str], times: dict[str, str], caseless: Collection[str] = ()
) -> list[Condition]:
    """Conditions that must all hold; raises ApiError 400.

    ``texts`` and ``times`` map every accepted spelling of a field to the name used in the conditions; values of the
    ``caseless`` ones are lower-cased.
    """
    if not text.strip():
        return []
    tokens = _tokens(text)
    conditions: list[Condition] = []
    at = 0
    while True:
        if at + 2 >= len(tokens):
            raise _bad()
        (kind, field), (second_kind, operator), (third_kind, third) = tokens[at : at + 3]
        if kind != "word" or (field not in texts and field not in times):
            raise _bad()
        if second_kind == "word" and operator.upper() == "IS" and third.upper() == "NULL":
            if field not in times:
                raise _bad()
            conditions.append(Condition(times[field], "null"))
        elif second_kind == "operator" and third_kind == "text":
            value = third[1:-1].lower() if texts.get(field) in caseless else third[1:-1]
            conditions.append(_comparison(field, operator, value, texts=texts, times=times))
        else:
            raise _bad()
        at += 3
        if at == len(tokens):
            return conditions
        if tokens[at][0] != "word" or tokens[at][1].upper() != "AND":
            raise _bad()
        at += 1


def _comparison(
    field: str, operator: str, value: str, *, texts: dict[str, str], times: dict[str, str]
) -> Condition:
    if field in texts:
        if operator not in ("=", "!="):
            raise _bad()
        return Condition(texts[field], operator, value)
    try:
        return Condition(times[field], operator, parse_time(value))
    except ValueError:
        raise _bad() from None
