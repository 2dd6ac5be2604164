"""Cut a very long text down to the parts that can mean a call, so that its length costs nothing."""

import re

BEGINNING = 30_000
"""Letters that are kept of every text. Nothing but links, space names and codes is looked for behind them."""

MOST_PARTS = 100
"""Places of one kind whose surroundings are kept."""

BEFORE, AFTER = 600, 1_200
"""Letters kept in front of a place and behind it: a mail filter's link may stand around it, and escapes make it longer."""

_BETWEEN = "\n,\n"  # neither a link nor a code goes on behind it

# Places in a text in small letters. Each pattern begins with letters, which Python finds fastest.
_PLACES = [
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"meet.{0,20}google",
        r"meet.{0,6}new",
        r"tel.{1,6}meet",
        r"g\.co.{1,12}meet",
        r"spaces/",
        r"[-–](?<=[a-z]{3}[-–])[a-z]{4}[-–][a-z]{3}",
    )
]
_BASE64 = re.compile("aHR0c")  # "http", in its own letters


def excerpt(text: str) -> str:
    """Return the beginning of the text, and what surrounds the places further on that look like a Meet link, a space name or a
    code. `text` has no letter whose small form is longer than itself."""
    low = text.lower()
    starts = {
        found.start()
        for pattern, letters in [*((pattern, low) for pattern in _PLACES), (_BASE64, text)]
        for _number, found in zip(
            range(MOST_PARTS), pattern.finditer(letters, BEGINNING - AFTER), strict=False
        )
    }
    parts, begin, end = [], 0, BEGINNING
    for start in sorted(starts):
        if start - BEFORE > end:
            parts.append(text[begin:end])
            begin = start - BEFORE
        end = max(end, start + AFTER)
    return _BETWEEN.join([*parts, text[begin:end]])
