"""Filling the demo in bulk: the same rooms and links as if somebody had added and adopted each."""

import pytest
from django.core.management import CommandError, call_command

from spaces.actions import rooms, spaces
from spaces.models import AuditEntry, Person, Room, Space


@pytest.fixture
def all_mailboxes(google, settings) -> None:
    """Every mailbox of the simulator's world may be acted as."""
    settings.ROOM_MAILBOXES = [one["email"] for one in google.world()["accounts"]]


def test_demo_has_all_rooms_and_links_of_the_simulator(google, db, all_mailboxes, capsys):
    call_command("seed_demo")
    world = google.world()
    assert Room.objects.count() == len(world["rooms"]) == 24
    assert "progress: 24 of 24 rooms" in capsys.readouterr().out
    assert Person.objects.get(email="helpdesk@example.com").role == "helpdesk"
    assert set(Space.objects.values_list("origin", flat=True)) == {"ours", "foreign"}
    added = AuditEntry.objects.filter(action="room:create", actor_name="Demo data", room=None)
    assert set(added.values_list("target", flat=True)) == {one["name"] for one in world["buildings"]}


def test_demo_rooms_are_what_adding_and_adopting_them_gives(google, admin, all_mailboxes):
    call_command("seed_demo")
    read = ("meeting_code", "meeting_uri", "owned", "settings", "phone_access", "sip_access", "trouble")
    links = Space.objects.filter(room__in=Room.objects.order_by("name")[:3])
    seeded = list(links.values(*read))
    assert all(one["phone_access"] and one["settings"] for one in seeded)
    for room in Room.objects.select_related("space__account").order_by("name")[:3]:
        assert rooms.facts(room).owners
        spaces.refresh(room=room, actor=admin)
    assert list(links.values(*read)) == seeded


def test_seeding_the_demo_again_adds_only_what_is_missing(google, db, all_mailboxes):
    call_command("seed_demo")
    gone = Room.objects.select_related("space").order_by("name")[0]
    assert gone.space
    gone.delete()
    gone.space.delete()
    written = AuditEntry.objects.count()
    call_command("seed_demo")
    assert Room.objects.count() == 24
    assert AuditEntry.objects.count() == written + 1
    call_command("seed_demo")
    assert AuditEntry.objects.count() == written + 1


def test_the_demo_is_never_seeded_from_the_real_google(db, settings):
    settings.GOOGLE = type(settings.GOOGLE).real()
    with pytest.raises(CommandError, match="for the simulator only"):
        call_command("seed_demo")
    assert not Room.objects.exists()
