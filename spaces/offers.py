"""What a person can do with a room now, and why not. Rows, room page, Lookup, command bar and "My rooms" all ask here.

An offer is a code and its values; the sentences are in spaces/templatetags/offer_text.py and spaces/views/lookup_words.py.
Offers only choose what pages show: every action checks again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from spaces import access
from spaces.access import Permission
from spaces.actions import admission
from spaces.actions.admission import Explanation
from spaces.models import Account, Conference, Person, Room, Space


class Act(StrEnum):
    """What can be done with a room."""

    END = "end"
    REFRESH = "refresh"
    JOIN = "join"
    COPY = "copy"
    COPY_CODE = "copy_code"
    CREATE = "create"
    REPLACE = "replace"
    ADOPT = "adopt"
    SETTINGS = "settings"
    EDIT = "edit"
    RESTORE = "restore"
    REVEAL = "reveal"
    IDENTIFY = "identify"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Offer:
    """Whether one act is possible now. `why`: code of the reason why not, "" when it is possible."""

    act: Act
    why: str = ""
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def possible(self) -> bool:
        """Whether it can be done now."""
        return not self.why

    @property
    def refused_by_google(self) -> bool:
        """Whether only Google would refuse it: the page explains that instead of leaving the button out."""
        return self.why in {"made_elsewhere", "not_owned"}


@dataclass(frozen=True, slots=True)
class Offers:
    """The offers of one room to one person, by act: `offers["end"]`, in templates `offers.end`. Worked out when asked for.

    - `may`: the person's permissions on the room, with their general ones where the page shows what depends on those.
    - `state`: the room's state as the person may know it: stuck, live, idle, unknown, none or hidden.
    """

    room: Room
    may: frozenset[Permission]
    state: str

    def __getitem__(self, act: str) -> Offer:
        """Return the offer of this act. Raises KeyError for an act that does not exist."""
        rule = RULES[act]
        if rule.permission and rule.permission not in self.may:
            return Offer(rule.act, "not_permitted", {"permission": rule.permission})
        return Offer(rule.act, rule.why(self))

    @property
    def space(self) -> Space | None:
        """The room's Meet link."""
        return self.room.space

    @property
    def call(self) -> Conference | None:
        """The call that runs, or ran when last heard of, as far as the person may know of it."""
        space = self.room.space
        return space.conference if space and self.state in RUNNING else None

    def with_general(self, permissions: frozenset[Permission]) -> "Offers":
        """Return the same with the person's general permissions."""
        return replace(self, may=self.may | permissions)

    def main(self, now: datetime) -> str:
        """Return the act that the person should take now, the only solid button on the room's page; "" for none."""
        space = self.space
        if space is None:
            return Act.CREATE if self[Act.CREATE].possible else ""
        if self.state in {"live", "stuck"} and self[Act.END].possible:
            return Act.END
        broken = self.state == "unknown" and space.account.status == Account.Status.BROKEN
        if broken and self[Act.ACCOUNT].possible:
            return Act.ACCOUNT
        if not broken and self[Act.REPLACE].possible and _should_be_replaced(space, now):
            return Act.REPLACE
        if self.state == "unknown" and self[Act.REFRESH].possible:
            return Act.REFRESH
        if not self[Act.COPY].possible:
            return ""
        return Act.JOIN if self.state in {"live", "stuck"} else Act.COPY


RUNNING = {"live", "stuck", "unknown"}


def offers(room: Room, person: Person) -> Offers:
    """Return what this person can do with the room now."""
    may = access.permissions(person, room)
    return Offers(room, may, state_for(room, may)).with_general(access.permissions(person))


def state_for(room: Room, may: frozenset[Permission]) -> str:
    """Return the room's state as somebody with these permissions may know it."""
    if room.space is None:
        return "none"
    return room.state if Permission.CALL_SEE in may else "hidden"


def _should_be_replaced(space: Space, now: datetime) -> bool:
    """Return whether a new link would serve the room better: its code is dead or may soon be, or its calls cannot be ended."""
    return bool(space.trouble) or not space.can_be_ended or space.code_is_ageing(now)


# --- Rules: what each act needs besides the permission; each returns the code of what is missing ------------------


def _always(_given: Offers) -> str:
    return ""


def _link(given: Offers) -> str:
    return "" if given.space else "no_link"


def _no_link(given: Offers) -> str:
    return "has_link" if given.space else ""


def _address(given: Offers) -> str:
    return "" if given.space and given.space.meeting_uri else "no_link"


def _code(given: Offers) -> str:
    return "" if given.space and given.space.meeting_code else "no_link"


def _call(given: Offers) -> str:
    return "" if given.call else "no_call"


def _endable(given: Offers) -> str:
    if not given.call or not given.space:
        return "no_call"
    if given.space.can_be_ended:
        return ""
    return "made_elsewhere" if given.space.origin == Space.Origin.FOREIGN else "not_owned"


def _hidden_names(given: Offers) -> str:
    return "names_shown" if Permission.NAMES_SEE in given.may else _call(given)


def _archived(given: Offers) -> str:
    return "" if given.room.archived_at else "in_use"


def _broken(given: Offers) -> str:
    broken = given.space and given.space.account.status == Account.Status.BROKEN
    return "" if broken else "account_works"


@dataclass(frozen=True, slots=True)
class Rule:
    """What one act needs: a permission, where not everybody may do it, and a state."""

    act: Act
    permission: Permission | None
    why: Callable[[Offers], str]


RULES: Mapping[str, Rule] = {
    rule.act: rule
    for rule in (
        Rule(Act.END, Permission.CONFERENCE_END, _endable),
        Rule(Act.REFRESH, Permission.SPACE_REFRESH, _link),
        Rule(Act.JOIN, None, _address),
        Rule(Act.COPY, None, _address),
        Rule(Act.COPY_CODE, None, _code),
        Rule(Act.CREATE, Permission.SPACE_CREATE, _no_link),
        Rule(Act.REPLACE, Permission.SPACE_CREATE, _link),
        Rule(Act.ADOPT, Permission.SPACE_ADOPT, _always),
        Rule(Act.SETTINGS, Permission.SETTINGS_CHANGE, _link),
        Rule(Act.EDIT, Permission.ROOM_EDIT, _always),
        Rule(Act.RESTORE, Permission.ROOM_EDIT, _archived),
        Rule(Act.REVEAL, Permission.NAMES_REVEAL, _hidden_names),
        Rule(Act.IDENTIFY, Permission.DEVICE_IDENTIFY, _call),
        Rule(Act.ACCOUNT, Permission.ACCOUNT_MANAGE, _broken),
    )
}


# --- The next step for somebody who looked the room up -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do next: the code of its sentence, and the act that its button does, "mail" for a letter to the owner, or ""."""

    code: str
    act: str = ""


def next_step(given: Offers, explanation: Explanation, *, writable: bool) -> NextStep:
    """Return what this person does next about the room. Where the state is hidden, no step follows from it.

    `writable`: the address of an owner or deputy is known.
    """
    space = given.space
    if space is None:
        possible = given[Act.CREATE].possible
        return NextStep("create_link", Act.CREATE) if possible else NextStep("ask_for_link")
    if given.state in {"hidden", "idle"} or explanation.is_about_joining:
        return NextStep(*admission.advice(explanation, given.may, writable=writable))
    if given.state == "unknown":
        return NextStep("refresh_state", Act.REFRESH)
    ending = given[Act.END]
    if ending.possible:
        return NextStep("end_stuck" if given.state == "stuck" else "end_running", Act.END)
    if not space.can_be_ended and {Permission.CONFERENCE_END, Permission.NAMES_REVEAL} & given.may:
        call = given.call
        return NextStep("hang_up") if call and _only_devices_in(call) else NextStep("end_inside", Act.COPY)
    return _ask_an_owner(given, writable=writable)


def _only_devices_in(call: Conference) -> bool:
    return bool(call.counted and call.devices and not (call.people_in or call.phones or call.bots))


def _ask_an_owner(given: Offers, *, writable: bool) -> NextStep:
    if not writable:
        return NextStep("ask_admin_to_end")
    code = "ask_owner_stuck" if given.state == "stuck" else "ask_owner_running"
    # A participant is in the call themselves and needs no letter about it.
    return NextStep(code, "mail" if Permission.NAMES_REVEAL in given.may else "")
