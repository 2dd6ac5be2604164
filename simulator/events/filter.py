"""The filter of subscriptions.list."""

import re
from collections.abc import Callable

from simulator.events.requests import invalid
from simulator.events.state import EVENT_TYPES, Subscription

Holds = Callable[[Subscription], bool]
_TOKEN = re.compile(r'\s*(?:([()])|(AND|OR)\b|(event_types\s*:|target_resource\s*=)\s*"([^"\\]*)")')


def parse_filter(text: str) -> Holds:
    """``event_types:"..."`` joined by OR, and ``target_resource="..."`` by AND; raises ApiError 400.

    AND and OR side by side need brackets, as in Google's examples: which binds closer is not documented.
    """
    tokens: list[tuple[str, str]] = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise invalid("filter", "Invalid filter.")
        bracket, word, name, value = match.groups()
        tokens.append((name.rstrip(" :=\t"), value) if name else (bracket or word, ""))
        position = match.end()
    if not any(name == "event_types" for name, _ in tokens):
        raise invalid("filter", "At least one event type is required.")
    holds, rest = _expression(tokens, 0)
    if rest != len(tokens):
        raise invalid("filter", "Invalid filter.")
    return holds


def _expression(tokens: list[tuple[str, str]], at: int) -> tuple[Holds, int]:
    first, at = _term(tokens, at)
    terms, word = [first], ""
    while at < len(tokens) and tokens[at][0] in ("AND", "OR"):
        if word and tokens[at][0] != word:
            raise invalid("filter", "AND and OR need brackets.")
        word = tokens[at][0]
        term, at = _term(tokens, at + 1)
        terms.append(term)
    if word == "OR":
        return lambda each: any(term(each) for term in terms), at
    return lambda each: all(term(each) for term in terms), at


def _term(tokens: list[tuple[str, str]], at: int) -> tuple[Holds, int]:
    if at >= len(tokens):
        raise invalid("filter", "Invalid filter.")
    name, value = tokens[at]
    if name == "(":
        holds, at = _expression(tokens, at + 1)
        if at >= len(tokens) or tokens[at][0] != ")":
            raise invalid("filter", "Invalid filter.")
        return holds, at + 1
    if name == "event_types":
        if value not in EVENT_TYPES:
            raise invalid("filter", f"Unsupported event type: {value}")
        return lambda each: value in each.event_types, at + 1
    if name == "target_resource":
        return lambda each: each.target == value, at + 1
    raise invalid("filter", "Invalid filter.")
