"""What open pages are told: names, once a transaction, after its commit, and never at the cost of the work."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from redis import Redis

from spaces import live
from spaces.actions import people, rooms
from spaces.actions.spaces import assign
from spaces.google import resources
from spaces.google.errors import ConnectionBroken, NotFound, TryLater
from spaces.models import Conference, Participation, Space
from spaces.models.spaces import CONFIRM_AFTER, Liveness
from spaces.sync.apply.conferences import apply_participants
from spaces.sync.apply.spaces import apply_conference, apply_google_state, mark_unavailable
from tests import factories
from tests.support.rooms import space_of

NOW = timezone.now()


def later() -> datetime:
    """Later than whatever a factory has made by now, however long the run has been going on."""
    return timezone.now() + timedelta(minutes=1)


class Ear:
    """Hears what is said on our channel."""

    def __init__(self) -> None:
        self.channel = Redis.from_url(settings.REDIS_URL).pubsub(ignore_subscribe_messages=True)
        self.channel.subscribe(live.address()[1])
        while not self.channel.subscribed:
            self.channel.get_message(timeout=1)
        self.channel.get_message(timeout=1)  # the answer to subscribing

    def messages(self) -> list[tuple[int, dict[str, Any]]]:
        """Version and content of all that came. Publishing and hearing go through one server, in order: our own last word
        tells that nothing is on its way any more."""
        mark = Redis.from_url(settings.REDIS_URL)
        mark.publish(live.address()[1], "0 end")
        heard: list[tuple[int, dict[str, Any]]] = []
        while True:
            message = self.channel.get_message(timeout=5)
            assert message is not None, "the channel is silent"
            number, _, text = message["data"].decode().partition(" ")
            if text == "end":
                mark.close()
                return heard
            heard.append((int(number), json.loads(text)))

    def contents(self) -> list[dict[str, Any]]:
        """What came, without versions."""
        return [content for _, content in self.messages()]


@pytest.fixture
def ear(transactional_db: None) -> Iterator[Ear]:
    """Listens from now on; transactions are real ones."""
    heard = Ear()
    yield heard
    heard.channel.close()


def answer(space: Space, **changes: Any) -> resources.Space:
    """Google's answer to the owner."""
    told: dict[str, Any] = {
        "name": space.name,
        "meeting_code": space.meeting_code,
        "meeting_uri": space.meeting_uri,
        "settings": dict(space.settings),
    }
    return resources.Space(**{**told, **changes})


def present(space: Space, *kinds: str) -> list[Participation]:
    """Somebody of each of these kinds."""
    return [
        Participation(name=f"{space.name}/{number}", kind=kind, joined_at=NOW)
        for number, kind in enumerate(kinds)
    ]


# What happens to a room, and how it is told: as moved, as changed, or not at all.
def _began(space: Space) -> None:
    apply_conference(space, "conferenceRecords/one", seen_at=later(), started_at=NOW)


def _ended(space: Space) -> None:
    _live(space)
    apply_conference(space, None, seen_at=later())


def _live(space: Space) -> Conference:
    call = Conference.objects.create(record="conferenceRecords/on", space=space, started_at=NOW)
    Space.objects.filter(pk=space.pk).update(liveness=Liveness.ACTIVE, conference=call)
    return call


def _counted(space: Space) -> None:
    apply_participants(_live(space), present(space, "person"), counted_at=later())


def _counted_again(space: Space) -> None:
    call = _live(space)
    Conference.objects.filter(pk=call.pk).update(people=1, devices=0, phones=0, guests=0, bots=0)
    for one in present(space, "person"):
        one.conference = call
        one.save()
    apply_participants(call, present(space, "person"), counted_at=later())


def _still_idle(space: Space) -> None:
    apply_conference(space, None, seen_at=later())


def _same_answer(space: Space) -> None:
    apply_google_state(space, answer(space), seen_at=later())


def _new_settings(space: Space) -> None:
    apply_google_state(space, answer(space, settings={"accessType": "OPEN"}), seen_at=later())


def _lost(space: Space) -> None:
    for moment in (later(), later() + CONFIRM_AFTER, later() + 2 * CONFIRM_AFTER):
        mark_unavailable(space, NotFound("Gone."), seen_at=moment)


def _found_again(space: Space) -> None:
    Space.objects.filter(pk=space.pk).update(trouble=Space.Trouble.NOT_FOUND)
    apply_google_state(space, answer(space), seen_at=later())


def _account_broke(space: Space) -> None:
    space.account.record_failure("access", ConnectionBroken("Withdrawn."), broken=True)
    space.account.record_failure("access", ConnectionBroken("Withdrawn."), broken=True)


def _account_mended(space: Space) -> None:
    type(space.account).objects.filter(pk=space.account_id).update(status="broken", problem="Withdrawn.")
    space.account.record_success("watch")
    space.account.record_success("watch")


def _account_slow(space: Space) -> None:
    space.account.record_failure("watch", TryLater("Google is busy."), broken=False)
    space.account.record_success("watch")


def _another_space(space: Space) -> None:
    assign(space.room, factories.make_space())


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        (_began, "moved"),
        (_ended, "moved"),
        (_counted, "changed"),
        (_counted_again, ""),
        (_still_idle, ""),
        (_same_answer, ""),
        (_new_settings, "changed"),
        (_lost, "moved"),
        (_found_again, "moved"),
        (_account_broke, "moved"),
        (_account_mended, "moved"),
        (_account_slow, ""),
        (_another_space, "moved"),
    ],
)
def test_what_a_change_of_a_room_tells(ear, happens: Callable[[Space], None], told: str):
    room = factories.make_room()
    factories.make_room(space=factories.make_space(account=factories.make_account("rooms-muc@example.com")))
    happens(space_of(room))
    assert ear.contents() == ([{told: [room.pk]}] if told else [])


def test_one_transaction_tells_once_and_after_its_commit(ear):
    one, two = factories.make_room(), factories.make_room()
    with transaction.atomic():
        live.spaces_changed([space_of(one).pk])
        live.spaces_changed([space_of(one).pk], moved=True)
        live.rooms_changed([two.pk], moved=False)
        live.rights_changed([7])
        assert ear.contents() == []
    assert ear.contents() == [{"moved": [one.pk], "changed": [two.pk], "people": [7]}]


def test_what_is_rolled_back_is_not_told(ear):
    one, two, three = factories.make_room(), factories.make_room(), factories.make_room()

    def fails() -> None:
        with transaction.atomic():
            live.rooms_changed([two.pk])
            raise ValueError("no")

    with transaction.atomic():
        live.rooms_changed([one.pk])
        with pytest.raises(ValueError, match="no"):
            fails()
        live.rooms_changed([one.pk])
        with transaction.atomic():
            live.rooms_changed([three.pk])
    told = ear.contents()
    assert sorted(pk for content in told for pk in content["moved"]) == [one.pk, three.pk]


def test_very_many_rooms_are_not_named_one_by_one(ear):
    live.rooms_changed(range(1, live.MOST_NAMED + 2))
    assert ear.contents() == [{"all": True}]


def milliseconds(redis: Redis) -> int:
    """What the server's clock says."""
    seconds, micro = redis.time()
    return int(seconds) * 1000 + int(micro) // 1000


def test_the_version_grows_even_when_redis_has_lost_its_memory(ear):
    before = live.version()
    live.rooms_changed([1])
    first = live.version()
    assert before is not None
    assert first is not None
    redis = Redis.from_url(settings.REDIS_URL)
    redis.delete(live.address()[0])
    assert live.version() == 0
    while milliseconds(redis) <= first:  # a server that has come back is some milliseconds older
        pass
    live.rooms_changed([1])
    second = live.version()
    assert second is not None
    assert before < first < second
    assert [number for number, _ in ear.messages()] == [first, second]


def test_without_redis_the_work_is_done_and_told_as_everything_later(ear, settings, tmp_path, caplog):
    there, room = settings.REDIS_URL, factories.make_room()
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
    live.rooms_changed([room.pk])
    assert live.version() is None
    settings.REDIS_URL = there
    live.rooms_changed([room.pk])
    assert ear.contents() == [{"all": True}]
    live.rooms_changed([room.pk])
    assert ear.contents() == [{"moved": [room.pk]}]


def test_edits_tell_of_the_room_and_of_whose_rights_changed(ear, admin, owner, colleague):
    room = factories.make_room(owners=(owner,))
    facts = rooms.facts(room)
    changed = replace(facts, owners=(), deputies=(colleague.email,))
    rooms.edit(room=room, to=changed, actor=admin)
    assert ear.contents() == [{"moved": [room.pk], "people": sorted([owner.pk, colleague.pk])}]
    rooms.archive(room=room, actor=admin)
    rooms.restore(room=room, actor=admin)
    assert ear.contents() == [{"moved": [room.pk]}] * 2
    people.set_role(email=colleague.email, role="helpdesk", buildings=[], actor=admin)
    people.set_active(person=colleague, active=False, actor=admin)
    assert ear.contents() == [{"people": [colleague.pk]}] * 2


def test_signing_out_names_the_session_without_its_key(ear, sign_in, owner):
    browser = sign_in(owner)
    key = browser.session.session_key
    browser.post("/accounts/logout/")
    told = ear.contents()
    assert told == [{"sessions": [live.session_name(key)]}]
    assert key not in json.dumps(told)
