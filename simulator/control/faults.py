"""``/_control/faults``: what happens to the next requests of a method, by status, parts, literal body or a preset's name."""

import json

from aiohttp import web

from simulator.control.part import Address, ControlPart
from simulator.faults import KINDS, Fault
from simulator.presets import PRESETS
from simulator.reading import JSON, ControlError, a_flag, a_number, a_text, read_body
from simulator.refusals import GOOGLE_JSON, Refusal
from simulator.token_errors import REDIRECT_ERRORS, TOKEN_ERRORS

_PARTS = {
    "status_word",
    "reason",
    "domain",
    "metadata",
    "details",
    "errors",
    "body",
    "content_type",
    "headers",
}
_FIELDS = _PARTS | {
    "method", "status", "kind", "error", "preset", "times", "delay_ms", "account", "email", "after", "message", "retry_after",
    "probability", "from", "for",
}  # fmt: skip


class FaultControl(ControlPart):
    """The handlers of faults."""

    def addresses(self) -> list[Address]:
        """Every address of this part of the control."""
        return [
            ("GET", "faults", self.list_faults),
            ("POST", "faults", self.add_fault),
            ("DELETE", "faults", self.clear_faults),
            ("GET", "faults/presets", self.presets),
        ]

    async def list_faults(self, request: web.Request) -> JSON:
        """GET faults."""
        del request
        now = self.machine.world.now()
        return {"faults": [each.as_json(now) for each in self.machine.faults.in_force(now)]}

    async def presets(self, request: web.Request) -> JSON:
        """GET faults/presets: every refusal that has a name."""
        del request
        return {
            "presets": [each.as_json(name) for name, each in PRESETS.items()],
            "token_errors": [
                {"name": name, "status": status, "body": body}
                for name, (status, body) in TOKEN_ERRORS.items()
            ],
            "redirect_errors": list(REDIRECT_ERRORS),
            "kinds": list(KINDS),
        }

    async def add_fault(self, request: web.Request) -> JSON:
        """POST faults: what happens to the next requests of a method."""
        body = await read_body(request, allowed=_FIELDS)
        what = [name for name in ("status", "kind", "error", "preset") if body.get(name) is not None]
        if len(what) != 1:
            raise ControlError("Give exactly one of status, kind, error and preset.")
        parts = sorted(name for name in _PARTS if name in body)
        if parts and what != ["status"]:
            raise ControlError(f"Only a fault with a status takes {', '.join(parts)}.")
        kind = body.get("kind")
        if kind is not None and kind not in KINDS:
            raise ControlError(f"kind must be one of {', '.join(KINDS)}.")
        error = body.get("error")
        method = a_text(body, "method", "token" if error is not None else "*")
        if error is not None:
            _check_error(error, method)
        lasting = "for" in body or "probability" in body
        now = self.machine.world.now()
        since = now + a_number(body, "from", 0)
        account = body.get("account", body.get("email"))
        fault = Fault(
            method=method,
            status=_status(body) if "status" in what else None,
            kind=kind,
            remaining=_times(body, None if lasting else 1),
            delay=a_number(body, "delay_ms", 2000 if kind == "slow" else 0, most=600_000) / 1000,
            account=str(account).lower() if account is not None else None,
            after=a_flag(body, "after", default=False),
            message=a_text(body, "message") if "message" in body else None,
            retry_after=str(body["retry_after"]) if "retry_after" in body else None,
            error=error,
            refusal=_refusal(body) if parts else _preset(body.get("preset")),
            preset=body.get("preset"),
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


def _check_error(error: object, method: str) -> None:
    known = {"token": tuple(TOKEN_ERRORS), "authorize": REDIRECT_ERRORS}.get(method)
    if known is None:
        raise ControlError("error is for the methods token and authorize; others take status or preset.")
    if error not in known:
        raise ControlError(f"error must be one of {', '.join(known)}.")


def _status(body: JSON) -> int:
    status = body["status"]
    least = 200 if "body" in body else 400  # a captive portal answers 200 with a page
    if isinstance(status, bool) or not isinstance(status, int) or not least <= status <= 599:
        raise ControlError(f"status must be a number from {least} to 599.")
    return status


def _times(body: JSON, default: int | None) -> int | None:
    times = body.get("times", default)
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 0):
        raise ControlError("times must be a whole number; 0 or null means until the faults are deleted.")
    return times or None


def _preset(name: object) -> Refusal | None:
    if name is None:
        return None
    if not isinstance(name, str) or name not in PRESETS:
        raise ControlError("There is no such preset. GET faults/presets lists them.")
    return PRESETS[name].refusal


def _refusal(body: JSON) -> Refusal:
    """A refusal described by its parts."""
    literal = body.get("body")
    if literal is not None and len(_PARTS & set(body) - {"body", "content_type", "headers"}):
        raise ControlError("A literal body replaces all other parts of the error.")
    if literal is not None and not isinstance(literal, str):
        literal = json.dumps(literal)
    metadata, details = body.get("metadata", {}), body.get("details", [])
    if not isinstance(metadata, dict) or not all(isinstance(each, str) for each in metadata.values()):
        raise ControlError("metadata must be an object of texts.")
    if not isinstance(details, list) or not all(isinstance(each, dict) for each in details):
        raise ControlError("details must be a list of objects.")
    headers = body.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(each, str) for each in headers.values()):
        raise ControlError("headers must be an object of texts.")
    if "retry_after" in body:
        headers = {**headers, "Retry-After": str(body["retry_after"])}
    word = body.get("status_word", "")
    if word is not None and not isinstance(word, str):
        raise ControlError("status_word must be a text, or null for an error without one.")
    return Refusal(
        status=_status(body),
        word=word,
        message=_optional(body, "message"),
        reason=_optional(body, "reason"),
        domain=_optional(body, "domain"),
        metadata=metadata,
        details=tuple(details),
        errors=_optional(body, "errors"),
        body=literal,
        content_type=_optional(body, "content_type") or GOOGLE_JSON,
        headers=headers,
    )


def _optional(body: JSON, name: str) -> str:
    return a_text(body, name) if body.get(name) is not None else ""
