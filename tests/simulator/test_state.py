"""The snapshot: what survives a restart."""

import stat
from pathlib import Path
from typing import Any

import pytest

from simulator.identity import Identity
from simulator.machine import Machine
from simulator.scenes import build_world
from simulator.state import Keeper, load, save, snapshot
from simulator.world import DEFAULT_CONFIG
from tests.support.simulator import SimulatorProcess

pytestmark = pytest.mark.slow

OWNER = "rooms-ber@example.com"
SETTINGS: dict[str, Any] = {"seed": 1, "rooms": 24, "scene": "monday-morning"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the snapshot goes."""
    return tmp_path / "deeper" / "simulator.json"


def test_everything_continues_after_a_restart(file):
    with SimulatorProcess(state=file) as process:
        token = process.token(OWNER)
        made = process.call("POST", "/v2/spaces", {"config": {"accessType": "OPEN"}}, token=token)[1]
        call = process.start_conference(made["name"], {"guest": "A"}, ago=50)
        process.call("POST", f"/v2/{made['name']}/members", {"email": "teacher-01@example.com"}, token=token)
        process.advance(100)
        key = process.control("GET", "service-account")["private_key_id"]
        before = process.world()
        assert process.stop() == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == [file.name]
    with SimulatorProcess(state=file) as process:
        after = process.world()
        assert after["spaces"] == before["spaces"]
        assert after["conferences"] == before["conferences"]
        assert process.control("GET", "service-account")["private_key_id"] == key
        status, seen = process.call("GET", f"/v2/{made['name']}", token=token)
        assert status == 200
        assert seen["activeConference"] == {"conferenceRecord": call["name"]}
        assert seen["config"]["accessType"] == "OPEN"
        again = process.call("POST", "/v2/spaces", {}, token=token)[1]
        assert again["name"] not in {each["name"] for each in before["spaces"]}


def test_a_moving_world_goes_on_moving(file):
    with SimulatorProcess(rooms=40, still=False, state=file) as process:
        process.advance(600)
        before = {each["id"] for each in process.world()["conferences"]}
    with SimulatorProcess(rooms=40, still=False, state=file) as process:
        assert before <= {each["id"] for each in process.world()["conferences"]}
        process.advance(3 * 3600)
        assert {each["id"] for each in process.world()["conferences"]} - before


def machine(**change: Any) -> Machine:
    """A small simulator without the web around it."""
    return Machine(
        world=build_world(**{**SETTINGS, **change}),
        identity=Identity(),
        still=True,
    )


def test_the_same_settings_bring_the_snapshot_back(file):
    kept = machine()
    token = kept.identity.issue(OWNER, frozenset(["openid"]), now=kept.world.now())
    kept.identity.grant_of(OWNER).refresh["1//x"] = ["openid"]
    save(kept, file)
    found = load(file, still=True, **SETTINGS)
    assert found is not None
    assert snapshot(found) == snapshot(kept)
    assert found.identity.tokens[token].email == OWNER
    assert found.identity.holder_of_refresh("1//x") == OWNER


@pytest.mark.parametrize("change", [{"seed": 2}, {"rooms": 10}, {"scene": "quiet"}])
def test_a_snapshot_of_another_world_is_not_used(file, change):
    save(machine(), file)
    assert load(file, still=True, **{**SETTINGS, **change}) is None


@pytest.mark.parametrize("text", ["", "not json", "[]", "{}"])
def test_a_broken_snapshot_is_not_used(file, text):
    file.parent.mkdir()
    file.write_text(text)
    assert load(file, still=True, **SETTINGS) is None


def test_nothing_is_written_while_nothing_changes(file):
    keeper = Keeper(machine(), file)
    keeper.save_if_changed()
    file.unlink()
    keeper.save_if_changed()
    assert not file.exists()
    keeper.machine.world.add_space(owner=OWNER, project="meet", config=DEFAULT_CONFIG)
    keeper.save_if_changed()
    assert file.exists()
