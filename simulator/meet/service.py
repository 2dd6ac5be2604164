"""The way into Meet: the method for a path, token, scope, quota, parameters, body, and partial replies.

It knows nothing of the web server: text in, JSON out, refusals as ApiError. Counting, latency and ordered faults are the
site's business.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from simulator import errors, masks
from simulator.errors import ApiError
from simulator.identity import SERVICE_ACCOUNT, Token
from simulator.machine import Machine
from simulator.meet import artifacts, members, records, spaces
from simulator.meet.shared import JSON, Call, Method

METHODS: list[Method] = [*spaces.METHODS, *members.METHODS, *records.METHODS, *artifacts.METHODS]
BY_NAME = {each.name: each for each in METHODS}
TITLE = "Google Meet API"

# Google Cloud, "System parameters"; each may also be written with a dollar sign in front.
_SYSTEM = frozenset(
    {
        "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint", "quotaUser", "userIp",
        "uploadType", "upload_protocol", ".xgafv", "userProject", "unique", "outputDefaults", "apiVersion",
    }
)  # fmt: skip
_ALT = re.compile(r"json(;.*)?")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: method and path of HTTP, query, the two headers that matter, the token, the body."""

    method: Method
    path: Mapping[str, str]
    query: Mapping[str, str]
    token: str
    body: bytes = b""
    field_mask: str | None = None
    quota_user: str | None = None


@lru_cache(maxsize=4096)
def _find(verb: str, raw_path: str) -> tuple[Method, dict[str, str]] | None:
    if "%2f" not in raw_path.lower():
        path = unquote(raw_path)
        for method in METHODS:
            if method.verb == verb and (match := method.path.fullmatch(path)):
                return method, match.groupdict()
    return None


def find_method(verb: str, raw_path: str) -> tuple[Method, dict[str, str]]:
    """The method for an undecoded path, with its path variables; raises ApiError 404.

    An escaped slash is not a slash: Google answers 404 to it. So it does to v2beta without preview enrolment.
    """
    found = _find(verb, raw_path)
    if found is None:
        raise errors.unknown_method()
    return found


def _system(query: Mapping[str, str], name: str) -> str:
    return query.get(name) or query.get("$" + name, "")


def _check_parameters(method: Method, query: Mapping[str, str]) -> None:
    for name in query:
        if name.removeprefix("$") in _SYSTEM or masks.camel(name) in method.parameters:
            continue
        raise errors.unknown_parameter(name)
    alt = _system(query, "alt")
    if alt and not _ALT.fullmatch(alt):
        raise errors.invalid("alt", f"This simulator answers in JSON only, not {alt}.")


def _admitted(machine: Machine, asked: Asked) -> Token:
    """The token of a request that may come in; raises ApiError 401, 403 or 429."""
    method = asked.method
    if not asked.token:
        raise errors.no_credentials(method.rpc)
    token = machine.identity.live_token(asked.token, machine.world.now())
    if token is None:
        raise errors.dead_credentials(method.rpc)
    if errors.SERVICE in machine.world.behaviour.disabled_services:
        raise errors.service_disabled(errors.SERVICE, TITLE, token.project)
    if token.scopes.isdisjoint(method.scopes):
        raise errors.scope_missing(method.rpc)
    machine.quotas.take(
        method.quota, project=token.project, user=_quota_user(machine, asked, token), now=machine.world.now()
    )
    return token


def _quota_user(machine: Machine, asked: Asked, token: Token) -> str:
    """Whose quota a request uses: the user's, unless quotaUser names another bucket (at most 40 characters).

    Under delegation that may be the service account instead of the impersonated user; a switch of the quotas.
    """
    named = _system(asked.query, "quotaUser") or asked.quota_user
    if named:
        return named[:40]
    if machine.quotas.delegated_as_one and token.client == SERVICE_ACCOUNT:
        return SERVICE_ACCOUNT
    return token.email or ""


def serve(machine: Machine, asked: Asked) -> JSON:
    """Answer a request; raises ApiError for every refusal."""
    token = _admitted(machine, asked)
    method, query = asked.method, asked.query
    _check_parameters(method, query)
    fields = _system(query, "fields") or asked.field_mask
    call = Call(
        world=machine.world,
        token=token,
        path=asked.path,
        query=query,
        body=_json(asked.body),
        fields=fields,
        enum_numbers="enum-encoding=int" in _system(query, "alt"),
    )
    tree = masks.parse_fields(fields, method.reply) if fields else None
    reply = method.handler(call)
    if tree is None:
        return reply
    chosen: JSON = masks.select(reply, tree)
    return chosen


def _json(raw: bytes) -> Any:
    if not raw.strip():
        return {}
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise ApiError(400, "Invalid JSON payload received. Unexpected token.") from None
