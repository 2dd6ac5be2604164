"""The way into the services beside Meet: token, scope, body and partial replies, the same for all of them.

Counting, quotas and ordered faults are the site's business; a service gets a Call and answers JSON or raises ApiError.
"""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from simulator import masks
from simulator.accounts.requests import bearer
from simulator.errors import ApiError, service_disabled
from simulator.identity import Token
from simulator.machine import Machine
from simulator.reading import JSON
from simulator.world import World

Produce = Callable[[], Awaitable[web.StreamResponse]]
Serve = Callable[[web.Request, str, str, str, Produce], Awaitable[web.StreamResponse]]
_CREDENTIALS = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a service, by somebody with a good token."""

    machine: Machine
    token: Token
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any

    @property
    def world(self) -> World:
        """The world as it is."""
        return self.machine.world

    @property
    def caller(self) -> str:
        """The address of the user in whose name the request comes; empty for a service account without one."""
        return self.token.email or ""


@dataclass(frozen=True, slots=True)
class Service:
    """A Google API: its host, its title, and the way it words refusals (the older ones carry ``errors[]``)."""

    host: str
    title: str
    older: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """A method: where it answers, its names, the scopes that open it, and what its reply holds."""

    verb: str
    path: str
    name: str
    rpc: str
    scopes: tuple[str, ...]
    handler: Callable[[Call], JSON | Awaitable[JSON]]
    reply: masks.Tree


def error_info(service: Service, reason: str, rpc: str, **metadata: str) -> JSON:
    """google.rpc.ErrorInfo of a refusal."""
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": service.host, "method": rpc, **metadata},
    }


def admit(machine: Machine, service: Service, method: Method, text: str) -> Token:
    """The token of a request that may come in; raises ApiError 401 or 403."""
    if not text:
        detail = error_info(service, "CREDENTIALS_MISSING", method.rpc)
        message = f"Request is missing required authentication credential. {_CREDENTIALS}"
        raise ApiError(401, message, details=[detail])
    token = machine.identity.live_token(text, machine.world.now())
    if token is None:
        detail = error_info(service, "ACCESS_TOKEN_EXPIRED", method.rpc)
        message = f"Request had invalid authentication credentials. {_CREDENTIALS}"
        raise ApiError(401, message, details=[detail])
    if service.host in machine.world.behaviour.disabled_services:
        raise service_disabled(service.host, service.title, token.project)
    if token.scopes.isdisjoint(method.scopes):
        message = "Request had insufficient authentication scopes."
        raise ApiError(
            403, message, details=[error_info(service, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", method.rpc)]
        )
    return token


@dataclass(frozen=True, slots=True)
class Api:
    """A Google API beside Meet: its service and methods, and what it does in the background, if anything."""

    service: Service
    methods: list[Method]
    background: Callable[[Machine], Callable[[web.Application], AsyncIterator[None]]] | None = None

    def register(self, app: web.Application, machine: Machine, serve: Serve) -> None:
        """Add the methods to the application; ``serve`` counts a request and applies ordered faults."""
        for method in self.methods:
            app.router.add_route(method.verb, method.path, _handler(machine, serve, self.service, method))
        if self.background is not None:
            app.cleanup_ctx.append(self.background(machine))


def _handler(
    machine: Machine, serve: Serve, service: Service, method: Method
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        text = bearer(request)
        known = machine.identity.tokens.get(text)
        account = (known.email or "service account") if known else ""
        raw = await request.read()

        async def produce() -> web.StreamResponse:
            token = admit(machine, service, method, text)
            fields = request.query.get("fields") or request.headers.get("x-goog-fieldmask")
            tree = masks.parse_fields(fields, method.reply) if fields else None
            call = Call(machine, token, request.match_info, request.query, body_of(raw))
            found = method.handler(call)
            answer = found if isinstance(found, dict) else await found
            if service.older and method.verb == "DELETE":
                return web.Response(status=204)
            return web.json_response(masks.select(answer, tree) if tree is not None else answer)

        return await serve(request, method.name, method.rpc, account, produce)

    return handle


def body_of(raw: bytes) -> Any:
    """The JSON of a request; an empty object if there is none."""
    if not raw.strip():
        return {}
    try:
        return json.loads(raw)
    except ValueError:
        raise ApiError(400, "Invalid JSON payload received. Unexpected token.") from None


def page_token(what: str, position: int) -> str:
    """A token for the page that begins at ``position`` of the list described by ``what``."""
    text = json.dumps([hashlib.sha256(what.encode()).hexdigest()[:12], position])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def page_start(what: str, token: str) -> int:
    """Where the page of a token begins; raises ValueError for a token that was not given for this list."""
    if not token:
        return 0
    kept, position = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    if kept != hashlib.sha256(what.encode()).hexdigest()[:12] or not isinstance(position, int):
        raise ValueError("a token of another list")
    return position
