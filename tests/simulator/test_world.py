"""Scenes and their movement: repeatable, and shaped as promised."""

import itertools
from datetime import datetime
from typing import Any

import pytest

from simulator.control.world import world_as_json
from simulator.identity import Identity
from simulator.machine import Machine
from simulator.scenes import build_world

HOUR = 3600.0


class Google:
    """A simulator without the web around it."""

    def __init__(
        self, *, rooms: int, seed: int = 1, scene: str = "monday-morning", still: bool = True
    ) -> None:
        world = build_world(seed=seed, rooms=rooms, scene=scene)
        self.machine = Machine(world=world, identity=Identity(), still=still)

    def world(self) -> dict[str, Any]:
        """The world as the control shows it."""
        return world_as_json(self.machine.world)

    def advance(self, seconds: float) -> None:
        """Let the world live on."""
        self.machine.world.offset += seconds
        self.machine.catch_up()


@pytest.fixture(scope="module")
def monday() -> dict[str, Any]:
    """The usual world: 120 rooms on a Monday morning."""
    return Google(rooms=120).world()


def running(world: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls that are on."""
    return [each for each in world["conferences"] if each["endTime"] is None]


def present(call: dict[str, Any]) -> list[dict[str, Any]]:
    """Who is in a call."""
    return [each for each in call["participants"] if each["leftAt"] is None]


def age(world: dict[str, Any], call: dict[str, Any]) -> float:
    """Hours that a call has been on."""
    span = datetime.fromisoformat(world["now"]) - datetime.fromisoformat(call["startTime"])
    return span.total_seconds() / HOUR


def test_a_third_of_the_rooms_is_in_calls(monday):
    assert len(running(monday)) == 40
    assert len({each["space"] for each in running(monday)}) == 40


def test_several_calls_are_stuck(monday):
    old = [each for each in running(monday) if age(monday, each) > 2]
    kinds = sorted(sorted(who["kind"] for who in present(each)) for each in old)
    assert ["device", "device"] in kinds
    assert ["person"] in kinds
    assert ["device"] in kinds
    assert any(age(monday, each) > 25 for each in old)


def test_the_room_owner_has_stuck_rooms_and_a_deputy(monday):
    owned = [each for each in monday["rooms"] if each["owner_email"] == "room-owner@example.com"]
    assert 3 <= len(owned) <= 8
    old = {each["space"] for each in running(monday) if age(monday, each) > 2}
    assert len([each for each in owned if each["space"] in old]) >= 2
    assert any(each["deputy_emails"] for each in owned)
    assert any("room-owner@example.com" in each["deputy_emails"] for each in monday["rooms"])


def test_the_participant_sits_in_rooms_of_others(monday):
    rooms = {each["space"]: each for each in monday["rooms"]}
    there = [
        rooms[call["space"]]["owner_email"]
        for call in running(monday)
        if "participant@example.com" in [who["email"] for who in present(call)]
    ]
    assert there
    assert "room-owner@example.com" not in there


def test_some_spaces_are_foreign(monday):
    projects = [each["project"] for each in monday["spaces"]]
    assert projects.count("meetadmin-demo") == 116
    assert set(projects) == {"meetadmin-demo", "another-app", "meet"}


def test_ids_and_codes_are_unique_and_well_formed(monday):
    names = {each["name"] for each in monday["spaces"]}
    codes = {each["meetingCode"] for each in monday["spaces"]}
    assert len(names) == len(codes) == 120
    assert all(len(each) == len("spaces/") + 12 for each in names)
    assert all([len(part) for part in each.split("-")] == [3, 4, 3] for each in codes)


def test_nothing_is_on_in_the_quiet_scene():
    google = Google(rooms=12, scene="quiet", still=False)
    google.advance(5 * HOUR)
    assert google.world()["conferences"] == []


def test_half_of_the_stuck_scene_is_stuck():
    world = Google(rooms=20, scene="stuck").world()
    assert len(running(world)) == 10
    assert all(age(world, each) > 1 for each in running(world))


@pytest.mark.parametrize("rooms", [*range(1, 14), 50])
@pytest.mark.parametrize("scene", ["monday-morning", "stuck"])
def test_small_worlds_work_too(rooms, scene):
    google = Google(rooms=rooms, scene=scene, still=False)
    google.advance(3 * HOUR)
    world = google.world()
    assert len(world["rooms"]) == rooms
    assert running(world)


def without_times(world: dict[str, Any]) -> dict[str, Any]:
    """A world without its moments, which depend on when it was started."""
    calls = [
        (
            call["id"],
            call["endTime"] is None,
            [(each["name"], each["leftAt"] is None) for each in call["participants"]],
        )
        for call in world["conferences"]
    ]
    return {**world, "now": "", "conferences": calls}


def test_same_seed_same_world_and_another_seed_another():
    first, second, other = (without_times(Google(rooms=30, seed=seed).world()) for seed in (5, 5, 6))
    assert first == second
    assert first["spaces"] != other["spaces"]


def test_same_seed_same_movement_however_often_one_looks(monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)
    once, often = (Google(rooms=30, seed=3, still=False) for _ in range(2))
    before = without_times(once.world())
    once.advance(2 * HOUR)
    for _ in range(60):
        often.advance(2 * HOUR / 60)
    assert without_times(once.world()) == without_times(often.world())
    assert without_times(once.world()) != before


def test_the_movement_is_alive_and_a_freeze_stops_it():
    google = Google(rooms=60, still=False)
    seen = [without_times(google.world())["conferences"]]
    for _ in range(4):
        google.advance(60)
        seen.append(without_times(google.world())["conferences"])
    assert all(before != after for before, after in itertools.pairwise(seen))
    google.machine.life.freeze()
    frozen = without_times(google.world())["conferences"]
    google.advance(HOUR)
    assert without_times(google.world())["conferences"] == frozen
    google.machine.life.thaw()
    google.advance(60)
    assert without_times(google.world())["conferences"] != frozen


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_stuck_calls_stay_and_about_a_third_stays_busy_for_hours(seed):
    google = Google(rooms=120, seed=seed, still=False)
    stuck = {each["id"] for each in running(google.world()) if age(google.world(), each) > 2}
    assert stuck
    for _ in range(4):
        google.advance(2 * HOUR)
        world = google.world()
        assert stuck <= {each["id"] for each in running(world)}
        assert 20 <= len(running(world)) <= 62


def test_a_room_rests_after_its_call_was_ended():
    google = Google(rooms=30, still=False)
    call = running(google.world())[0]
    world = google.machine.world
    world.end_call(world.conferences[call["id"]], at=world.now())
    google.advance(15 * 60)
    assert call["space"] not in {each["space"] for each in running(google.world())}


def test_ten_thousand_rooms_are_no_burden():
    world = Google(rooms=10_000).world()
    assert len({each["meetingCode"] for each in world["spaces"]}) == 10_000
    assert 3000 < len(running(world)) < 3700
