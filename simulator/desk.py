"""The page at ``/``: the world at a glance, and plain forms for what the control can do. It works without JavaScript."""

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from simulator import pages
from simulator.entities import Conference
from simulator.faults import KINDS, Fault
from simulator.joining import let_in
from simulator.machine import Machine
from simulator.presets import PRESETS
from simulator.reading import ControlError, check_caller, check_here
from simulator.world import World

SHOWN_CALLS = 40
SHOWN_ROOMS = 300
SHOWN_METHODS = 25
STATUSES = (503, 500, 429, 403, 401, 404)
_PAGE_HEADERS = {"Cache-Control": "no-store", "Content-Security-Policy": "frame-ancestors 'none'"}
KIND_NAMES = {"email": "Person", "device": "Device", "phone": "Phone", "guest": "Guest", "bot": "Bot"}
STYLE = """
body { max-width: 72rem; margin: 1.5rem auto; }
a { color: LinkText; }
header p { margin: 0 0 1rem; opacity: .75; }
.said { border-left: .25rem solid #1a73e8; padding: .4rem .8rem; background: #1a73e81f; border-radius: .3rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: .6rem; margin: 0 0 1rem; }
.facts li { border: 1px solid #8886; border-radius: .6rem; padding: .4rem .9rem; }
.facts strong { display: block; font-size: 1.4rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.facts span { opacity: .75; font-size: .85rem; }
.columns { display: grid; grid-template-columns: minmax(0, 2fr) minmax(17rem, 1fr); gap: 1.5rem; align-items: start; }
@media (max-width: 52rem) { .columns { grid-template-columns: minmax(0, 1fr); } }
section { border: 1px solid #8886; border-radius: .6rem; padding: .8rem 1rem; margin-bottom: 1rem; }
section h2 { margin: 0 0 .6rem; }
form { display: flex; flex-wrap: wrap; gap: .4rem; align-items: end; margin: 0; }
form label { display: grid; font-size: .85rem; gap: .1rem; flex: 1 1 8rem; }
input, select, button { font: inherit; height: 2.2rem; box-sizing: border-box; padding: 0 .5rem; border: 1px solid #8889; border-radius: .4rem; min-width: 0;
  background: Field; color: FieldText; }
button { cursor: pointer; background: ButtonFace; color: ButtonText; }
button:hover, button:focus-visible { border-color: #1a73e8; }
details { border-top: 1px solid #8886; padding: .45rem 0; }
summary { cursor: pointer; display: flex; gap: 0 .8rem; flex-wrap: wrap; }
summary b { flex: 1 1 12rem; }
summary span { opacity: .75; font-variant-numeric: tabular-nums; }
details ul { margin: .5rem 0; display: grid; gap: .25rem; }
details li { display: flex; gap: .6rem; align-items: center; justify-content: space-between; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
td { padding: .15rem 0; overflow-wrap: anywhere; }
td:last-child { text-align: right; font-variant-numeric: tabular-nums; padding-left: 1rem; }
code { overflow-wrap: anywhere; }
"""


class Desk:
    """The page and what its forms do."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.actions: dict[str, Callable[[Mapping[str, str]], str]] = {
            "start": self._start,
            "join": self._join,
            "leave": self._leave,
            "end": self._end,
            "fault": self._fault,
            "no-faults": self._no_faults,
            "clock": self._clock,
            "life": self._life,
        }

    def routes(self) -> list[web.RouteDef]:
        """The page and its forms."""
        return [web.get("/", self.show), web.post("/", self.act)]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The world for this machine; for others just what this address is."""
        world = self.machine.world
        try:
            check_here(request)
        except ControlError:
            text = pages.front_door(scene=world.scene, rooms=len(world.rooms), seed=world.seed)
        else:
            text = _page(self.machine, wanted=request.query.get("q", ""), said=request.query.get("said", ""))
        return web.Response(text=text, content_type="text/html", headers=_PAGE_HEADERS)

    async def act(self, request: web.Request) -> web.StreamResponse:
        """Do what a form says and go back to the page with a sentence about it."""
        try:
            check_caller(request)
        except ControlError:
            raise web.HTTPForbidden from None
        form = {name: str(value).strip() for name, value in (await request.post()).items()}
        action = self.actions.get(form.get("do", ""))
        try:
            said = action(form) if action is not None else "There is no such action."
        except ControlError as refusal:
            said = refusal.sentence
        where = {"said": said, **({"q": form["q"]} if form.get("q") else {})}
        return web.Response(status=303, headers={"Location": "/?" + urlencode(where)})

    # -- what the forms do -------------------------------------------------------------------------------------

    def _start(self, form: Mapping[str, str]) -> str:
        world = self.machine.world
        handle = form.get("space", "").removeprefix("spaces/")
        space = world.find_space(handle)
        if space is None:
            room = next((each for each in world.rooms if each.name.casefold() == handle.casefold()), None)
            space = world.spaces[room.space] if room is not None else None
        if space is None:
            raise ControlError(f"There is no room and no space {handle}.")
        if space.active is not None:
            raise ControlError("A call is running there already.")
        call = Conference("trial", space.id, world.now(), "control")
        who = _participant(form)
        let_in(world, call, who, world.now())  # a bad participant starts no call
        call = world.start_call(space, origin="control", at=world.now())
        let_in(world, call, who, world.now())
        return f"A call has started in {_where(world, call)}."

    def _call(self, form: Mapping[str, str]) -> Conference:
        call = self.machine.world.conferences.get(form.get("call", ""))
        if call is None or call.end is not None:
            raise ControlError("This call is over.")
        return call

    def _join(self, form: Mapping[str, str]) -> str:
        call = self._call(form)
        joined = let_in(self.machine.world, call, _participant(form), self.machine.world.now())
        return f"{joined.display_name} is in the call of {_where(self.machine.world, call)}."

    def _leave(self, form: Mapping[str, str]) -> str:
        call = self._call(form)
        for each in call.present():
            if each.id == form.get("participant"):
                self.machine.world.leave(call, each, at=self.machine.world.now())
                return f"{each.display_name} has left."
        raise ControlError("Nobody like that is in the call.")

    def _end(self, form: Mapping[str, str]) -> str:
        call = self._call(form)
        self.machine.world.end_call(call, at=self.machine.world.now())
        return f"The call of {_where(self.machine.world, call)} has ended."

    def _fault(self, form: Mapping[str, str]) -> str:
        what = form.get("what", "")
        status = int(what) if what.isdecimal() and int(what) in STATUSES else None
        preset = PRESETS.get(what)
        if status is None and preset is None and what not in KINDS:
            raise ControlError("Choose what is to happen.")
        times, seconds = form.get("times", ""), form.get("seconds", "")
        for number in (times, seconds):
            if number and not number.isdecimal():
                raise ControlError("Numbers are whole numbers.")
        now = self.machine.world.now()
        fault = Fault(
            method=form.get("method") or "*",
            status=status,
            kind=what if what in KINDS else None,
            refusal=None if preset is None else preset.refusal,
            preset=None if preset is None else what,
            remaining=int(times) if times and int(times) else None,
            delay=2.0 if what == "slow" else 0.0,
            account=form.get("account", "").lower() or None,
            after=False,
            message=None,
            retry_after=None,
            until=now + int(seconds) if seconds else None,
        )
        self.machine.faults.faults.append(fault)
        return f"Planned: {_fault_text(fault, now)}."

    def _no_faults(self, form: Mapping[str, str]) -> str:
        del form
        self.machine.faults.faults.clear()
        return "No faults are planned any more."

    def _clock(self, form: Mapping[str, str]) -> str:
        minutes = form.get("minutes", "")
        if not minutes.isdecimal() or not 0 < int(minutes) <= 60 * 24 * 60:
            raise ControlError("Minutes are a whole number, at most 60 days of them.")
        world = self.machine.world
        world.offset += int(minutes) * 60
        world.version += 1
        self.machine.catch_up()
        return f"The world has lived on for {minutes} minutes."

    def _life(self, form: Mapping[str, str]) -> str:
        if form.get("running") == "yes":
            self.machine.life.thaw()
            return "People come and go by themselves."
        self.machine.life.freeze()
        return "Nobody moves unless told to."


def _participant(form: Mapping[str, str]) -> dict[str, str]:
    if form.get("kind") not in KIND_NAMES or not form.get("who"):
        raise ControlError("Say who: a kind and a name or address.")
    return {form["kind"]: form["who"]}


def _where(world: World, call: Conference) -> str:
    """The room of a call, or its code."""
    space = world.spaces[call.space]
    return world.rooms[space.room].name if space.room is not None else space.code or space.name


# -- the page --------------------------------------------------------------------------------------------------------


def _age(seconds: float) -> str:
    minutes = int(seconds // 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"


def _form(action: str, inside: str, *, button: str, wanted: str = "") -> str:
    keep = f'<input type="hidden" name="q" value="{escape(wanted)}">' if wanted else ""
    return (
        f'<form method="post" action="/"><input type="hidden" name="do" value="{action}">{keep}{inside}'
        f'<button type="submit">{escape(button)}</button></form>'
    )


def _input(label: str, name: str, *, value: str = "", more: str = "") -> str:
    return f'<label>{escape(label)}<input name="{name}" value="{escape(value)}" {more}></label>'


def _select(label: str, name: str, options: Iterable[tuple[str, str]]) -> str:
    inside = "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options)
    return f'<label>{escape(label)}<select name="{name}">{inside}</select></label>'


def _who() -> str:
    return _select("Kind", "kind", KIND_NAMES.items()) + _input(
        "Address or name", "who", more='list="people" required'
    )


def _call_html(world: World, call: Conference, wanted: str) -> str:
    space = world.spaces[call.space]
    present = call.present()
    hidden = f'<input type="hidden" name="call" value="{escape(call.id)}">'
    people = "".join(
        f"<li><span>{escape(each.display_name)} ({escape(each.kind)})</span>"
        + _form(
            "leave",
            hidden + f'<input type="hidden" name="participant" value="{escape(each.id)}">',
            button="Leave",
            wanted=wanted,
        )
        + "</li>"
        for each in present
    )
    return (
        f"<details><summary><b>{escape(_where(world, call))}</b><span>{escape(space.code)}</span>"
        f"<span>{len(present)} here</span><span>{_age(world.now() - call.start)}</span></summary>"
        f"<p>Owner {escape(space.owner)}, project {escape(space.project)}, <code>{escape(space.name)}</code></p>"
        f"<ul>{people}</ul>"
        + _form("join", hidden + _who(), button="Join", wanted=wanted)
        + "<br>"
        + _form("end", hidden, button="End the call", wanted=wanted)
        + "</details>"
    )


def _fault_text(fault: Fault, now: float) -> str:
    parts = [f"{fault.method}: {fault.preset or fault.status or fault.kind or fault.error or 'refusal'}"]
    if fault.account:
        parts.append(f"for {fault.account}")
    if fault.remaining is not None:
        parts.append(f"{fault.remaining} times")
    if fault.until is not None:
        parts.append(f"for {max(0, round(fault.until - now))} s")
    return ", ".join(parts)


def _table(rows: Iterable[tuple[str, Any]]) -> str:
    inside = "".join(f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>" for name, value in rows)
    return f"<table>{inside}</table>" if inside else "<p>Nothing yet.</p>"


def _calls_html(world: World, running: list[Conference], wanted: str) -> str:
    needle = wanted.casefold()
    found = [
        each
        for each in running
        if needle in f"{_where(world, each)} {world.spaces[each.space].code} {each.space}".casefold()
    ]
    found.sort(key=lambda each: each.start)
    more = f"<p>{len(found) - SHOWN_CALLS} more; search for them.</p>" if len(found) > SHOWN_CALLS else ""
    return (
        "<section><h2>Running calls</h2>"
        f'<form method="get" action="/">{_input("Room, code or id", "q", value=wanted)}'
        '<button type="submit">Search</button></form><br>'
        + ("".join(_call_html(world, each, wanted) for each in found[:SHOWN_CALLS]) or "<p>None.</p>")
        + more
        + "</section>"
    )


def _orders_html(machine: Machine) -> str:
    world = machine.world
    now = world.now()
    idle = [each.name for each in world.rooms if world.spaces[each.space].active is None][:SHOWN_ROOMS]
    rooms = "".join(f'<option value="{escape(name)}">' for name in idle)
    people = "".join(f'<option value="{escape(email)}">' for email in list(world.people)[:SHOWN_ROOMS])
    start = _form(
        "start", _input("Room, code or id", "space", more='list="rooms" required') + _who(), button="Start"
    )
    choices = [(str(each), f"Answer {each}") for each in STATUSES] + [(each, each.title()) for each in KINDS]
    choices += [(each, each) for each in PRESETS]
    faults = machine.faults.in_force(now)
    planned = "".join(f"<li>{escape(_fault_text(each, now))}</li>" for each in faults)
    fault = _form(
        "fault",
        _input("Method", "method", value="*")
        + _select("What happens", "what", choices)
        + _input("Times (none: always)", "times", value="1", more='inputmode="numeric"')
        + _input("Seconds (none: no end)", "seconds", more='inputmode="numeric"')
        + _input("Account (none: all)", "account", more='list="people"'),
        button="Plan",
    )
    clear = _form("no-faults", "", button="Forget them") if faults else ""
    clock = _form(
        "clock", _input("Minutes", "minutes", value="60", more='inputmode="numeric"'), button="Live on"
    )
    running = machine.life.running
    life = _form(
        "life",
        f'<input type="hidden" name="running" value="{"no" if running else "yes"}">',
        button="Hold everybody still" if running else "Let them move",
    )
    return (
        f'<datalist id="rooms">{rooms}</datalist><datalist id="people">{people}</datalist>'
        f"<section><h2>Start a call</h2>{start}</section>"
        f"<section><h2>Faults</h2>{fault}<ul>{planned}</ul>{clear}</section>"
        f"<section><h2>Clock</h2>{clock}<br>{life}</section>"
    )


def _page(machine: Machine, *, wanted: str, said: str) -> str:
    world = machine.world
    running = [each.active for each in world.spaces.values() if each.active is not None]
    present = [who for each in running for who in each.present()]
    facts = [
        (len(running), "running calls"),
        (sum(who.kind not in ("device", "bot") for who in present), "people in calls"),
        (sum(who.kind == "device" for who in present), "devices in calls"),
        (len(world.rooms), "rooms"),
        (len(world.buildings), "buildings"),
        (len(world.spaces), "spaces"),
        (len(world.mailboxes), "owner accounts"),
        (len(machine.events.subscriptions), "subscriptions"),
    ]
    tiles = "".join(f"<li><strong>{number:,}</strong><span>{text}</span></li>" for number, text in facts)
    methods = machine.tally.by_method.most_common(SHOWN_METHODS)
    said_html = f'<p class="said" role="status">{escape(said)}</p>' if said else ""
    deliveries = [
        (f"{each.name.split('/')[-1]}: {what}", count)
        for each in machine.pubsub.subscriptions.values()
        for what, count in [*each.counts.items(), ("waiting", len(each.waiting))]
    ]
    body = (
        "<header><h1>Simulated Google</h1>"
        "<p>This address pretends to be Google for demos and tests; nothing here reaches the real one. "
        f"Scene <strong>{escape(world.scene)}</strong>, seed {world.seed}, "
        f"{'moving' if machine.life.running else 'still'}.</p></header>"
        f'{said_html}<ul class="facts">{tiles}</ul><div class="columns"><main>'
        + _calls_html(world, running, wanted)
        + f"</main><div>{_orders_html(machine)}"
        + f"<section><h2>Requests by method</h2>{_table(methods)}</section>"
        + f"<section><h2>Answers</h2>{_table(machine.tally.by_status.most_common())}</section>"
        + (f"<section><h2>Push</h2>{_table(deliveries)}</section>" if deliveries else "")
        + '<section><h2>More</h2><ul><li><a href="/_control/world">The whole world as JSON</a></li>'
        '<li><a href="/_control/requests">Requests so far</a></li>'
        '<li><a href="/_control/push">Topics and push</a></li>'
        '<li><a href="/.well-known/openid-configuration">Sign-in addresses</a></li></ul></section>'
        "</div></div>"
    )
    return pages.page("Simulated Google", body, style=STYLE)
