"""Addresses and headers of sign-in requests."""

from aiohttp import web

AUTHORIZE_PATH = "/o/oauth2/v2/auth"


def base_url(request: web.Request) -> str:
    """The address under which the client reached us."""
    return f"{request.scheme}://{request.host}"


def bearer(request: web.Request) -> str:
    """The access token of a request; empty if there is none."""
    header = request.headers.get("Authorization", "")
    if header.lower().startswith("bearer "):
        return header[7:].strip()
    return request.query.get("access_token", "")
