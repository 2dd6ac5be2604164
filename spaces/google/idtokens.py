"""Verify ID tokens: the signed statements with which Google says who somebody is.

One way for all of them: sign-in, connecting an account, and the push requests of Pub/Sub. Facts: Google Identity, "OpenID
Connect", "Validating an ID token" and "An ID token's payload".
"""

import hmac
import logging
import re
import threading
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import jwt

from spaces.google import endpoints, errors, transport
from spaces.google.endpoints import ISSUER
from spaces.words import text as _

logger = logging.getLogger(__name__)

KEYS_KEPT = 3600.0
"""Seconds for which Google's public keys are kept when the answer does not say how long they are good."""
KEYS_KEPT_AT_LEAST, KEYS_KEPT_AT_MOST = 60.0, 86_400.0
KEYS_PAUSE = 10.0
"""Seconds between two requests for keys after one that failed or did not bring the wanted key, so that strangers with invented
keys cannot make us ask all the time."""
SIGN_IN_LEEWAY = 60
"""Seconds that Google's clock and ours may differ when a person signs in."""
LONGEST_ID = 255
LONGEST_EMAIL = 254
LONGEST_NAME = 200

_ISSUERS = (ISSUER, ISSUER.removeprefix("https://"))
_REQUIRED = ["exp", "iat", "iss", "aud", "sub"]
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?!\d)", re.IGNORECASE)
_UNSHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control characters, half characters, line ends
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # turn the text around them
_ID = re.compile(rf"[!-~]{{1,{LONGEST_ID}}}")
_EMAIL = re.compile(
    r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f\ud800-\udfff]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"
)


class InvalidToken(Exception):
    """A token that does not prove what it says. Holds a sentence for the log and nothing of the token."""


class WrongNonce(InvalidToken):
    """An authentic token that was issued for another request."""


class Keys:
    """Google's public keys for ID tokens, fetched when they are needed and kept as long as Google allows. Safe for threads."""

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        self._url = endpoints.check(url)
        self._timeout = timeout
        self._fetching = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._good_until = float("-inf")
        self._pause_until = float("-inf")
        self._trouble = ""

    def get(self, key_id: str, *, wait: bool = False) -> jwt.PyJWK | None:
        """Return the key with this id, None when Google has none. Raises TryLater when no keys can be had.

        An unknown id makes us read the keys again, once. One thread fetches. With `wait` (somebody signs in) others wait for
        it; without (pushes, of which strangers can send many) they go on with the keys that are there.
        """
        trouble = self._trouble
        if self._is_wanted(key_id) and self._may_ask():
            if self._fetching.acquire(timeout=self._timeout if wait else 0):
                try:
                    # Another thread may have fetched them meanwhile.
                    if self._is_wanted(key_id) and self._may_ask():
                        self._fetch_for(key_id)
                    trouble = self._trouble
                finally:
                    self._fetching.release()
            else:
                trouble = "they are being fetched"
        key = self._keys.get(key_id)
        if key is None and trouble:
            raise errors.TryLater(_("Google's signing keys are temporarily unavailable."), detail=trouble)
        return key

    def _is_wanted(self, key_id: str) -> bool:
        return key_id not in self._keys or time.monotonic() > self._good_until

    def _may_ask(self) -> bool:
        return time.monotonic() > self._pause_until

    def _fetch_for(self, key_id: str) -> None:
        """Fetch the keys, and pause when that failed or did not bring the wanted one."""
        self._trouble = ""
        try:
            self._fetch()
        except errors.GoogleError as problem:
            self._trouble = problem.detail or "no answer"
            logger.warning("Google's keys could not be fetched: %s", self._trouble)
        if self._trouble or key_id not in self._keys:
            self._pause_until = time.monotonic() + KEYS_PAUSE

    def _fetch(self) -> None:
        response = transport.send("GET", self._url, timeout=self._timeout, write=False)
        if response.status != HTTPStatus.OK:
            raise errors.TryLater(
                _("Google's signing keys are temporarily unavailable."), detail=f"{response.status}"
            )
        try:
            found = jwt.PyJWKSet.from_dict(response.decoded())  # type: ignore[arg-type]  # raises for anything else
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError, KeyError) as problem:
            raise errors.unreadable(f"keys: {type(problem).__name__}", write=False) from problem
        self._keys = {key.key_id: key for key in found.keys if key.key_id}
        self._good_until = time.monotonic() + _lifetime(response.headers.get("Cache-Control", ""))


def _lifetime(cache_control: str) -> float:
    """Return for how many seconds an answer may be kept."""
    found = _MAX_AGE.search(cache_control)
    wanted = float(found.group(1)) if found else KEYS_KEPT
    return min(max(wanted, KEYS_KEPT_AT_LEAST), KEYS_KEPT_AT_MOST)


def verify(token: str, *, audience: str, keys: Keys, leeway: int, wait: bool = False) -> dict[str, Any]:
    """Return the claims of an ID token after checking signature (RS256 only), issuer, audience and times.

    `leeway`: seconds that two clocks may differ. A list of audiences is refused: the token would be meant for others, too.
    Raises InvalidToken, or TryLater when Google's keys cannot be had.
    """
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") != "RS256":
            raise jwt.InvalidTokenError("not signed with RS256")
        key = keys.get(str(header.get("kid")), wait=wait)
        if key is None:
            raise jwt.InvalidTokenError("signed with a key that Google does not publish")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=audience,
            issuer=_ISSUERS,
            leeway=leeway,
            options={"require": _REQUIRED, "strict_aud": True, "verify_sub": False},
        )
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as problem:
        raise InvalidToken(f"{type(problem).__name__}: {errors.scrub(str(problem))}") from problem
    return claims


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in. `google_id` never changes, `email` may. `hosted_domain` is empty for a private Google account; the domain
    of the address proves nothing."""

    google_id: str
    email: str
    email_verified: bool
    hosted_domain: str
    name: str


def verify_sign_in(token: object, *, client_id: str, nonce: str, keys: Keys) -> Identity:
    """Return who signed in, after checking an ID token that the token endpoint has just issued for us.

    Raises InvalidToken (WrongNonce when it was issued for another request), or TryLater when Google's keys cannot be had.
    """
    if not isinstance(token, str) or not token:
        raise InvalidToken("the answer holds no ID token")
    claims = verify(token, audience=client_id, keys=keys, leeway=SIGN_IN_LEEWAY, wait=True)
    if "azp" in claims and claims["azp"] != client_id:
        raise InvalidToken("issued to another client (azp)")
    given = str(claims.get("nonce") or "").encode("utf-8", "replace")
    if not nonce or not hmac.compare_digest(given, nonce.encode()):
        raise WrongNonce("nonce does not match")
    return identity(claims)


def identity(claims: Mapping[str, Any]) -> Identity:
    """Return the identity in these claims. Raises InvalidToken when one that identifies is missing, malformed or too long.

    `sub` has at most 255 ASCII characters (Google Identity, "An ID token's payload"). The name is only shown, so it is cut.
    """
    google_id, email, domain = claims.get("sub"), claims.get("email"), claims.get("hd", "")
    if not isinstance(google_id, str) or not _ID.fullmatch(google_id):
        raise InvalidToken("sub is missing or malformed")
    if not isinstance(email, str) or len(email) > LONGEST_EMAIL or not _EMAIL.fullmatch(email):
        raise InvalidToken("email is missing or malformed")
    if not isinstance(domain, str) or len(domain) > LONGEST_EMAIL:
        raise InvalidToken("hd is malformed")
    return Identity(
        google_id=google_id,
        email=email.lower(),
        email_verified=claims.get("email_verified") is True,
        hosted_domain=domain.lower(),
        name=_shown(claims.get("name")),
    )


def _shown(name: object) -> str:
    """A name as screens and databases take it: one line, printable, not too long; empty when there is none."""
    if not isinstance(name, str):
        return ""
    letters = (
        " " if unicodedata.category(letter) in _UNSHOWN or letter in _BIDI else letter
        for letter in name[: 4 * LONGEST_NAME]
    )
    return " ".join("".join(letters).split())[:LONGEST_NAME]
