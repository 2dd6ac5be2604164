"""The index of the words of rooms: it follows the rooms, and it finds what their search columns hold."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext

from spaces.actions import lookup
from spaces.models import Person, Room, RoomWord, SearchWord
from spaces.models.wordindex import begins, rooms_with
from tests import factories


def words_of(room: Room) -> set[str]:
    return set(RoomWord.objects.filter(room=room).values_list("word__text", flat=True))


def test_index_of_a_new_room_holds_its_words(db):
    room = factories.make_room("Höyhen 7.01", floor="7", device_name="HAK Board")
    assert words_of(room) == {"hoyhen", "7.01", "701", "7", "hak", "board"}


def test_index_of_a_renamed_room_holds_the_new_words_only(db):
    room = factories.make_room("Attic")
    room.name = "Cellar"
    room.save(update_fields=["name"])
    assert words_of(room) == {"cellar"}
    assert list(Room.objects.matching("attic")) == []


def test_index_of_a_saved_room_without_a_change_stays(db):
    room = factories.make_room("Attic")
    before = list(RoomWord.objects.values_list("pk", flat=True))
    room.save()
    assert list(RoomWord.objects.values_list("pk", flat=True)) == before


def test_saving_other_fields_does_not_touch_the_index(db):
    room = factories.make_room("Attic")
    room.notes = "Key at the desk"
    with CaptureQueriesContext(connection) as queries:
        room.save(update_fields=["notes"])
    assert not [query for query in queries if "roomword" in query["sql"]]


def test_room_of_a_renamed_building_is_found_by_the_new_name_only(db):
    room = factories.make_room("Attic")
    room.building.name, room.building.code = "Bremen", "BRE"
    room.building.save()
    assert list(Room.objects.matching("bremen attic")) == [room]
    assert list(Room.objects.matching("berlin attic")) == []


def test_index_is_filled_by_bulk_create(db):
    building = factories.make_building()
    rooms = Room.objects.bulk_create(
        Room(name=f"Loft {number}", slug=f"loft-{number}", building=building) for number in (1, 2)
    )
    assert [words_of(room) for room in rooms] == [{"loft", "1"}, {"loft", "2"}]


def test_index_forgets_a_deleted_room(db):
    room = factories.make_room("Attic")
    room.delete()
    assert not RoomWord.objects.exists()


def test_room_word_longer_than_the_index_keeps_is_found_by_its_beginning(db):
    room = factories.make_room("Attic", device_name="x" * 200)
    assert list(Room.objects.matching("x" * 60)) == [room]


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("berlin", ["Berlin 1.01"]),
        ("erli", ["Berlin 1.01"]),
        ("be", ["Berlin 1.01"]),
        ("rl", []),
        ("1", ["Berlin 1.01"]),
        ("01", []),
        ("1.0", ["Berlin 1.01"]),
        ("会議", ["会議室"]),
        ("議", ["会議室"]),
    ],
)
def test_rooms_with_a_word_fit_as_in_the_search_column(db, word, names):
    for name in ("Berlin 1.01", "会議室"):
        factories.make_room(name, building=factories.make_building("XYZ"), floor="")
    assert (
        list(Room.objects.filter(pk__in=rooms_with(word).values("room")).values_list("name", flat=True))
        == names
    )


def test_words_beginning_with_a_text_are_found_without_reading_all(db):
    factories.make_room("Zugspitze")
    found = SearchWord.objects.filter(begins("text", "zug"))
    assert [word.text for word in found] == ["zugspitze"]
    if connection.vendor == "sqlite":
        assert "SEARCH" in found.explain()


def test_spaces_by_a_group_of_their_code_are_found_without_reading_all(db, helpdesk):
    factories.make_room("Attic", space=factories.make_space("abc-mnop-xyz"))
    with CaptureQueriesContext(connection) as queries:
        assert [room.name for room in lookup.find(text="abc-mnop-xyy", actor=helpdesk).near] == ["Attic"]
    asked = next(query["sql"] for query in queries if "SUBSTR" in query["sql"])
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {asked}")
            plan = " ".join(str(row[-1]) for row in cursor.fetchall())
        assert "space_code_middle" in plan
        assert "space_code_end" in plan
        assert "SCAN spaces_space" not in plan


@pytest.mark.parametrize("rooms", [1, 3])
@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("{code}", 3),
        ("{code}x", 5),
        ("Hall", 6),
        ("zebra crossing", 6),
        ("Hall 0 is blocked, zebra crossing blocked", 11),
    ],
)
def test_lookup_asks_the_database_so_often(db, helpdesk, rooms, text, number):
    made = [
        factories.make_room(f"Hall {place}", space=factories.make_space(f"abc-mnop-xy{'abc'[place]}"))
        for place in range(rooms)
    ]
    for room in made:
        room.ownerships.create(person=factories.make_person())
    with CaptureQueriesContext(connection) as queries:
        lookup.find(text=text.format(code="abc-mnop-xya"), actor=helpdesk)
    assert len(queries) == number


@pytest.mark.django_db(transaction=True)
def test_migration_stores_the_words_of_rooms_that_are_there():
    executor = MigrationExecutor(connection)
    executor.migrate([("spaces", "0018_search_resource_names")])
    try:
        old = executor.loader.project_state([("spaces", "0018_search_resource_names")]).apps
        building = old.get_model("spaces", "Building").objects.create(name="Berlin", code="BER")
        rooms = [
            old.get_model("spaces", "Room").objects.create(
                name=name, slug=name.lower(), building=building, floor="7"
            )
            for name in ("Attic", "Cellar")
        ]
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    found = [words_of(Room.objects.get(pk=room.pk)) for room in rooms]
    assert found == [{"attic", "7"}, {"cellar", "7"}]


def test_lookup_of_an_archived_rooms_word_says_that_no_room_has_it(db, helpdesk: Person):
    room = factories.make_room("Attic")
    factories.make_room("Cellar")
    Room.objects.filter(pk=room.pk).update(archived_at=room.created_at)
    answer = lookup.find(text="attic cellar", actor=helpdesk)
    assert ([found.name for found in answer.rooms], list(answer.ignored)) == (["Cellar"], ["attic"])


def test_common_word_only_weighs_rooms_of_rarer_ones(db, helpdesk, monkeypatch):
    monkeypatch.setattr("spaces.actions.roomwords.COMMON", 2)
    for number in range(4):
        factories.make_room(f"Hall {number}")
    factories.make_room("Attic Lamp", floor="")
    answer = lookup.find(text="hall attic lamp", actor=helpdesk)
    assert ([room.name for room in answer.rooms], list(answer.ignored)) == (["Attic Lamp"], [])
