"""Why somebody cannot get into a room's call: what is known of link, settings and call, and what follows from it.

`explain` is a plain function of Facts, so that a test can hold it as a table; `facts_of` reads them for one room. Nothing here is
a sentence: codes and their values are put into words by the page (views/lookup_words.py).

Sources: access types and what they let in, Meet REST reference, `SpaceConfig.accessType`; members join without asking, guide "Manage
meeting space members"; what an end does to people who come back, Meet help, "End a meeting for everyone" and "Quick access". That only hosts can let people in while host management is on is general knowledge of Meet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.utils import timezone

from spaces.access import Permission
from spaces.google.config import MODERATION
from spaces.models import Account, Conference, Member, Participant, Person, Room, Space
from spaces.models.spaces import Liveness

JUST_ENDED = timedelta(minutes=30)
"""For so long after an ended call its end is named as a possible cause."""

NEEDED = Permission.SECRETS_SEE
"""Owners, deputies and staff: those who may know who can join. Others get nothing that depends on settings or on a call."""


class Caller(StrEnum):
    """What the person at the door is to the room's link."""

    UNKNOWN = ""
    HOST = "host"
    COHOST = "cohost"
    MEMBER = "member"
    COLLEAGUE = "colleague"
    OUTSIDER = "outsider"

    @property
    def is_invited(self) -> bool:
        """Whether Meet lets this person in whatever the access type is."""
        return self in {Caller.HOST, Caller.COHOST, Caller.MEMBER}


class Link(StrEnum):
    """What the pasted link is to the room."""

    CURRENT = "current"
    OLD = "old"
    NONE = "none"


class Entry(StrEnum):
    """How this person gets in; without a known person, who gets in directly."""

    DIRECT = "direct"
    COLLEAGUES = "colleagues"
    INVITED = "invited"
    ASK = "ask"
    SHUT = "shut"
    UNKNOWN = "unknown"


class Admits(StrEnum):
    """Who can let in somebody who has to ask."""

    HOST_PRESENT = "host_present"
    PEOPLE_PRESENT = "people_present"
    HOST_ABSENT = "host_absent"
    COLLEAGUE_FIRST = "colleague_first"
    NOBODY = "nobody"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known. `settings` None: unknown, or not for this reader, for whom `may_know` is False. `running`, `host_present`,
    `people`: None when unknown. `cohosts`: their addresses, for those who may see the members. `ended`: how long ago the last call ended, if that was within JUST_ENDED."""

    link: Link = Link.CURRENT
    caller: Caller = Caller.UNKNOWN
    refused: bool = False
    may_know: bool = True
    settings: Mapping[str, str] | None = None
    gone: bool = False
    account_refused: bool = False
    code_is_old: bool = False
    robot: bool = True
    has_cohosts: bool = False
    cohosts: tuple[str, ...] = ()
    running: bool | None = False
    people: int | None = None
    host_present: bool | None = None
    ended: timedelta | None = None
    ended_by: str = ""
    address: str = ""

    @property
    def hosts_only_admit(self) -> bool:
        """Whether only hosts can let people in."""
        return (self.settings or {}).get(MODERATION) == "ON"

    def says(self, path: str, value: str) -> bool:
        """Whether a setting is known to have this value."""
        return (self.settings or {}).get(path) == value


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause or circumstance: a code and the values of its sentence."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Explanation:
    """How the person gets in, who could let them in, and the findings, the weightiest first."""

    entry: Entry
    admits: Admits | None
    findings: tuple[Finding, ...]
    facts: Facts

    @property
    def is_about_joining(self) -> bool:
        """Whether the question is why somebody cannot get in, and not what goes on in the room."""
        return bool(self.facts.caller or self.facts.refused or self.facts.link == Link.OLD)

    @property
    def link_works(self) -> bool:
        """Whether sending the link is good advice: somebody gets in by it, or can be let in."""
        open_to = {Entry.DIRECT, Entry.COLLEAGUES}
        helped = {Admits.HOST_PRESENT, Admits.PEOPLE_PRESENT}
        return self.entry in open_to or self.admits in helped


def explain(facts: Facts) -> Explanation:
    """Return why the person cannot get in, as far as it is known and may be known."""
    entry = _entry(facts)
    admits = None if entry in {Entry.DIRECT, Entry.SHUT} else _admits(facts)
    found = [*_about_link(facts), *_about_person(facts)]
    if facts.may_know and facts.link != Link.NONE:
        found += _about_access(facts, entry)
        if admits and (entry != Entry.UNKNOWN or facts.running):
            found.append(Finding(f"admits_{admits}", {"cohosts": ", ".join(facts.cohosts[:3])}))
        if admits and facts.hosts_only_admit:
            found.append(Finding("host_management"))
        found += [*_about_end(facts), *_about_powers(facts)]
    return Explanation(entry, admits, tuple(found), facts)


def _entry(facts: Facts) -> Entry:
    if facts.link == Link.NONE or facts.gone or facts.says("entryPointAccess", "CREATOR_APP_ONLY"):
        return Entry.SHUT
    access = (facts.settings or {}).get("accessType", "")
    if access not in {"OPEN", "TRUSTED", "RESTRICTED"}:
        return Entry.UNKNOWN
    if access == "OPEN" or facts.caller.is_invited:
        return Entry.DIRECT
    if facts.caller == Caller.UNKNOWN:
        return Entry.COLLEAGUES if access == "TRUSTED" else Entry.INVITED
    return Entry.DIRECT if access == "TRUSTED" and facts.caller == Caller.COLLEAGUE else Entry.ASK


def _admits(facts: Facts) -> Admits:
    if facts.settings is None:
        return Admits.UNKNOWN
    if facts.running and facts.host_present:
        return Admits.HOST_PRESENT
    if facts.running and not facts.hosts_only_admit:
        if facts.people is None:
            return Admits.UNKNOWN
        if facts.people:
            return Admits.PEOPLE_PRESENT
    if facts.has_cohosts or not facts.robot:
        return Admits.UNKNOWN if facts.running and facts.host_present is None else Admits.HOST_ABSENT
    if facts.running is None:
        return Admits.UNKNOWN
    if not facts.hosts_only_admit and facts.says("accessType", "TRUSTED"):
        return Admits.COLLEAGUE_FIRST
    return Admits.NOBODY


def _about_link(facts: Facts) -> list[Finding]:
    found = []
    if facts.link == Link.NONE:
        return [Finding("no_link")]
    if facts.link == Link.OLD:
        found.append(Finding("old_link"))
    if facts.may_know and facts.gone:
        found.append(Finding("link_gone"))
    elif facts.may_know and facts.code_is_old:
        found.append(Finding("code_old"))
    if facts.may_know and facts.says("entryPointAccess", "CREATOR_APP_ONLY"):
        found.append(Finding("app_only"))
    return found


def _about_person(facts: Facts) -> list[Finding]:
    found = [Finding("meet_refused")] if facts.refused else []
    if facts.caller in {Caller.COLLEAGUE, Caller.OUTSIDER} or (facts.may_know and facts.caller):
        found.append(Finding(f"caller_{facts.caller}", {"address": facts.address}))
    return found


def _about_access(facts: Facts, entry: Entry) -> list[Finding]:
    found = [Finding("account_refused")] if facts.account_refused else []
    if facts.gone or entry == Entry.SHUT:
        return found
    access = (facts.settings or {}).get("accessType", "")
    if entry == Entry.UNKNOWN:
        return [*found, Finding("access_unknown", {"access": access})]
    found.append(Finding(f"access_{access.lower()}"))
    if facts.caller:
        found.append(Finding(f"gets_in_{entry}", {"address": facts.address}))
    return found


def _about_end(facts: Facts) -> list[Finding]:
    """What an end does to people who come back (Meet help, “Quick access”): locked out while only invited people may join, until a host
    is back; else they can come back. The host, too, may be refused for a moment."""
    if facts.ended is None or facts.running:
        return []
    values = {"minutes": int(facts.ended.total_seconds() // 60), "by": facts.ended_by}
    return [Finding("ended_locked" if facts.says("accessType", "RESTRICTED") else "ended_open", values)]


def _about_powers(facts: Facts) -> list[Finding]:
    """What people notice when they are in: they only watch, or cannot present."""
    if not facts.hosts_only_admit:
        return []
    found = []
    if facts.says("moderationRestrictions.defaultJoinAsViewerType", "ON"):
        found.append(Finding("viewers"))
    if facts.says("moderationRestrictions.presentRestriction", "HOSTS_ONLY"):
        found.append(Finding("hosts_present_only"))
    return found


# --- What to do ---------------------------------------------------------------------------------------------------


def advice(explanation: Explanation, may: frozenset[Permission], *, writable: bool) -> tuple[str, str]:
    """Return the code of the next step and what its button does: copy, settings, mail, refresh or "".

    `writable`: an owner's address is known, to whom helpdesk can write.
    """
    facts, admits = explanation.facts, explanation.admits
    if NEEDED not in may:
        return ("pass_on_old" if facts.link == Link.OLD else "pass_on"), "copy"
    if facts.gone:
        return "replace_link", "refresh"
    if facts.link == Link.OLD and explanation.link_works:
        return "send_current", "copy"
    if explanation.entry == Entry.SHUT:
        return _ask_for("open_entry", may, writable=writable)
    if explanation.entry == Entry.UNKNOWN:
        return "try_link", "copy"
    if facts.ended is not None and facts.says("accessType", "RESTRICTED") and not facts.caller.is_invited:
        return _ask_for("allow_after_end", may, writable=writable)
    if explanation.entry in {Entry.DIRECT, Entry.COLLEAGUES}:
        if facts.refused or facts.caller in {Caller.COLLEAGUE, Caller.HOST, Caller.COHOST, Caller.MEMBER}:
            return "check_account", "copy"
        return f"send_{explanation.entry}", "copy"
    if admits in {Admits.HOST_PRESENT, Admits.PEOPLE_PRESENT}:
        return f"ask_{admits}", "copy"
    if admits == Admits.COLLEAGUE_FIRST:
        return "colleague_first", "copy"
    if admits == Admits.HOST_ABSENT:
        return _ask_for("host_first", may, writable=writable)
    if admits == Admits.UNKNOWN:
        return "try_link", "copy"
    outside = facts.caller == Caller.OUTSIDER
    return _ask_for("invite_outsider" if outside else "allow_colleagues", may, writable=writable)


def _ask_for(code: str, may: frozenset[Permission], *, writable: bool) -> tuple[str, str]:
    """Return the step of those who can change settings, of those who write to an owner, or of those who turn to an admin."""
    if Permission.SETTINGS_CHANGE in may:
        return code, "settings"
    return (f"{code}_by_owner", "mail") if writable else (f"{code}_by_admin", "")


# --- Reading the facts --------------------------------------------------------------------------------------------


def facts_of(
    room: Room,
    may: frozenset[Permission],
    *,
    caller: str = "",
    refused: bool = False,
    old_link: bool = False,
    now: datetime | None = None,
) -> Facts:
    """Return what is known about getting into this room, as far as a reader with these permissions may know it."""
    space, address = room.space, caller.strip().lower()
    if space is None:
        return Facts(link=Link.NONE, refused=refused, address=address, may_know=NEEDED in may)
    link = Link.OLD if old_link else Link.CURRENT
    if NEEDED not in may:
        return Facts(link, _by_domain(address), refused, may_know=False, running=None, address=address)
    now = now or timezone.now()
    members = list(space.members.all())
    cohosts = tuple(member.email for member in members if member.role == "COHOST")
    account = space.account
    known = space.owned and not space.trouble and account.status != Account.Status.BROKEN
    running = None if not known or space.liveness == Liveness.UNKNOWN else space.liveness == Liveness.ACTIVE
    call = space.conference if running else None
    last = None if running else _just_ended(space, now)
    return Facts(
        link=link,
        caller=_caller(address, space, members),
        refused=refused,
        settings=space.settings if space.owned and space.settings else None,
        gone=space.trouble == Space.Trouble.NOT_FOUND,
        account_refused=account.status == Account.Status.BROKEN,
        code_is_old=space.code_is_ageing(now),
        robot=account.kind == Account.Kind.DELEGATED,
        has_cohosts=bool(cohosts),
        cohosts=cohosts if Permission.SETTINGS_SEE in may else (),
        running=running,
        people=_people(call),
        host_present=_host_present(call, account, cohosts) if call else None,
        ended=now - last.ended_at if last and last.ended_at else None,
        ended_by=last.ended_by if last else "",
        address=address,
    )


def _by_domain(address: str) -> Caller:
    if "@" not in address:
        return Caller.UNKNOWN
    return Caller.COLLEAGUE if address.rpartition("@")[2] in settings.DOMAINS else Caller.OUTSIDER


def _caller(address: str, space: Space, members: list[Member]) -> Caller:
    known = _addresses(address)
    if space.account.email.lower() in known:
        return Caller.HOST
    roles = {member.role for member in members if member.email.lower() in known}
    if roles:
        return Caller.COHOST if "COHOST" in roles else Caller.MEMBER
    return _by_domain(address)


def _addresses(address: str) -> set[str]:
    """Return all addresses of the person that this one is known to belong to."""
    person = Person.objects.by_address(address) if address else None
    if person is None:
        return {address} if address else set()
    return {address, person.email or address, *person.aliases.values_list("address", flat=True)}


def _people(call: Conference | None) -> int | None:
    """Return how many people with an account are in the call; guests, phones and devices let nobody in."""
    return call.people if call else None


def _host_present(call: Conference, account: Account, cohosts: tuple[str, ...]) -> bool | None:
    """Return whether the account that owns the link, or a co-host, is in the call; None when that cannot be told."""
    known = (
        Person.objects.filter(email__in=cohosts).exclude(google_id=None).values_list("google_id", flat=True)
    )
    hosts = {one for one in (account.google_id, *known) if one}
    if Participant.objects.filter(conference=call, google_id__in=hosts).exists():
        return True
    unknown = len(cohosts) > len(known) or not (account.google_id or account.kind == Account.Kind.DELEGATED)
    return None if unknown or call.listed_at is None else False


def _just_ended(space: Space, now: datetime) -> Conference | None:
    recent = space.conferences.filter(ended_at__gt=now - JUST_ENDED, ended_at__lte=now)
    return recent.order_by("-ended_at").first()
