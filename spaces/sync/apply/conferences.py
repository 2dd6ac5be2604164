"""Store Google's answers about calls: who is in them and who was, recordings, and calls that are over."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from spaces import live
from spaces.google import resources
from spaces.models import Account, Conference, DomainEvent, Participant, Participation, Space, stuck
from spaces.models.conferences import ALL_COUNTERS, COUNTERS
from spaces.models.state import states_following
from spaces.sync.apply.spaces import apply_conference

_FACTS = ("name", "kind", "google_id", "display_name", "joined_at")


def apply_participants(
    call: Conference,
    everybody: Sequence[Participation],
    *,
    counted_at: datetime,
    hosts: frozenset[str] = frozenset(),
    listed_at: datetime | None = None,
) -> bool:
    """Store who is in the call and who was, as Google listed them all at `counted_at` (or at `listed_at`, when only their kinds are
    determined anew). `hosts`: the Google ids of those who are known to run the call.

    An older count never overwrites a newer one. In a call that is over nobody counts as present; their attendance is kept all the same.
    Return whether anything changed.
    """
    present = [part for part in everybody if part.left_at is None]
    moves = [moment for part in everybody for moment in (part.joined_at, part.left_at) if moment]
    numbers = {name: sum(part.kind == kind for part in present) for kind, name in COUNTERS.items()}
    with states_following():
        stored = Conference.objects.select_for_update().get(pk=call.pk)
        if stored.counted_at and stored.counted_at > counted_at:
            return False
        moved = _store_attendance(stored, everybody)
        _set_totals(stored, everybody)
        if stored.ended_at is not None:
            stored.save(update_fields=ALL_COUNTERS)
            return False
        changed = moved or any(getattr(stored, name) != number for name, number in numbers.items())
        was_stuck = stored.is_stuck(counted_at)
        for name, number in numbers.items():
            setattr(stored, name, number)
        stored.counted_at, stored.listed_at = counted_at, listed_at or counted_at
        stored.same_since = max(moves, default=stored.started_at)
        stored.host_left_at = _last_host_left(everybody, hosts)
        if len(present) > stored.peak:
            stored.peak, stored.peak_at = len(present), counted_at
        stored.stuck_at = stuck.stuck_at(stored, stored.limits())
        stored.save(update_fields=[*ALL_COUNTERS, *numbers, *_OF_A_COUNT])
        _store_present(stored, present)
        if changed:
            live.spaces_changed([stored.space_id], moved=stored.is_stuck(counted_at) != was_stuck)
    return changed


_OF_A_COUNT = ("counted_at", "listed_at", "same_since", "host_left_at", "peak", "peak_at", "stuck_at")


def _store_present(call: Conference, present: Sequence[Participation]) -> None:
    """Make the stored participants equal to those who are in the call."""
    call.participants.exclude(name__in=[part.name for part in present]).delete()
    stored = set(call.participants.values_list(*_FACTS))
    Participant.objects.bulk_create(
        [
            Participant(conference=call, **{fact: getattr(part, fact) for fact in _FACTS})
            for part in present
            if tuple(getattr(part, fact) for fact in _FACTS) not in stored
        ],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=_FACTS[1:],
    )


def _store_attendance(call: Conference, everybody: Sequence[Participation]) -> bool:
    """Store who took part in the call; only what is new or has changed is written. Return whether there was any."""
    facts = (*_FACTS, "left_at")
    stored = set(call.participations.values_list(*facts))
    changed = [part for part in everybody if tuple(getattr(part, fact) for fact in facts) not in stored]
    for part in changed:
        part.conference = call
    Participation.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=["name"], update_fields=facts[1:]
    )
    return bool(changed)


def _set_totals(call: Conference, everybody: Sequence[Participation]) -> None:
    for kind, name in COUNTERS.items():
        setattr(call, f"all_{name}", sum(part.kind == kind for part in everybody))


def _last_host_left(everybody: Sequence[Participation], hosts: frozenset[str]) -> datetime | None:
    """Return since when none of the hosts is in the call; None while one is, or when none was ever seen."""
    ends = [part.left_at for part in everybody if part.google_id and part.google_id in hosts]
    left = [moment for moment in ends if moment is not None]
    return max(left) if left and len(left) == len(ends) else None


def apply_unchanged_counts(calls: Iterable[Conference], *, counted_at: datetime) -> None:
    """Store that the number of participants of these calls was read at `counted_at` and is as it was."""
    same = {call.pk: call for call in calls}
    newer = Conference.objects.filter(pk__in=same, ended_at=None).exclude(counted_at__gt=counted_at)
    newer.update(counted_at=counted_at)
    for call in same.values():
        call.recompute_stuck_at()  # the limits may have changed


def apply_recordings(
    call: Conference, recordings: Iterable[resources.Recording], *, read_at: datetime
) -> None:
    """Store whether a recording of the call is running, as Google listed its recordings at `read_at`.

    An older answer never overwrites a newer one.
    """
    running = [recording.started_at for recording in recordings if recording.is_running]
    since = min(running, default=None)
    this = Conference.objects.filter(pk=call.pk).exclude(recordings_read_at__gt=read_at)
    with states_following():
        before = this.values_list("recording_since", flat=True).first()
        if this.update(recording_since=since, recordings_read_at=read_at) and before != since:
            live.spaces_changed([call.space_id], moved=True)
            if bool(before) != bool(since):
                kind = DomainEvent.Kind.RECORDING_STARTED if since else DomainEvent.Kind.RECORDING_ENDED
                DomainEvent.record(kind, space=call.space_id, conference=call.pk)


def mark_recordings_hidden(call: Conference, *, read_at: datetime) -> None:
    """Store that Google did not show the recordings of this call. What was known of them stays."""
    Conference.objects.filter(pk=call.pk).update(recordings_read_at=read_at)


# Calls that are over


def apply_record(space: Space, seen: resources.ConferenceRecord, *, asked_at: datetime) -> Conference | None:
    """Store what Google says about one call, and return it. That it is over says something about the space only if it is the call that
    is stored as running there: the news of an older call may come late. None: the answer was older than what is known."""
    with transaction.atomic():
        if seen.ended_at is None:
            apply_conference(space, seen.name, seen_at=asked_at, started_at=seen.started_at)
        else:
            stored = (
                Space.objects.select_for_update(of=("self",)).select_related("conference").get(pk=space.pk)
            )
            if stored.conference and stored.conference.record == seen.name:
                apply_conference(space, None, seen_at=asked_at)
            facts = {"space": space, "started_at": seen.started_at, "ended_at": seen.ended_at}
            Conference.objects.get_or_create(record=seen.name, defaults=facts)
            Conference.objects.filter(record=seen.name, running_in=None).update(ended_at=seen.ended_at)
    return Conference.objects.filter(record=seen.name).first()


def apply_ended_calls(
    account: Account, found: Collection[resources.ConferenceRecord], *, until: datetime
) -> None:
    """Store the ended calls of this account's spaces, which are known up to `until` from now on. Calls that are stored as running are
    left to the reading of running calls."""
    ended = {record.name: record for record in found if record.ended_at}
    spaces = dict(Space.objects.filter(account=account).values_list("name", "pk"))
    stored = {
        call.record: call
        for call in Conference.objects.filter(record__in=ended).only(
            "record", "started_at", "ended_at", "space"
        )
    }
    new = [
        Conference(
            record=record.name,
            space_id=spaces[record.space],
            started_at=record.started_at,
            ended_at=record.ended_at,
        )
        for record in ended.values()
        if record.name not in stored and record.space in spaces
    ]
    Conference.objects.bulk_create(new, ignore_conflicts=True)
    for name, call in stored.items():
        record = ended[name]
        if call.ended_at and (call.started_at, call.ended_at) != (record.started_at, record.ended_at):
            Conference.objects.filter(pk=call.pk).exclude(ended_at=None).update(
                started_at=record.started_at, ended_at=record.ended_at
            )
    Account.objects.filter(pk=account.pk).update(harvested_to=until)


def finalise(call: Conference, everybody: Sequence[Participation], *, settled_at: datetime) -> None:
    """After the end: store who took part, as Google lists them now, and their numbers. Of a call that was not counted while it ran, the
    peak is the most who can have been in it at once."""
    with transaction.atomic():
        stored = Conference.objects.select_for_update().get(pk=call.pk)
        keep_since = settled_at - timedelta(days=settings.KEEP_NAMES)
        if stored.ended_at is None or stored.ended_at > keep_since:
            _store_attendance(stored, everybody)
        _set_totals(stored, everybody)
        if stored.listed_at is None:
            stored.peak, stored.peak_at = _most_at_once(everybody, stored.ended_at)
        stored.settled_at = settled_at
        stored.save(update_fields=[*ALL_COUNTERS, "peak", "peak_at", "settled_at"])


def finalise_hidden(call: Conference, *, settled_at: datetime) -> None:
    """Store that Google will not show any more who took part in this call."""
    Conference.objects.filter(pk=call.pk).update(settled_at=settled_at)


def _most_at_once(
    everybody: Sequence[Participation], ended_at: datetime | None
) -> tuple[int, datetime | None]:
    """Return how many were in the call together at most, and when first. Google tells of each the first arrival and the last departure,
    so somebody who was out for a while counts as present."""
    moves: list[tuple[datetime, int]] = []
    for part in everybody:
        moves.append((part.joined_at, 1))
        if left_at := part.left_at or ended_at:
            moves.append((left_at, -1))
    most, most_at, present = 0, None, 0
    for moment, step in sorted(moves):
        present += step
        if present > most:
            most, most_at = present, moment
    return most, most_at


def correct_totals(google_id: str, kind: Participant.Kind) -> None:
    """Count somebody as this kind in calls that are over: move them from the total of their former kind to that of the new one."""
    theirs = Participation.objects.filter(google_id=google_id)
    for former in Participant.Kind.values:
        if former == kind:
            continue
        past = theirs.filter(kind=former, conference__ended_at__isnull=False)
        before, after = (f"all_{COUNTERS[Participant.Kind(name)]}" for name in (former, kind))
        calls = Conference.objects.filter(pk__in=past.values("conference"), **{f"{before}__gt": 0})
        calls.update(**{before: F(before) - 1, after: F(after) + 1})
        past.update(kind=kind)
