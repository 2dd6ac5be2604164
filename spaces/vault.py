"""Seals what must never be stored in the open: people's Google refresh tokens.

AES-GCM with a key id, so that keys can be rotated, and with the row's identity as associated data, so that a sealed token
copied to another row does not open there.
"""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12  # bytes, the length AES-GCM is made for


class CannotOpen(Exception):
    """The key is gone or the text was tampered with."""


class Vault:
    """Built from "kid:base64key,kid:base64key" (keys of 16, 24 or 32 bytes): the first key seals, all of them open.

    Raises ValueError, without showing a key, when that text is malformed.
    """

    def __init__(self, keys: str) -> None:
        self._keys = {kid: AESGCM(key) for kid, key in self.keys(keys).items()}

    @staticmethod
    def keys(keys: str) -> dict[str, bytes]:
        """Return the keys in that text by their names. Raises ValueError, without showing a key, when it is malformed."""
        found: dict[str, bytes] = {}
        for part in filter(None, (piece.strip() for piece in keys.split(","))):
            kid, _, encoded = part.partition(":")
            try:
                key = base64.urlsafe_b64decode(encoded)
            except (binascii.Error, ValueError):
                key = b""
            if len(key) not in {16, 24, 32}:
                raise ValueError(f"The token key {kid!r} is not base64 of 16, 24 or 32 bytes.")
            found[kid] = key
        return found

    def __bool__(self) -> bool:
        return bool(self._keys)

    def seal(self, text: str, *, binding: str) -> str:
        """The sealed form of text, bound to `binding`. Raises CannotOpen when no key is configured."""
        if not self._keys:
            raise CannotOpen("No token key is configured (MEETADMIN_TOKEN_KEYS).")
        kid, key = next(iter(self._keys.items()))
        nonce = os.urandom(NONCE)
        sealed = key.encrypt(nonce, text.encode(), binding.encode())
        return f"{kid}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def is_newest(self, sealed: str) -> bool:
        """Whether this was sealed with the key that seals now."""
        return sealed.partition(":")[0] == next(iter(self._keys), None)

    def open(self, sealed: str, *, binding: str) -> str:
        """The text inside. Raises CannotOpen when its key is gone, or it was sealed for another binding."""
        kid, _, encoded = sealed.partition(":")
        key = self._keys.get(kid)
        if key is None:
            raise CannotOpen(f"The token was sealed with the key {kid!r}, which is not configured any more.")
        try:
            raw = base64.urlsafe_b64decode(encoded)
            return key.decrypt(raw[:NONCE], raw[NONCE:], binding.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError):
            raise CannotOpen("The sealed token does not open.") from None
