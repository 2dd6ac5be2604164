"""Repeatable identifiers: the same parts give the same id, number or meeting code."""

import base64
import hashlib
import re

CODE = re.compile(r"[a-z]{3}-[a-z]{4}-[a-z]{3}", re.IGNORECASE)


def token_of(*parts: object, length: int) -> str:
    """A repeatable identifier of ``length`` characters (base64url) from its parts."""
    text = "/".join(str(part) for part in parts)
    raw = hashlib.sha512(text.encode()).digest()
    return base64.urlsafe_b64encode(raw).decode()[:length]


def number_of(*parts: object, digits: int, lead: str = "") -> str:
    """A repeatable decimal identifier of ``digits`` digits from its parts."""
    text = "/".join(str(part) for part in parts)
    number = str(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big"))
    return (lead + number)[:digits]


_LETTERS = bytes(97 + byte % 26 for byte in range(256))


def code_of(*parts: object) -> str:
    """A repeatable meeting code (3-4-3 letters) from its parts."""
    text = "/".join(str(part) for part in parts)
    raw = hashlib.sha256(text.encode()).digest()
    letters = raw[:10].translate(_LETTERS).decode()
    return f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"
