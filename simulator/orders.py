"""``/_control/``, the part about Google's manners: switches, faults, quotas, latency, and the count of requests."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from simulator.behaviour import MODES, PHONE_FOR, Behaviour, Policy
from simulator.config import LEAVES
from simulator.faults import KINDS, TOKEN_ERRORS, Fault
from simulator.machine import Machine
from simulator.quota import GOOGLE_LIMITS, Limit
from simulator.reading import JSON, ControlError, a_flag, a_number, a_text, guarded, read_body

_FLAGS = (
    "tighten_after_end", "end_foreign", "member_is_participant", "filter_takes_code", "member_twice_refused",
)  # fmt: skip
_FAULT_FIELDS = {
    "method", "status", "kind", "error", "times", "delay_ms", "account", "email", "after", "message", "retry_after",
    "probability", "from", "for",
}  # fmt: skip


class Orders:
    """The handlers of switches, faults, quotas, latency and counts."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def routes(self) -> list[web.RouteDef]:
        """Every address of this part of the control."""
        table: list[tuple[str, str, Callable[[web.Request], Awaitable[Any]]]] = [
            ("GET", "behaviour", self.show_behaviour),
            ("POST", "behaviour", self.behaviour),
            ("GET", "faults", self.list_faults),
            ("POST", "faults", self.add_fault),
            ("DELETE", "faults", self.clear_faults),
            ("GET", "quotas", self.show_quotas),
            ("POST", "quotas", self.quotas),
            ("GET", "latency", self.show_latency),
            ("POST", "latency", self.latency),
            ("GET", "requests", self.requests),
            ("DELETE", "requests", self.clear_requests),
        ]
        return [web.route(verb, f"/_control/{path}", guarded(handler)) for verb, path, handler in table]

    # -- behaviour ---------------------------------------------------------------------------------------------

    async def show_behaviour(self, request: web.Request) -> JSON:
        """GET behaviour."""
        del request
        return self.machine.world.behaviour.as_json()

    async def behaviour(self, request: web.Request) -> JSON:
        """POST behaviour: what is not documented, to be ready for it; and the customer's policies."""
        body = await read_body(request, allowed=set(asdict(Behaviour())))
        chosen = self.machine.world.behaviour
        changed = {name: a_flag(body, name, default=getattr(chosen, name)) for name in _FLAGS}
        linger = a_number(body, "linger_seconds", chosen.linger_seconds)
        lag = a_number(body, "list_lag_seconds", chosen.list_lag_seconds)
        phone_for = a_text(body, "phone_for", chosen.phone_for)
        if phone_for not in PHONE_FOR:
            raise ControlError(f"phone_for must be one of {', '.join(PHONE_FOR)}.")
        gateway = body.get("sip_gateway", chosen.sip_gateway)
        if gateway is not None and not isinstance(gateway, str):
            raise ControlError("sip_gateway must be a host name or null.")
        disabled = _texts(body.get("disabled_services", list(chosen.disabled_services)), "disabled_services")
        policies = _policies(body["policies"]) if "policies" in body else chosen.policies
        self.machine.world.behaviour = Behaviour(
            linger_seconds=linger,
            list_lag_seconds=lag,
            phone_for=phone_for,
            sip_gateway=gateway or None,
            disabled_services=tuple(disabled),
            policies=policies,
            **changed,
        )
        self.machine.world.version += 1
        return self.machine.world.behaviour.as_json()

    # -- faults ------------------------------------------------------------------------------------------------

    async def list_faults(self, request: web.Request) -> JSON:
        """GET faults."""
        del request
        now = self.machine.world.now()
        return {"faults": [each.as_json(now) for each in self.machine.faults.in_force(now)]}

    async def add_fault(self, request: web.Request) -> JSON:
        """POST faults: what happens to the next requests of a method."""
        body = await read_body(request, allowed=_FAULT_FIELDS)
        status, kind, error = body.get("status"), body.get("kind"), body.get("error")
        if sum(each is not None for each in (status, kind, error)) != 1:
            raise ControlError("Give one of status, kind and error.")
        if status is not None and (
            isinstance(status, bool) or not isinstance(status, int) or not 400 <= status <= 599
        ):
            raise ControlError("status must be a number from 400 to 599.")
        if kind is not None and kind not in KINDS:
            raise ControlError(f"kind must be one of {', '.join(KINDS)}.")
        if error is not None and error not in TOKEN_ERRORS:
            raise ControlError(f"error must be one of {', '.join(TOKEN_ERRORS)}.")
        method = a_text(body, "method", "token" if error else "*")
        if error is not None and method != "token":
            raise ControlError("error is for the method token only; others take status and message.")
        lasting = "for" in body or "probability" in body
        times = body.get("times", None if lasting else 1)
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 0):
            raise ControlError("times must be a whole number; 0 or null means until the faults are deleted.")
        account = body.get("account", body.get("email"))
        now = self.machine.world.now()
        since = now + a_number(body, "from", 0)
        fault = Fault(
            method=method,
            status=status,
            kind=kind,
            remaining=times or None,
            delay=a_number(body, "delay_ms", 2000 if kind == "slow" else 0, most=600_000) / 1000,
            account=str(account).lower() if account is not None else None,
            after=a_flag(body, "after", default=False),
            message=a_text(body, "message") if "message" in body else None,
            retry_after=str(body["retry_after"]) if "retry_after" in body else None,
            error=error,
            probability=a_number(body, "probability", 1, most=1),
            since=since if "from" in body else 0.0,
            until=since + a_number(body, "for", 0) if body.get("for") is not None else None,
        )
        self.machine.faults.faults.append(fault)
        return fault.as_json(now)

    async def clear_faults(self, request: web.Request) -> JSON:
        """DELETE faults."""
        del request
        self.machine.faults.faults.clear()
        return {"faults": []}

    # -- quotas and latency ------------------------------------------------------------------------------------

    async def show_quotas(self, request: web.Request) -> JSON:
        """GET quotas: the limits in force."""
        del request
        return self.machine.quotas.settings()

    async def quotas(self, request: web.Request) -> JSON:
        """POST quotas: other limits per minute, or none; what is not named stays."""
        body = await read_body(request, allowed={"on", "limits", "delegated_as_one", "retry_info"})
        quotas = self.machine.quotas
        limits = _limits(body.get("limits", {}), quotas.limits)
        on = a_flag(body, "on", default=quotas.on)
        as_one = a_flag(body, "delegated_as_one", default=quotas.delegated_as_one)
        quotas.retry_info = a_flag(body, "retry_info", default=quotas.retry_info)
        quotas.on, quotas.delegated_as_one, quotas.limits = on, as_one, limits
        return quotas.settings()

    async def show_latency(self, request: web.Request) -> JSON:
        """GET latency."""
        del request
        return dict(self.machine.latency.as_json())

    async def latency(self, request: web.Request) -> JSON:
        """POST latency: median and 99th percentile of the time to answer, in milliseconds."""
        body = await read_body(request, allowed={"median_ms", "p99_ms"})
        latency = self.machine.latency
        median = a_number(body, "median_ms", latency.median_ms, most=60_000)
        tail = a_number(body, "p99_ms", -1, most=120_000)
        try:
            latency.set(median, None if tail < 0 else tail)
        except ValueError as error:
            raise ControlError(str(error)) from None
        return dict(latency.as_json())

    # -- counts ------------------------------------------------------------------------------------------------

    async def requests(self, request: web.Request) -> JSON:
        """GET requests: counts by method, account and status, and what was used of the quotas."""
        del request
        used = self.machine.quotas.as_json(self.machine.world.shown)
        return {**self.machine.tally.as_json(), "quota": used}

    async def clear_requests(self, request: web.Request) -> JSON:
        """DELETE requests: counts from nothing again; what this minute used of the quotas stays used."""
        self.machine.tally.clear()
        self.machine.quotas.forget()
        return await self.requests(request)


def _texts(value: object, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ControlError(f"{name} must be a list of texts.")
    return value


def _policies(value: object) -> tuple[Policy, ...]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ControlError("policies must be a list of objects.")
    return tuple(_policy(each) for each in value)


def _policy(body: JSON) -> Policy:
    unknown = sorted(set(body) - {"setting", "allowed", "mode", "account", "status"})
    if unknown:
        raise ControlError(f"Unknown field of a policy: {', '.join(unknown)}.")
    setting = a_text(body, "setting").removeprefix("config.")
    leaves = [leaf for leaf in LEAVES if leaf == setting or leaf.startswith(setting + ".")]
    if not leaves:
        raise ControlError(f"There is no setting {setting}.")
    allowed = _texts(body.get("allowed"), "allowed")
    for leaf in leaves:
        if not allowed or any(each not in LEAVES[leaf].names[1:] for each in allowed):
            raise ControlError(f"allowed must name values of {leaf}: {', '.join(LEAVES[leaf].names[1:])}.")
    mode = a_text(body, "mode", "refuse")
    if mode not in MODES:
        raise ControlError(f"mode must be one of {', '.join(MODES)}.")
    status = body.get("status", 403)
    if status not in (400, 403):
        raise ControlError("status must be 400 or 403.")
    account = a_text(body, "account").lower() if body.get("account") is not None else None
    return Policy(setting=setting, allowed=tuple(allowed), mode=mode, account=account, status=status)


def _limits(value: object, present: dict[str, Limit]) -> dict[str, Limit]:
    if not isinstance(value, dict):
        raise ControlError("limits must be an object.")
    limits = dict(present)
    for name, numbers in value.items():
        if name not in GOOGLE_LIMITS:
            raise ControlError(f"There is no class {name}; classes are {', '.join(GOOGLE_LIMITS)}.")
        if not isinstance(numbers, dict) or set(numbers) - {"project", "user"}:
            raise ControlError('A limit is {"project": number or null, "user": number or null}.')
        for each in numbers.values():
            if each is not None and (isinstance(each, bool) or not isinstance(each, int) or each < 0):
                raise ControlError("A limit is a whole number of requests per minute, or null for none.")
        limits[name] = Limit(
            project=numbers.get("project", limits[name].project), user=numbers.get("user", limits[name].user)
        )
    return limits
