"""``/_control/``: switches, quotas, latency, and the count of requests."""

from dataclasses import asdict

from aiohttp import web

from simulator.behaviour import MODES, PHONE_FOR, REJOIN, Behaviour, Policy
from simulator.config import LEAVES
from simulator.control.part import Address, ControlPart
from simulator.quota import GOOGLE_LIMITS, Limit
from simulator.reading import JSON, ControlError, a_flag, a_number, a_text, read_body

_FLAGS = (
    "tighten_after_end", "end_foreign", "member_is_participant", "filter_takes_code", "member_twice_refused",
    "deleted_account_named", "recreated_keeps_spaces",
)  # fmt: skip


class Orders(ControlPart):
    """The handlers of switches, quotas, latency and counts."""

    def addresses(self) -> list[Address]:
        """Every address of this part of the control."""
        return [
            ("GET", "behaviour", self.show_behaviour),
            ("POST", "behaviour", self.behaviour),
            ("GET", "quotas", self.show_quotas),
            ("POST", "quotas", self.quotas),
            ("GET", "latency", self.show_latency),
            ("POST", "latency", self.latency),
            ("GET", "requests", self.requests),
            ("DELETE", "requests", self.clear_requests),
        ]

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
        wait = a_number(body, "rejoin_wait_seconds", chosen.rejoin_wait_seconds)
        rejoin = a_text(body, "rejoin_after_end", chosen.rejoin_after_end)
        if rejoin not in REJOIN:
            raise ControlError(f"rejoin_after_end must be one of {', '.join(REJOIN)}.")
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
            rejoin_after_end=rejoin,
            rejoin_wait_seconds=wait,
            phone_for=phone_for,
            sip_gateway=gateway or None,
            disabled_services=tuple(disabled),
            policies=policies,
            **changed,
        )
        self.machine.world.version += 1
        return self.machine.world.behaviour.as_json()

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
