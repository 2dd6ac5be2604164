"""The sentences of the core's messages: code to sentence, one module for each noun."""

from collections.abc import Mapping
from typing import Any

from spaces.language import spoken
from spaces.message import Message
from spaces.messages.access import ACCESS
from spaces.messages.accounts import ACCOUNTS
from spaces.messages.calls import CALLS
from spaces.messages.general import GENERAL
from spaces.messages.lookup import LOOKUP
from spaces.messages.people import PEOPLE
from spaces.messages.rooms import ROOMS
from spaces.messages.spaces import SPACES
from spaces.words import Text

CATALOGUE: Mapping[str, Any] = {
    **GENERAL,
    **CALLS,
    **SPACES,
    **ROOMS,
    **PEOPLE,
    **ACCOUNTS,
    **ACCESS,
    **LOOKUP,
}
"""Lazy translations; where a number decides, `ngettext_lazy` with the name of that parameter."""


def render(message: Message) -> str:
    """Return the sentence of a message in the reader's language; of a code that is no longer known, the code itself."""
    sentence = CATALOGUE.get(message.code)
    if sentence is None:
        return message.code
    return str(sentence % {name: _shown(value) for name, value in message.params.items()})


def _shown(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return ", ".join(str(_shown(item)) for item in value)
    return spoken(value) if isinstance(value, Message | Text) else value
