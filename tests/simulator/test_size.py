"""The huge scene and the scenes with misbehaviour: how they start, and what they are like."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.scenes import SIZES, build_world
from tests.support.simulator import ControlError, SimulatorProcess

pytestmark = pytest.mark.slow

MEMORY_MIB = 300


@pytest.fixture(scope="module")
def huge() -> Iterator[SimulatorProcess]:
    """The huge scene."""
    with SimulatorProcess(rooms=None, scene="huge") as process:
        yield process


def memory(process: SimulatorProcess) -> float:
    """The most memory a process ever had, in MiB."""
    assert process.process is not None
    for line in Path(f"/proc/{process.process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


def test_it_is_as_large_as_promised(huge):
    world = huge.world()
    assert [len(world[name]) for name in ("rooms", "buildings", "accounts")] == [10_000, 50, 20]
    assert sum(each["endTime"] is None for each in world["conferences"]) == 500
    assert len({each["name"] for each in world["rooms"]}) == 10_000
    assert len({each["meetingCode"] for each in world["spaces"]}) == 10_000
    assert {each["owner"] for each in world["spaces"]} == {each["email"] for each in world["accounts"]}


def test_it_stays_small_while_it_is_used(huge):
    google = huge
    google.world()
    token = google.token("rooms-ber@example.com")
    assert google.call("GET", "/v2/conferenceRecords?pageSize=100", token=token)[0] == 200
    scope = "https://www.googleapis.com/auth/admin.directory.resource.calendar.readonly"
    admin = google.token("it-admin@example.com", scope)
    path = "/admin/directory/v1/customer/my_customer/resources/calendars?maxResults=500"
    status, answer = google.call("GET", path, token=admin)
    assert (status, len(answer["items"])) == (200, 500)
    assert memory(google) < MEMORY_MIB


def test_hours_of_movement_keep_it_that_size():
    with SimulatorProcess(rooms=None, scene="huge", still=False) as google:
        for _ in range(2):
            google.advance(2 * 3600)
        running = sum(each["endTime"] is None for each in google.world()["conferences"])
        assert 250 < running < 1000
        assert memory(google) < MEMORY_MIB


def test_same_seed_same_huge_world():
    size = SIZES["huge"]
    first, second, other = (
        build_world(
            seed=seed, rooms=2000, scene="huge", buildings=size.buildings, accounts=size.accounts, clock=lambda: 1.8e9
        )
        for seed in (4, 4, 5)
    )  # fmt: skip
    assert first.rooms == second.rooms
    assert first.conferences == second.conferences
    assert list(first.spaces.values()) == list(second.spaces.values())
    assert first.spaces.keys() != other.spaces.keys()


@pytest.mark.parametrize(
    ("rooms", "buildings", "accounts"), [(60, 30, 4), (3, 3, 3), (100, 49, 49), (10, 1, 5)]
)
def test_buildings_and_accounts_can_be_chosen(rooms, buildings, accounts):
    world = build_world(seed=1, rooms=rooms, scene="monday-morning", buildings=buildings, accounts=accounts)
    assert len(world.buildings) == buildings
    assert len({each.id for each in world.buildings}) == buildings
    assert len(world.mailboxes) == min(accounts, buildings)
    assert {each.owner for each in world.spaces.values()} == set(world.mailboxes)
    emails = set(world.people)
    assert all(each.owner_email in emails for each in world.rooms)


def test_google_is_down_and_comes_back():
    with SimulatorProcess(rooms=12, scene="google-is-down") as google:
        token = google.token("rooms-ber@example.com")
        for path in ("/v2/conferenceRecords", "/v1/subscriptions", "/tokeninfo"):
            assert google.call("GET", path, token=token)[0] == 503
        google.advance(121)
        assert google.call("GET", "/v2/conferenceRecords", token=token)[0] == 200
        google.reset()
        assert google.call("GET", "/v2/conferenceRecords", token=token)[0] == 503


def test_quotas_are_soon_used_up():
    with SimulatorProcess(rooms=12, scene="quota-tight") as google:
        google.advance(60 - time.time() % 60 + 0.01)  # a minute of its own
        token = google.token("rooms-ber@example.com")
        statuses = [google.call("GET", "/v2/conferenceRecords", token=token)[0] for _ in range(31)]
        assert statuses == [200] * 30 + [429]
        google.advance(60)
        assert google.call("GET", "/v2/conferenceRecords", token=token)[0] == 200


def test_huge_busy_has_three_thousand_calls():
    with SimulatorProcess(rooms=None, scene="huge-busy", still=False) as google:
        assert len(google.control("GET", "world?only=accounts")["accounts"]) == 13
        running = [
            each
            for each in google.control("GET", "world?only=conferences")["conferences"]
            if each["endTime"] is None
        ]
        assert 2_900 < len(running) < 3_100
        for _ in range(6):
            google.advance(600)
        later = google.control("GET", "world?only=conferences")["conferences"]
        assert 2_400 < sum(each["endTime"] is None for each in later) < 3_600
        assert memory(google) < MEMORY_MIB


@pytest.mark.parametrize(("scene", "calls"), [("monday-morning", 180), ("monday-morning", 20), ("huge", 100)])
def test_number_of_calls_can_be_chosen(scene, calls):
    world = build_world(seed=1, rooms=200, scene=scene, calls=calls)
    assert sum(each.active is not None for each in world.spaces.values()) == calls


def test_parts_of_the_world_can_be_asked_for(google):
    assert set(google.control("GET", "world?only=rooms,now")) == {"rooms", "now"}
    with pytest.raises(ControlError):
        google.control("GET", "world?only=rooms,weather")
