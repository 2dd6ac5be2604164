"""English sentences that can still be said in another language: plain Python, for the layers that know no Django or that
store what they say.

`from spaces.words import text as _` reads like gettext and is found by `make messages` like gettext, but gives the English
sentence, which remembers what it was made of. `spaces.language.spoken` says it in the reader's language, when it is shown.
"""

from collections.abc import Mapping
from typing import Any, Self


class Text(str):
    """An English sentence, with the pattern and the values it was made of. As text it is just that sentence: stored, logged
    and compared like any other."""

    pattern: str
    plural: str = ""
    number: int = 1
    values: Mapping[str, Any] | None = None

    def __new__(
        cls, pattern: str, plural: str = "", count: int = 1, values: Mapping[str, Any] | None = None
    ) -> Self:
        """The sentence of `pattern` (`plural` when `count` is not one), with `%(name)s` taken from `values`."""
        chosen = plural if plural and count != 1 else pattern
        made = super().__new__(cls, chosen if values is None else chosen % values)
        made.pattern, made.plural, made.number, made.values = pattern, plural, count, values
        return made

    def __mod__(self, values: Any) -> "Text":
        """The sentence with these values filled in: `_("… %(room)s …") % {"room": name}`."""
        return Text(self.pattern, self.plural, self.number, values)


def text(pattern: str) -> Text:
    """A sentence. Import it as `_`."""
    return Text(pattern)


def counted(singular: str, plural: str, count: int) -> Text:
    """A sentence about a number of things, like ngettext."""
    return Text(singular, plural, count)


def joined(*parts: str, by: str = " ") -> Text:
    """Several sentences, or the names of a list, as one Text, of which each part is still said in the reader's language."""
    names = [f"part{number}" for number in range(len(parts))]
    return Text(by.replace("%", "%%").join(f"%({name})s" for name in names)) % dict(
        zip(names, parts, strict=True)
    )
