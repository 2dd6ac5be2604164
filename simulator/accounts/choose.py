"""The page on which people choose an account and consent."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from aiohttp import web
from multidict import MultiMapping

from simulator import pages
from simulator.accounts.requests import AUTHORIZE_PATH
from simulator.identity import (
    CLIENT_ID,
    CODE_LIFE,
    KNOWN_SCOPES,
    MEET_SCOPES,
    REDIRECT_PATHS,
    Code,
    Identity,
    full_scope,
)
from simulator.places import CAST
from simulator.reading import is_loopback_name
from simulator.world import DOMAIN, World

_CARRIED = (
    "client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge",
    "code_challenge_method", "access_type", "prompt", "login_hint", "hd", "include_granted_scopes",
)  # fmt: skip
_SHOWN_PEOPLE = 60


def redirect_is_registered(address: str) -> bool:
    """Any loopback address over http with a registered path."""
    try:
        parts = urlsplit(address)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return (
        port_is_fine
        and parts.scheme == "http"
        and is_loopback_name(parts.hostname or "")
        and parts.path in REDIRECT_PATHS
        and not parts.query
        and not parts.fragment
    )


class ChooseAccount:
    """The authorisation endpoint.

    ``closed_because`` returns why an account cannot be used (deleted, suspended, archived, restricted), or an empty text.
    """

    def __init__(self, world: World, identity: Identity, closed_because: Callable[[str], str]) -> None:
        self.world = world
        self.identity = identity
        self.closed_because = closed_because

    async def authorize(self, request: web.Request) -> web.StreamResponse:
        """Choose an account (GET), and go back to the app with a code (POST of the same form)."""
        given: MultiMapping[Any] = await request.post() if request.method == "POST" else request.query
        asked = {name: str(given[name]) for name in _CARRIED if name in given}
        error, sentence = self._wrong_with(asked)
        if error:
            return _html(pages.refusal(error, sentence), 400)
        scopes = list(dict.fromkeys(full_scope(name) for name in asked["scope"].split()))
        if request.method != "POST" or not ("account" in given or "cancel" in given):
            return _html(self._page(asked, scopes))
        if "cancel" in given:
            return _back(asked, {"error": "access_denied"})
        person = self.world.user(str(given["account"]))
        if person is None or self.closed_because(person.email):
            return _html(pages.refusal("invalid_request", "There is no such account."), 400)
        if "consent" in given:
            ticked = {str(value) for value in given.getall("granted_scope", [])}
            scopes = [scope for scope in scopes if scope not in MEET_SCOPES or scope in ticked]
        grant = self.identity.grant_of(person.email)
        if asked.get("include_granted_scopes") == "true":
            scopes += sorted(grant.scopes - set(scopes))
        first_time = not set(scopes) <= grant.scopes or not grant.refresh
        wants_refresh = asked.get("access_type") == "offline" and (
            first_time or "consent" in asked.get("prompt", "").split()
        )
        grant.scopes |= set(scopes)
        self.identity.version += 1
        code = Code(
            email=person.email,
            scopes=scopes,
            redirect_uri=asked["redirect_uri"],
            challenge=asked.get("code_challenge", ""),
            nonce=asked.get("nonce", ""),
            offline=wants_refresh,
            expires=self.world.now() + CODE_LIFE,
        )
        answer = {"code": self.identity.new_code(code), "scope": " ".join(scopes), "authuser": "0"}
        if person.hd is not None:
            answer["hd"] = person.hd
        return _back(asked, {**answer, "prompt": "consent" if first_time else "none"})

    async def send_back(self, request: web.Request, error: str) -> web.StreamResponse:
        """Send the browser back to the app with an error; a refusal page if the request itself is wrong."""
        given: MultiMapping[Any] = await request.post() if request.method == "POST" else request.query
        asked = {name: str(given[name]) for name in _CARRIED if name in given}
        wrong, sentence = self._wrong_with(asked)
        return _html(pages.refusal(wrong, sentence), 400) if wrong else _back(asked, {"error": error})

    def _wrong_with(self, asked: Mapping[str, str]) -> tuple[str, str]:
        """Error word and sentence for a request that must not be redirected; empty words if all is well."""
        if asked.get("client_id") != CLIENT_ID:
            return "invalid_client", "The OAuth client was not found."
        if not redirect_is_registered(asked.get("redirect_uri", "")):
            return (
                "redirect_uri_mismatch",
                "The redirect URI in the request is not registered for this client.",
            )
        if asked.get("response_type") != "code":
            return "unsupported_response_type", "Only response_type=code is answered here."
        scopes = [full_scope(name) for name in asked.get("scope", "").split()]
        if not scopes:
            return "invalid_request", "Missing required parameter: scope"
        unknown = [scope for scope in scopes if scope not in KNOWN_SCOPES]
        if unknown:
            return "invalid_scope", f"Some requested scopes cannot be shown: {', '.join(unknown)}"
        if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
            return "invalid_request", "Only code_challenge_method=S256 is answered here."
        return "", ""

    def _page(self, asked: Mapping[str, str], scopes: list[str]) -> str:
        cast = [email for email, _ in CAST]
        people = list(self.world.people.values())
        first = [
            each for each in people if each.email in cast or each.hd != DOMAIN or not each.email_verified
        ]
        others = [each for each in people if each not in first][:_SHOWN_PEOPLE]
        hinted = self.world.user(asked.get("login_hint", ""))
        groups = [
            ("Accounts to try", first),
            ("Room mailboxes", list(self.world.mailboxes.values())),
            ("Everybody else", others),
        ]
        if hinted is not None:
            groups = [(title, [each for each in members if each is not hinted]) for title, members in groups]
            groups.insert(0, ("Suggested", [hinted]))
        return pages.choose_account(
            action=AUTHORIZE_PATH,
            parameters=list(asked.items()),
            groups=groups,
            meet_scopes=[scope for scope in scopes if scope in MEET_SCOPES],
        )


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(
        text=text, status=status, content_type="text/html", headers={"Cache-Control": "no-store"}
    )


def _back(asked: Mapping[str, str], answer: Mapping[str, str]) -> web.Response:
    parts = urlsplit(asked["redirect_uri"])
    query = urlencode({**({"state": asked["state"]} if "state" in asked else {}), **answer})
    address = urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
    return web.Response(status=302, headers={"Location": address, "Cache-Control": "no-store"})
