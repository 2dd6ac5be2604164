"""Stored sentences: a `Text` as JSON, so that a page renders it in the reader's language."""

from typing import Any

from spaces.words import Text


def pack(sentence: str) -> Any:
    """Return what JSON stores of a sentence: its pattern and values; a plain sentence stays as it is."""
    if not isinstance(sentence, Text):
        return str(sentence)
    packed: dict[str, Any] = {"text": sentence.pattern}
    if sentence.plural:
        packed |= {"plural": sentence.plural, "count": sentence.number}
    if sentence.values is not None:
        packed["values"] = {name: _value(value) for name, value in sentence.values.items()}
    if sentence.bare:
        packed["bare"] = True
    return packed


def _value(value: Any) -> Any:
    if isinstance(value, Text):
        return pack(value)
    return value if isinstance(value, int | float) else str(value)


def unpack(packed: Any) -> str:
    """Return the sentence of which `pack` made this: a Text, or a plain string."""
    if not isinstance(packed, dict):
        return str(packed or "")
    values = packed.get("values")
    return Text(
        packed["text"],
        packed.get("plural", ""),
        packed.get("count", 1),
        values
        if values is None
        else {name: unpack(value) if isinstance(value, dict) else value for name, value in values.items()},
        bare=packed.get("bare", False),
    )
