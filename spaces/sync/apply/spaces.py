"""Store Google's answers about spaces: code, settings, members, access, and which call is running."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from spaces import live
from spaces.google import resources
from spaces.google.errors import GoogleError, NotFound
from spaces.message import Message
from spaces.models import Account, Conference, DomainEvent, Member, Participant, PastCode, Space
from spaces.models.sentences import in_english, pack
from spaces.models.spaces import CONFIRM_AFTER, Liveness
from spaces.models.state import states_following

PUSH_GRACE = timedelta(minutes=1)
"""An event is expected within this time of the start of a call. If polling finds the call later, the event is missing."""
_NO_NEWS = {"checked_at", "code_confirmed_at", "doubted_since", "doubted_at"}


def apply_google_state(space: Space, seen: resources.Space, *, seen_at: datetime) -> bool:
    """Store Google's answer to `spaces.get` or `create`, requested at `seen_at`, or to `patch`, answered at `seen_at`: a reading that
    was under way meanwhile may hold the settings from before.

    An answer older than what is known changes nothing. Return whether it counted; `space` shows what is stored in either case.
    """
    with states_following():
        stored = _locked(space)
        if _is_older(stored, seen_at):
            space.refresh_from_db()
            return False
        changes = columns_of(seen, read_at=seen_at)
        # The owner is shown the settings. Without them the account may have lost the space: believed when it is said twice.
        if stored.owned and not seen.asked_by_owner and not _is_confirmed(stored, seen_at):
            changes |= {
                "owned": True,
                "doubted_since": stored.doubted_since or seen_at,
                "doubted_at": seen_at,
            }
        if stored.trouble:
            DomainEvent.record(DomainEvent.Kind.SPACE_AVAILABLE, space=space.pk, account=space.account_id)
        if stored.meeting_code and stored.meeting_code != seen.meeting_code:
            PastCode.remember(stored)
        Space.objects.filter(pk=space.pk).update(**changes)
        if any(getattr(stored, name) != changes[name] for name in changes.keys() - _NO_NEWS):
            live.spaces_changed([space.pk], moved=bool(stored.trouble))
        if seen.liveness == "unknown":
            _apply_unknown_liveness(stored, owned=changes["owned"], seen_at=seen_at)
        else:
            apply_conference(stored, seen.active_record, seen_at=seen_at)
    space.refresh_from_db()
    return True


def store_space(
    seen: resources.Space, *, account: Account, origin: str, asked_at: datetime, created_here: bool = False
) -> Space:
    """Store a space that was created or found, and return it.

    What is known of it already is replaced only by clear answers: an owner stays the owner when a stranger read the space, and a tested
    origin stays when it could not be tested again.
    """
    facts = {"account": account, "origin": origin, "created_here": created_here}
    space, is_new = Space.objects.get_or_create(name=seen.name, defaults=facts)
    if is_new:
        apply_google_state(space, seen, seen_at=asked_at)
        return space
    if origin == Space.Origin.UNTESTED:
        facts["origin"] = space.origin
    if facts["origin"] == Space.Origin.OURS:
        facts["created_here"] = created_here or space.created_here
    if seen.asked_by_owner or not space.owned:
        Space.objects.filter(pk=space.pk).update(**facts)
        space.refresh_from_db()
        apply_google_state(space, seen, seen_at=asked_at)
    return space


def _locked(space: Space) -> Space:
    """Return the stored row, locked until the end of the transaction."""
    return Space.objects.select_for_update().get(pk=space.pk)


def _is_older(stored: Space, seen_at: datetime) -> bool:
    """Return whether an answer from that moment is older than what is known."""
    return any(moment and moment > seen_at for moment in (stored.checked_at, stored.doubted_at))


def _is_confirmed(stored: Space, now: datetime) -> bool:
    """Return whether an answer at this moment confirms an open doubt."""
    return stored.doubted_since is not None and stored.doubted_since <= now - CONFIRM_AFTER


def _apply_unknown_liveness(stored: Space, *, owned: bool, seen_at: datetime) -> None:
    """Handle an answer to an account that is not shown whether a call is running: no news about the room. But an account that was the
    owner until now will not be told again, so its last answer no longer describes the present."""
    if stored.owned and not owned and stored.liveness != Liveness.UNKNOWN:
        Space.objects.filter(pk=stored.pk).update(liveness=Liveness.UNKNOWN)
        live.spaces_changed([stored.pk], moved=True)
    Space.objects.filter(pk=stored.pk, seen_at=None).update(seen_at=seen_at)


def columns_of(seen: resources.Space, *, read_at: datetime) -> dict[str, Any]:
    """Return the columns that Google's answer to `spaces.get` fills, all but whether a call is running."""
    columns: dict[str, Any] = {
        "checked_at": read_at,
        "meeting_code": seen.meeting_code,
        "meeting_uri": seen.meeting_uri,
        "owned": seen.settings is not None,
        "trouble": Space.Trouble.NONE,
        "trouble_text": "",
        "google_says": "",
        "doubted_since": None,
        "doubted_at": None,
    }
    if seen.meeting_code:
        columns["code_confirmed_at"] = read_at
    if seen.settings is not None:
        columns["settings"] = dict(seen.settings)
        columns["phone_access"] = [asdict(phone) for phone in seen.phone_access]
        columns["sip_access"] = [asdict(sip) for sip in seen.sip_access]
    return columns


def apply_conference(
    space: Space, record: str | None, *, seen_at: datetime, started_at: datetime | None = None
) -> bool:
    """Store that this record is the running conference (None: there is none), as requested at `seen_at`.

    An older answer never overwrites a newer one. Return whether it counted.
    """
    with states_following():
        stored = _locked(space)
        if stored.seen_at and stored.seen_at > seen_at:
            return False  # it must not open a call either: nothing would close it again
        running = _open_conference(space, record, started_at) if record is not None else None
        liveness = Liveness.ACTIVE if running else Liveness.IDLE
        Space.objects.filter(pk=space.pk).update(liveness=liveness, conference=running, seen_at=seen_at)
        _close_others(space, running, ended_at=seen_at)
        if running and stored.conference_id != running.pk:
            DomainEvent.record(DomainEvent.Kind.CALL_STARTED, space=space.pk, conference=running.pk)
        before = stored.liveness, stored.conference_id
        if stored.seen_at is None or before != (liveness, running.pk if running else None):
            live.spaces_changed([space.pk], moved=True)
    return True


def _open_conference(space: Space, record: str, started_at: datetime | None) -> Conference:
    running, is_new = Conference.objects.get_or_create(
        record=record, defaults={"space_id": space.pk, "started_at": started_at}
    )
    if started_at and running.started_at is None:
        running.started_at, is_new = started_at, True
        Conference.objects.filter(pk=running.pk).update(started_at=started_at)
    if is_new:
        running.recompute_stuck_at()
    Conference.objects.filter(pk=running.pk).update(ended_at=None, settled_at=None)
    return running


def _close_others(space: Space, running: Conference | None, *, ended_at: datetime) -> None:
    """End all other calls of the space. Those present in them are removed: names are not kept there."""
    over = Conference.objects.filter(space=space.pk, ended_at=None)
    if running:
        over = over.exclude(pk=running.pk)
    gone = list(over.values_list("pk", flat=True))
    if gone:
        Participant.objects.filter(conference__in=gone).delete()
        Conference.objects.filter(pk__in=gone).update(ended_at=ended_at)
        events = [{"space": space.pk, "conference": key} for key in gone]
        DomainEvent.record_all(DomainEvent.Kind.CALL_ENDED, events)


def mark_unavailable(space: Space, error: GoogleError, *, seen_at: datetime) -> bool:
    """Store that Google did not show this space (NotFound, NotPermitted) when asked at `seen_at`.

    What was known stays, and so does its age. The first refusal only opens a doubt; one that comes `CONFIRM_AFTER` later, with
    no other answer between, marks the space. Return whether it is marked.
    """
    trouble = Space.Trouble.NOT_FOUND if isinstance(error, NotFound) else Space.Trouble.NOT_PERMITTED
    with states_following():
        stored = _locked(space)
        if _is_older(stored, seen_at):
            return bool(stored.trouble)
        changes: dict[str, Any] = {
            "doubted_since": stored.doubted_since or seen_at,
            "doubted_at": seen_at,
            "google_says": error.google_says,
        }
        marked = bool(stored.trouble) or _is_confirmed(stored, seen_at)
        if marked:
            changes |= {"trouble": trouble, "trouble_text": in_english(error.sentence)}
            if not (stored.seen_at and stored.seen_at > seen_at):
                changes["liveness"] = Liveness.UNKNOWN
        Space.objects.filter(pk=space.pk).update(**changes)
        if marked and stored.trouble != trouble:
            DomainEvent.record(
                DomainEvent.Kind.SPACE_UNAVAILABLE,
                space=space.pk,
                account=space.account_id,
                params={"reason": str(trouble)},
            )
            live.spaces_changed([space.pk], moved=True)
    return marked


def apply_access(account: Account, names: Iterable[str], *, seen_at: datetime) -> list[Space]:
    """Store that Google listed running calls in these spaces for this account, which it does for the owner only: doubts and problems
    from before that moment are over. Return the spaces that had any, or do not count as owned; they are to be read again."""
    doubted = Q(doubted_at__lte=seen_at)
    found = Space.objects.filter(doubted | Q(owned=False), account=account, name__in=list(names))
    freed = list(found.select_related("conference"))
    keys = [space.pk for space in freed]
    if not keys:
        return []
    with states_following():
        Space.objects.filter(doubted, pk__in=keys).update(
            trouble=Space.Trouble.NONE,
            trouble_text="",
            google_says="",
            doubted_since=None,
            doubted_at=None,
        )
        events = [{"space": space.pk, "account": account.pk} for space in freed if space.trouble]
        DomainEvent.record_all(DomainEvent.Kind.SPACE_AVAILABLE, events)
        live.spaces_changed(keys, moved=True)
    return freed


def apply_running_calls(
    account: Account,
    records: Iterable[resources.ConferenceRecord],
    *,
    asked_at: datetime,
    events_since: datetime | None,
) -> None:
    """Store which of the account's own spaces have a running call, and that the others have none. One transaction for each space that
    has changed and one for all others: the cost grows with the changes. `events_since`: an event was due for each later start."""
    calls: dict[str, resources.ConferenceRecord] = {}
    for record in records:
        calls.setdefault(record.space, record)  # the newest comes first, should an older one linger
    own = Space.objects.filter(account=account, owned=True)
    same = []
    for space in own.filter(Q(name__in=calls) | ~Q(conference=None)).select_related("conference"):
        listed = calls.get(space.name)
        if listed and _is_stored(space, listed):
            same.append(space.pk)
            continue
        record_name, started_at = (listed.name, listed.started_at) if listed else (None, None)
        counted = apply_conference(space, record_name, seen_at=asked_at, started_at=started_at)
        if events_since and counted and listed and events_since < listed.started_at < asked_at - PUSH_GRACE:
            Account.objects.filter(pk=account.pk).update(push_missed_at=asked_at)
    older = Q(seen_at=None) | Q(seen_at__lte=asked_at)
    own.filter(older, pk__in=same, liveness=Liveness.ACTIVE).update(seen_at=asked_at)
    idle = own.filter(older, conference=None).exclude(name__in=calls)
    news = list(idle.exclude(liveness=Liveness.IDLE).values_list("pk", flat=True))
    if news:
        idle.filter(pk__in=news).update(liveness=Liveness.IDLE)  # unless a call was found there meanwhile
        live.spaces_changed(news, moved=True)
    idle.update(seen_at=asked_at)  # the one statement that touches all links: it changes no indexed column


def _is_stored(space: Space, listed: resources.ConferenceRecord) -> bool:
    """Return whether this call is stored already as the running one, with its start."""
    known = space.conference
    return bool(
        known
        and known.record == listed.name
        and known.started_at
        and known.ended_at is None
        and space.liveness == Liveness.ACTIVE
    )


def apply_members(space: Space, members: Iterable[resources.Member]) -> None:
    """Make the stored members of the space equal to Google's."""
    listed = {member.email.lower(): member.role for member in members if member.email}
    with transaction.atomic():
        Member.objects.filter(space=space).exclude(email__in=listed).delete()
        for email, role in listed.items():
            Member.objects.update_or_create(space=space, email=email, defaults={"role": role})


def apply_origin(space: Space, origin: str) -> None:
    """Store which Cloud project made the space, as far as Google's answers show it."""
    if Space.objects.filter(pk=space.pk).exclude(origin=origin).update(origin=origin):
        live.spaces_changed([space.pk])
    space.origin = origin


def apply_refused_settings(
    space: Space, asked: Mapping[str, str], refused: Mapping[str, str | Message]
) -> None:
    """Store which of the settings `asked` for (path to value) Google did not take, and why (path to reason), until it takes them: the
    room's page shows it beside the setting, long after the message is gone."""
    at = timezone.now().isoformat()
    with transaction.atomic():
        stored = _locked(space).refused
        kept = {path: entry for path, entry in stored.items() if path not in asked}
        kept |= {path: {"wanted": asked[path], "why": pack(why), "at": at} for path, why in refused.items()}
        Space.objects.filter(pk=space.pk).update(refused=kept)
    space.refused = kept
