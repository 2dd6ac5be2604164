"""The web application: addresses, counting, ordered faults, errors as Google words them."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from simulator import errors, pages
from simulator.accounts.requests import AUTHORIZE_PATH, bearer
from simulator.control.routes import routes
from simulator.desk import Desk
from simulator.directory.resources import API as RESOURCES
from simulator.directory.users import API as USERS
from simulator.errors import ApiError
from simulator.events.api import API as EVENTS
from simulator.faults import Fault
from simulator.machine import Machine
from simulator.meet import service
from simulator.pubsub.api import API as PUBSUB
from simulator.refusals import Refusal
from simulator.reports.api import API as REPORTS
from simulator.token_errors import TOKEN_ERRORS

MAX_SILENCE = 120.0  # seconds a "timeout" keeps a client waiting at most
APIS = (EVENTS, PUBSUB, RESOURCES, USERS, REPORTS)
"""The Google APIs beside Meet."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def api_error(refusal: ApiError, retry_after: str | None = None) -> web.Response:
    """A refusal as Google sends it."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    if refusal.code == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/"'
    return web.json_response(refusal.envelope(), status=refusal.code, headers=headers)


class Site:
    """The handlers that stand between the web and the machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def build(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=2 * 1024**2, middlewares=[self._middleware])
        app.add_routes(routes(self.machine))
        app.add_routes(Desk(self.machine).routes())
        plain: list[tuple[str, str, str, Callable[[], Handler]]] = [
            ("GET", AUTHORIZE_PATH, "authorize", lambda: self.machine.accounts.choose.authorize),
            ("POST", AUTHORIZE_PATH, "authorize", lambda: self.machine.accounts.choose.authorize),
            ("POST", "/token", "token", lambda: self.machine.accounts.tokens.token),
            ("POST", "/revoke", "revoke", lambda: self.machine.accounts.tokens.revoke),
            ("GET", "/oauth2/v1/certs", "certs", lambda: self.machine.accounts.information.certificates),
            ("GET", "/oauth2/v3/certs", "certs", lambda: self.machine.accounts.information.key_set),
            ("GET", "/v1/userinfo", "userinfo", lambda: self.machine.accounts.information.userinfo),
            ("POST", "/v1/userinfo", "userinfo", lambda: self.machine.accounts.information.userinfo),
            ("GET", "/tokeninfo", "tokeninfo", lambda: self.machine.accounts.information.tokeninfo),
            ("POST", "/tokeninfo", "tokeninfo", lambda: self.machine.accounts.information.tokeninfo),
            (
                "POST",
                "/oauth2/v2/tokeninfo",
                "oauth2.tokeninfo",
                lambda: self.machine.accounts.information.older_tokeninfo,
            ),
            (
                "GET",
                "/.well-known/openid-configuration",
                "openid-configuration",
                lambda: self.machine.accounts.information.discovery,
            ),
        ]
        for verb, path, name, find in plain:
            app.router.add_route(verb, path, self._counted(name, find))
        for api in APIS:
            api.register(app, self.machine, self._serve)
        app.router.add_route("*", "/{rest:v[0-9a-z]+/.*}", self.meet)
        return app

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.machine.catch_up()
        try:
            return await handler(request)
        except ApiError as refusal:
            return api_error(refusal)
        except web.HTTPException as refusal:
            return web.Response(
                status=refusal.status,
                content_type="text/html",
                text=pages.page(f"Error {refusal.status}", f"<h1>{refusal.status}. That’s an error.</h1>"),
            )

    def _counted(self, name: str, find: Callable[[], Handler]) -> Handler:
        """A sign-in endpoint under the counts and faults; found anew each time, since a reset replaces it."""

        async def counted(request: web.Request) -> web.StreamResponse:
            account = ""
            if name == "token":
                account = await self.machine.accounts.tokens.account_of(request)
            return await self._serve(request, name, name, account, lambda: find()(request))

        return counted

    async def meet(self, request: web.Request) -> web.StreamResponse:
        """Any method of Meet."""
        method, path = service.find_method(request.method, request.rel_url.raw_path)
        text = bearer(request)
        known = self.machine.identity.tokens.get(text)
        account = (known.email or "service account") if known else ""
        asked = service.Asked(
            method=method,
            path=path,
            query=request.query,
            token=text,
            body=await request.read(),
            field_mask=request.headers.get("x-goog-fieldmask"),
            quota_user=request.headers.get("x-goog-quota-user"),
        )

        async def produce() -> web.StreamResponse:
            return web.json_response(service.serve(self.machine, asked))

        return await self._serve(request, method.name, method.rpc, account, produce)

    async def _serve(
        self,
        request: web.Request,
        name: str,
        rpc: str,
        account: str,
        produce: Callable[[], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Count a request and answer it, unless an ordered fault does."""
        tally = self.machine.tally
        tally.by_method[name] += 1
        if account:
            tally.by_account[account] += 1
        wait = self.machine.latency.draw()
        if wait > 0:
            await asyncio.sleep(wait)
        fault = self.machine.faults.take(name, account, self.machine.world.now())
        if fault is None:
            response = await self._answer(produce)
        elif fault.kind == "slow":
            await asyncio.sleep(fault.delay)
            response = await self._answer(produce)
        else:
            if fault.after:
                await self._answer(produce)
            await asyncio.sleep(fault.delay)
            return await self._misbehave(request, fault, name, rpc)
        tally.by_status[str(response.status)] += 1
        return response

    async def _answer(self, produce: Callable[[], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        try:
            return await produce()
        except ApiError as refusal:
            return api_error(refusal)

    async def _misbehave(self, request: web.Request, fault: Fault, name: str, rpc: str) -> web.StreamResponse:
        tally = self.machine.tally
        if fault.refusal is not None:
            tally.by_status[str(fault.refusal.status)] += 1
            return _literal(fault.refusal, name, rpc)
        if fault.error is not None and name == "authorize":
            tally.by_status["302"] += 1
            return await self.machine.accounts.choose.send_back(request, fault.error)
        if fault.error is not None:
            status, answer = TOKEN_ERRORS[fault.error]
            tally.by_status[str(status)] += 1
            return web.json_response(answer, status=status)
        if fault.status is not None:
            tally.by_status[str(fault.status)] += 1
            if name == "token":
                body = {"error": "internal_failure", "error_description": fault.message or "Backend Error"}
                return web.json_response(body, status=fault.status)
            refusal = errors.of_status(fault.status, rpc, _quota_of(name))
            if fault.message:
                refusal.message = fault.message
            return api_error(refusal, fault.retry_after)
        tally.by_status[str(fault.kind)] += 1
        if fault.kind == "timeout":
            await asyncio.sleep(MAX_SILENCE)
            return _hang_up(request)
        if fault.kind == "truncated":
            return await _half_an_answer(request)
        return web.Response(
            text="<html><body>Lorem ipsum <b>dolor</i> %%% {{{ \x00", content_type="text/html"
        )


def _literal(refusal: Refusal, name: str, rpc: str) -> web.Response:
    headers = {"Content-Type": refusal.content_type, **refusal.headers}
    body = refusal.text_for(name, rpc).encode()
    return web.Response(body=body, status=refusal.status, headers=headers)


def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=504)


async def _half_an_answer(request: web.Request) -> web.StreamResponse:
    """Promise more bytes than are sent, then close the connection."""
    body = b'{"name": "spaces/'
    response = web.StreamResponse(headers={"Content-Type": "application/json; charset=UTF-8"})
    response.content_length = len(body) + 1000
    await response.prepare(request)
    await response.write(body)
    if request.transport is not None:
        request.transport.close()
    return response


def _quota_of(name: str) -> str:
    method = service.BY_NAME.get(name)
    return method.quota if method is not None else "read"
