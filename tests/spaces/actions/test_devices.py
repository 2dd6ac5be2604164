"""Devices and bots in calls at Google: recognised, remembered, asked about, counted anew."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from spaces import audit
from spaces.access import SYSTEM, NotAllowed
from spaces.actions import conferences, devices, rooms, spaces
from spaces.google import resources
from spaces.models import AuditEntry, Conference, DeviceIdentity, Participant, Participation, Person, Room
from spaces.models.rooms import RoomQuerySet
from spaces.sync import participants, scheduling
from tests import factories
from tests.support.rooms import known_room, space_of
from tests.support.simulator import SimulatorProcess

SIGNED_IN_BOT = {"bot": "Anna's Notetaker", "signed_in": True}


@pytest.fixture
def room(google: SimulatorProcess, owner: Person) -> Room:
    """Berlin 1.01, for which nobody has entered a device."""
    return known_room(google, owners=(owner,), name="Berlin 1.01")


def begin(google: SimulatorProcess, room: Room, *who: dict[str, Any], ago: float = 7200) -> str:
    """A call with these participants, counted by a sweep."""
    started = {"space": space_of(room).name, "participants": list(who), "started_seconds_ago": ago}
    record = str(google.control("POST", "conferences", started)["name"])
    sweep(room)
    return record


def sweep(room: Room) -> None:
    assert scheduling.sync(account=space_of(room).account, actor=SYSTEM)


def counts(room: Room) -> tuple[int | None, ...]:
    call = space_of(room).conference
    assert call is not None
    return call.people, call.guests, call.devices, call.phones, call.bots


def reasons(room: Room) -> list[str]:
    return [reason.rpartition(" for ")[0] for reason in space_of(room).stuck_reasons(timezone.now())]


def is_stuck(room: Room) -> bool:
    return RoomQuerySet(Room).filter(pk=room.pk).stuck().exists()


def part(name: str) -> Participation:
    return Participation.objects.get(display_name=name)


def identify(room: Room, name: str, actor: Any, *, is_device: bool = True, key: str = "") -> Any:
    return devices.identify(room=room, participant=part(name).name, is_device=is_device, actor=actor, key=key)


# --- Recognised ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling",
    ["device", "room", "generated", ["device", "blanks"], ["room", "no-break"], ["room", "zero-width"],
     ["device", "trimmed"], ["room", "nfd", "upper"]],
)  # fmt: skip
def test_two_forgotten_devices_are_stuck_without_a_name_entered(google, room, spelling):
    """They counted as two people, and as stuck only after twelve hours."""
    known_room(google, name="Berlin 1.02")
    begin(
        google, room, {"device": "Berlin 1.01", "spelling": spelling}, {"device": "Berlin 1.02", "spelling": spelling}
    )  # fmt: skip
    assert counts(room) == (0, 0, 2, 0, 0)
    assert is_stuck(room)
    assert reasons(room) == ["room devices only"]
    assert DeviceIdentity.objects.filter(is_device=True, confirmed_at=None).count() == 2


@pytest.mark.parametrize(
    "entered", ["Kit  Straße 7", "Kit Strasse\u200b 7", "KIT STRASSE\u20117", "kit stras\u00adse 7"]
)
def test_device_names_may_be_entered_otherwise(google, room, entered):
    Room.objects.filter(pk=room.pk).update(device_name=entered)
    begin(google, room, {"device": "x", "name": "Kit Straße 7"})
    assert counts(room) == (0, 0, 1, 0, 0)


def test_a_device_is_found_by_the_resource_of_another_room(google, room):
    other = known_room(google, name="Board room")
    facts = rooms.facts(other)
    admin = factories.make_person("it-admin@example.com", role="admin")
    rooms.edit(
        room=other,
        to=replace(facts, resource_name="BER-2-Spree (12) [TV]"),
        actor=admin,
    )
    begin(google, room, {"device": "x", "name": "BER-2-Spree (12) [TV]"})
    assert counts(room) == (0, 0, 1, 0, 0)
    assert DeviceIdentity.objects.get().room == other


def test_a_device_that_was_renamed_is_still_known(google, room):
    record = begin(google, room, {"device": "x", "name": "Berlin 1.01"})
    google.control("POST", f"conferences/{record.split('/')[1]}/end")
    sweep(room)
    begin(google, room, {"device": "x", "name": "Anna Schmidt"})
    assert counts(room) == (0, 0, 1, 0, 0)


def test_a_person_named_like_the_room_is_a_person_once_they_sign_in(google, room):
    begin(google, room, {"email": "participant@example.com", "name": "Berlin 1.01"})
    assert counts(room) == (0, 0, 1, 0, 0), "Nobody could know."
    world = {one["email"]: one["id"] for one in google.world()["people"]}
    factories.make_person("participant@example.com", google_id=world["participant@example.com"])
    Conference.objects.update(listed_at=timezone.now() - timedelta(minutes=11))
    sweep(room)
    assert counts(room) == (1, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("who", "expected", "words"),
    [
        ([{"bot": "Otter.ai"}], (0, 0, 0, 0, 1), "note-taking bots only"),
        (
            [{"bot": "Fireflies.ai Notetaker"}, {"device": "Berlin 1.01"}],
            (0, 0, 1, 0, 1),
            "only room devices and bots",
        ),
        ([SIGNED_IN_BOT, {"phone": "+49 30 ***-**00"}], (0, 0, 0, 1, 1), "only bots and phones"),
        ([{"phone": "+49 30 ***-**00"}, {"phone": "+49 30 ***-**11"}], (0, 0, 0, 2, 0), "phones only"),
    ],
)
def test_a_call_without_people_is_stuck(google, room, who, expected, words):
    """It was shown as live, with a score of 12."""
    begin(google, room, *who)
    assert counts(room) == expected
    assert is_stuck(room)
    assert reasons(room) == [words]


def test_a_call_with_a_person_among_them_is_not(google, room):
    begin(google, room, {"bot": "Otter.ai"}, {"device": "Berlin 1.01"}, {"guest": "Visitor"})
    assert counts(room) == (0, 1, 1, 0, 1)
    assert not is_stuck(room)


def test_configured_bots_count_as_bots(google, room, settings):
    settings.BOT_NAMES = ["Acme Recorder"]
    begin(google, room, {"bot": "Acme Recorder 2"}, {"bot": "Otter.ai"})
    assert counts(room) == (0, 1, 0, 0, 1)


def test_counting_asks_as_many_queries_for_many_as_for_few(google, room, django_assert_num_queries):
    """Recognition: who signs in, what is known of the ids, the rooms with such names."""
    begin(google, room, *({"email": f"engineer-{number:02}@example.com"} for number in range(1, 13)))
    call = space_of(room).conference
    assert call is not None
    listed = [one.display_name for one in call.participants.all()]
    assert len(listed) == 12
    space = call.space

    def everybody(number: int) -> list[resources.Participant]:
        return [
            resources.Participant(
                f"{call}/participants/{one}",
                "signed_in",
                f"77{one}",
                f"Guest {chr(65 + one)}",
                timezone.now(),
            )
            for one in range(number)
        ]

    for number in (1, 12):
        with django_assert_num_queries(4):
            participants.parts(space, everybody(number), seen_at=timezone.now())


# --- Asked and answered -----------------------------------------------------------------------------------------


def test_an_answer_counts_at_once_and_everywhere(google, room, owner):
    record = begin(google, room, {"device": "x", "name": "chromebox 7f3a"})
    assert counts(room) == (1, 0, 0, 0, 0)
    assert not is_stuck(room) or reasons(room) == ["one person alone"]
    asked = DeviceIdentity.objects.get()
    assert (asked.is_device, asked.room, asked.display_name) == (None, room, "chromebox 7f3a")
    outcome = identify(room, "chromebox 7f3a", owner)
    assert (outcome.code, outcome.params) == ("device.is_device", {"name": "chromebox 7f3a"})
    assert counts(room) == (0, 0, 1, 0, 0)
    assert reasons(room) == ["room devices only"]
    assert Participant.objects.get().kind == "device"
    call = space_of(room).conference
    assert call is not None
    assert (call.all_people, call.all_devices) == (0, 1)
    asked.refresh_from_db()
    assert (asked.is_device, asked.room, asked.confirmed_by) == (True, room, owner)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.room) == ("device:identify", owner, room)
    assert (entry.before, entry.after) == (
        {"participant": "unknown"},
        {"participant": "room device", "device": "chromebox 7f3a", "room": "Berlin 1.01"},
    )
    google.control("POST", f"conferences/{record.split('/')[1]}/end")
    sweep(room)
    begin(google, room, {"device": "x", "name": "Renamed"})
    assert counts(room) == (0, 0, 1, 0, 0)


def test_the_answer_a_person_is_kept_without_the_name(google, room, owner):
    begin(google, room, {"device": "x", "name": "Saal 3"})
    identify(room, "Saal 3", owner, is_device=False)
    identity = DeviceIdentity.objects.get()
    assert (identity.is_device, identity.display_name, identity.room) == (False, "", None)
    assert "Saal" not in str(AuditEntry.objects.values_list("before", "after", "result_params", "target"))
    Conference.objects.update(listed_at=timezone.now() - timedelta(minutes=11))
    sweep(room)
    assert counts(room) == (1, 0, 0, 0, 0)
    assert not DeviceIdentity.objects.filter(is_device=None).exists(), "Nobody is asked twice."


def test_a_wrong_guess_is_put_right_in_past_calls_too(google, room, owner):
    record = begin(
        google, room, {"email": "participant@example.com", "name": "Berlin 1.01"}, {"guest": "Visitor"}
    )
    google.control("POST", f"conferences/{record.split('/')[1]}/end")
    sweep(room)
    before = Conference.objects.get()
    assert (before.all_people, before.all_devices, before.all_guests) == (0, 1, 1)
    identify(room, "Berlin 1.01", owner, is_device=False)
    after = Conference.objects.get()
    assert (after.all_people, after.all_devices, after.all_guests) == (1, 0, 1)
    assert part("Berlin 1.01").kind == "person"


def test_the_same_form_twice_acts_once(google, room, owner):
    begin(google, room, {"device": "x", "name": "Saal 3"})
    identify(room, "Saal 3", owner, key="k" * 20)
    assert identify(room, "Saal 3", owner, is_device=False, key="k" * 20).level == "info"
    assert DeviceIdentity.objects.get().is_device is True
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize("who", ["helpdesk", "participant", "colleague"])
def test_who_may_not_answer(google, room, request, who):
    begin(google, room, {"device": "x", "name": "Saal 3"})
    with pytest.raises(NotAllowed):
        identify(room, "Saal 3", request.getfixturevalue(who))
    assert DeviceIdentity.objects.get().is_device is None


def test_people_who_sign_in_are_never_made_devices(google, room, owner):
    world = {one["email"]: one["id"] for one in google.world()["people"]}
    factories.make_person("participant@example.com", google_id=world["participant@example.com"])
    begin(google, room, {"email": "participant@example.com", "name": "Paula"}, {"guest": "Visitor"})
    for name, why in (("Paula", "device.signs_in"), ("Visitor", "device.no_account")):
        with pytest.raises(audit.ActionRejected) as refused:
            identify(room, name, owner)
        assert refused.value.code == why
    assert not DeviceIdentity.objects.exists()
    assert not AuditEntry.objects.exists()


def test_only_participants_of_this_rooms_calls_can_be_named(google, room, owner):
    other = known_room(google, name="Berlin 2.03")
    begin(google, other, {"device": "x", "name": "Saal 3"})
    with pytest.raises(audit.ActionRejected):
        identify(room, "Saal 3", owner)
    assert DeviceIdentity.objects.get().is_device is None


def test_entering_a_name_counts_the_running_call_anew(google, room, owner, admin):
    begin(google, room, {"device": "x", "name": "Kanzleramt"})
    assert counts(room) == (1, 0, 0, 0, 0)
    facts = rooms.facts(room)
    rooms.edit(room=room, to=replace(facts, device_name="kanzleramt"), actor=admin)
    assert counts(room) == (0, 0, 1, 0, 0)
    assert reasons(room) == ["room devices only"]


def test_a_refresh_recognises_as_a_sweep_does(google, room, owner):
    google.control(
        "POST", "conferences", {"space": space_of(room).name, "participants": [{"device": "Berlin 1.01"}, {"bot": "tl;dv"}]}
    )  # fmt: skip
    spaces.refresh(room=room, actor=owner)
    assert counts(room) == (0, 0, 1, 0, 1)


# --- Lists and forgetting -----------------------------------------------------------------------------------------


def test_rooms_without_a_device_and_with_an_unknown_one_are_found(google, room):
    named = known_room(google, name="Berlin 2.03")
    Room.objects.filter(pk=named.pk).update(device_name="Kit 2")
    seen = known_room(google, name="Berlin 2.04")
    begin(google, room, {"device": "x", "name": "Saal 3"})
    begin(google, seen, {"device": "y", "name": "Berlin 2.04"})
    everything = RoomQuerySet(Room)
    assert set(everything.without_device()) == {room}
    assert set(everything.with_unknown_device()) == {room}


def test_what_nobody_answered_is_forgotten_with_the_names(db, settings):
    settings.KEEP_NAMES, settings.KEEP_CALLS = 30, 365
    now = timezone.now()
    for number, (is_device, days) in enumerate(
        [(None, 31), (None, 29), (False, 364), (False, 366), (True, 2000)]
    ):
        DeviceIdentity.objects.create(
            google_id=str(number), is_device=is_device, seen_at=now - timedelta(days=days)
        )
    conferences.forget(actor=SYSTEM)
    assert sorted(DeviceIdentity.objects.values_list("google_id", flat=True)) == ["1", "2", "4"]
