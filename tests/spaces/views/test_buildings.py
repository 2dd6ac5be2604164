"""The pages about buildings, and the zone in which pages show times."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from spaces.models import Building, Role, Room
from tests import factories


def entered(**changes):
    return {"name": "Tokyo Tower", "code": "tyo", "time_zone": "asia/tokyo", "address": "Street 1"} | changes


def test_admin_adds_and_edits_a_building(admin, sign_in):
    browser = sign_in(admin)
    assert browser.post(reverse("building_new"), entered()).status_code == 302
    made = Building.objects.get()
    assert (made.name, made.code, made.time_zone) == ("Tokyo Tower", "TYO", "Asia/Tokyo")
    page = browser.get(reverse("buildings")).content.decode()
    assert "Tokyo Tower" in page
    assert "Asia/Tokyo" in page
    browser.post(reverse("building_edit", args=[made.pk]), entered(time_zone=""))
    made.refresh_from_db()
    assert made.time_zone == ""
    assert "not set" in browser.get(reverse("buildings")).content.decode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"time_zone": "CET+1"}, "is not a time zone"),
        ({"name": "\u200b"}, "This field is required"),
        ({"code": "a b"}, "slug"),
        ({"name": "BERLIN"}, "already a building named"),
    ],
)
def test_form_says_what_is_wrong_and_keeps_what_was_entered(admin, sign_in, changes, words):
    factories.make_building()
    Building.objects.update(name="Berlin", name_key="berlin")
    reply = sign_in(admin).post(reverse("building_new"), entered(**changes))
    assert reply.status_code == 422
    assert words in reply.content.decode()
    assert "Street 1" in reply.content.decode()
    assert Building.objects.count() == 1


def test_building_is_deleted_only_without_rooms(admin, sign_in):
    room = factories.make_room()
    empty = factories.make_building("MUC")
    browser = sign_in(admin)
    browser.post(reverse("building_delete", args=[room.building.pk]))
    browser.post(reverse("building_delete", args=[empty.pk]))
    assert list(Building.objects.all()) == [room.building]


def test_limited_admin_finds_their_buildings_only(db, sign_in):
    person = factories.make_person("berlin-admin@example.com", role=Role.ADMIN)
    berlin, munich = factories.make_building(), factories.make_building("MUC")
    person.buildings.set([berlin])
    browser = sign_in(person)
    page = browser.get(reverse("buildings")).content.decode()
    assert berlin.name in page
    assert munich.name not in page
    assert browser.get(reverse("building_edit", args=[munich.pk])).status_code == 404
    assert browser.get(reverse("building_new")).status_code == 403


def test_new_building_is_not_left_behind_when_the_room_is_rejected(admin, sign_in):
    form = {"name": "Room 1", "new_building": "New Site", "key": "k" * 24, "owners": "nobody@"}
    assert sign_in(admin).post(reverse("room_new"), form).status_code == 422
    assert not Building.objects.exists()


def test_room_in_a_new_building_is_one_step(admin, sign_in):
    form = {"name": "会議室 1", "new_building": "東京", "key": "k" * 24}
    assert sign_in(admin).post(reverse("room_new"), form).status_code == 302
    room = Room.objects.get()
    assert room.slug == "dongjing-huiyishi-1"
    assert room.building.name == "東京"


@pytest.mark.parametrize(
    ("building_zone", "person_zone", "shown"),
    [
        ("Asia/Tokyo", "", "Asia/Tokyo"),
        ("Asia/Tokyo", "America/New_York", "Asia/Tokyo"),
        ("", "America/New_York", "America/New_York"),
        ("", "", "UTC"),
    ],
)
def test_page_of_a_room_names_one_zone_and_uses_it(admin, sign_in, building_zone, person_zone, shown):
    room = factories.make_room()
    Building.objects.update(time_zone=building_zone)
    admin.time_zone = person_zone
    admin.save()
    page = sign_in(admin).get(room.get_absolute_url()).content.decode()
    assert page.count(f"Times in {shown}") == page.count("Times in ") == 1
    assert page.count("Asia/Tokyo") + page.count("America/New_York") == (shown != "UTC")


def test_list_shows_times_in_the_persons_zone(admin, sign_in):
    factories.make_room()
    Building.objects.update(time_zone="Asia/Tokyo")
    admin.time_zone = "America/New_York"
    admin.save()
    page = sign_in(admin).get("/").content.decode()
    assert "Times in America/New_York" in page
    assert "Asia/Tokyo" not in page


def test_installation_zone_is_used_where_none_was_chosen(settings):
    settings.TIME_ZONE = "Europe/Berlin"
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert f"{moment.astimezone(Building(name='x').zone):%H:%M}" == "13:00"
