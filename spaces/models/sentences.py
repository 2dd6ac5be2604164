"""Stored messages: code and parameters as JSON, so that a page renders them in the reader's language."""

from typing import Any

from django.utils.translation import override

from spaces.message import Message
from spaces.words import Text


def pack(value: Any) -> Any:
    """Return what JSON stores of a message or of one of its parameters. Plain text and numbers stay as they are."""
    if isinstance(value, Message):
        return {"code": value.code, "params": {name: pack(one) for name, one in value.params.items()}}
    if isinstance(value, tuple | list):
        return [pack(one) for one in value]
    if isinstance(value, Text):
        return _pack_text(value)
    return value if isinstance(value, int | float) else str(value)


def _pack_text(sentence: Text) -> dict[str, Any]:
    packed: dict[str, Any] = {"text": sentence.pattern}
    if sentence.plural:
        packed |= {"plural": sentence.plural, "count": sentence.number}
    if sentence.values is not None:
        packed["values"] = {name: pack(value) for name, value in sentence.values.items()}
    if sentence.bare:
        packed["bare"] = True
    return packed


def in_english(sentence: str | Message) -> str:
    """Return a sentence as English text, for columns that hold no code; `spaces.language.spoken` translates it when it is shown."""
    with override("en"):
        return str(sentence)


def unpack(packed: Any) -> Any:
    """Return what `pack` was given: a Message, a Text (rows of older versions), a tuple of parameters, a number or plain text."""
    if isinstance(packed, list):
        return tuple(unpack(one) for one in packed)
    if not isinstance(packed, dict):
        return packed if isinstance(packed, int | float) else str(packed or "")
    if "code" in packed:
        return Message(packed["code"], {name: unpack(one) for name, one in packed["params"].items()})
    values = packed.get("values")
    return Text(
        packed["text"],
        packed.get("plural", ""),
        packed.get("count", 1),
        values if values is None else {name: unpack(value) for name, value in values.items()},
        bare=packed.get("bare", False),
    )
