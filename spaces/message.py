"""A sentence for people as code and parameters: plain Python, for every layer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Message:
    """What is said to people, as a code. `spaces.messages` has the sentence, in the reader's language.

    `params` fill its placeholders: text, numbers, other messages, or a tuple of these, which is rendered as a list.
    """

    renderer: ClassVar[Callable[["Message"], str]] = repr
    """How a message becomes a sentence; `spaces.messages` sets it, because this module knows no Django."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        """Return the sentence in the reader's language."""
        return type(self).renderer(self)

    def __html__(self) -> str:
        """Return the sentence for a page, with escaped parameters. Templates look for this method when they escape."""
        return escape(str(self))
