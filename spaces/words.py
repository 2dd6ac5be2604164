"""English sentences that can still be said in another language: plain Python, for the layers that know no Django or that
store what they say.

`from spaces.words import text as _` reads like gettext and is found by `make messages` like gettext, but gives the English
sentence, which remembers what it was made of. `spaces.language.spoken` says it in the reader's language, when it is shown.
"""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any, ClassVar, Self


class Text(str):
    """An English sentence, with the pattern and the values it was made of. As text it is just that sentence: stored, logged
    and compared like any other."""

    speak: ClassVar[Callable[[str], str]] = staticmethod(str)
    """How a page says it; `spaces.language` puts its `spoken` here, because this module may not know Django."""
    pattern: str
    plural: str = ""
    number: int = 1
    values: Mapping[str, Any] | None = None
    bare: bool = False

    def __new__(
        cls,
        pattern: str,
        plural: str = "",
        count: int = 1,
        values: Mapping[str, Any] | None = None,
        *,
        bare: bool = False,
    ) -> Self:
        """The sentence of `pattern` (`plural` when `count` is not one), with `%(name)s` taken from `values`; `bare`: without its
        full stop, to stand within another."""
        chosen = plural if plural and count != 1 else pattern
        said = chosen if values is None else chosen % values
        made = super().__new__(cls, said.rstrip(".") if bare else said)
        made.pattern, made.plural, made.number, made.values, made.bare = pattern, plural, count, values, bare
        return made

    def __mod__(self, values: Any) -> "Text":
        """The sentence with these values filled in: `_("… %(room)s …") % {"room": name}`."""
        return Text(self.pattern, self.plural, self.number, values)

    def __html__(self) -> str:
        """What a page shows for it: in the reader's language, by itself. (Templates look for this method when they escape.)"""
        return escape(type(self).speak(self))


def text(pattern: str) -> Text:
    """A sentence. Import it as `_`."""
    return Text(pattern)


def counted(singular: str, plural: str, count: int) -> Text:
    """A sentence about a number of things, like ngettext."""
    return Text(singular, plural, count)


def within(sentence: str) -> Text:
    """The sentence without its full stop, to stand in brackets within another."""
    if isinstance(sentence, Text):
        return Text(sentence.pattern, sentence.plural, sentence.number, sentence.values, bare=True)
    return Text(sentence.replace("%", "%%"), values={}, bare=True)


def joined(*parts: str, by: str = " ") -> Text:
    """Several sentences, or the names of a list, as one Text, of which each part is still said in the reader's language."""
    names = [f"part{number}" for number in range(len(parts))]
    return Text(by.replace("%", "%%").join(f"%({name})s" for name in names)) % dict(
        zip(names, parts, strict=True)
    )
