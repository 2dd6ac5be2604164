"""What an ending leaves behind, who gets in by the link, spaces of Calendar, and values that Google adds later."""

from typing import Any

import pytest

from tests.support.simulator import CREATED, READONLY, SETTINGS, ControlError, SimulatorProcess

OWNER = "rooms-ber@example.com"
COLLEAGUE = {"email": "participant@example.com"}
HOST = {"email": OWNER}
STRANGER = {"email": "stranger@elsewhere.example"}
DEVICE = {"device": "Berlin 1.01"}
KNOCK, HOST_FIRST, NOBODY = "must-knock", "host-must-return", "nobody-may-return-yet"


def made(google: SimulatorProcess, access: str) -> str:
    """A space of ours with this access type."""
    body = {"config": {"accessType": access}}
    return str(google.call("POST", "/v2/spaces", body, token=google.token(OWNER))[1]["name"])


def enter(google: SimulatorProcess, space: str, who: dict[str, Any]) -> str:
    """Why somebody does not get in; empty if they do."""
    answer = google.control("POST", f"{space}/enter", who)
    assert answer["admitted"] is not bool(answer["reason"])
    assert bool(answer["conference"]) is answer["admitted"]
    return str(answer["reason"])


def end(google: SimulatorProcess, space: str) -> None:
    """End the call as the owner."""
    assert google.call("POST", f"/v2/{space}:endActiveConference", {}, token=google.token(OWNER)) == (200, {})


@pytest.mark.parametrize(
    ("access", "who", "reason"),
    [
        ("OPEN", {"guest": "A"}, ""),
        ("OPEN", {"bot": "Otter.ai"}, ""),
        ("TRUSTED", COLLEAGUE, ""),
        ("TRUSTED", DEVICE, ""),
        ("TRUSTED", {"phone": "+49 30 1"}, ""),
        ("TRUSTED", STRANGER, KNOCK),
        ("TRUSTED", {"email": "consumer@example.com"}, KNOCK),
        ("TRUSTED", {"guest": "A"}, KNOCK),
        ("TRUSTED", DEVICE | {"signed_in": False}, KNOCK),
        ("RESTRICTED", COLLEAGUE, KNOCK),
        ("RESTRICTED", DEVICE, KNOCK),
        ("RESTRICTED", HOST, ""),
    ],
)
def test_access_type_decides_who_gets_in(google, access, who, reason):
    assert enter(google, made(google, access), who) == reason


def test_members_get_in_without_knocking(google):
    space = made(google, "RESTRICTED")
    token = google.token(OWNER)
    assert google.call("POST", f"/v2/{space}/members", {"email": STRANGER["email"]}, token=token)[0] == 200
    assert enter(google, space, STRANGER) == ""


def test_only_the_own_app_gets_in_when_set(google):
    space = made(google, "OPEN")
    google.control("POST", f"{space}/config", {"entryPointAccess": "CREATOR_APP_ONLY"})
    assert enter(google, space, DEVICE) == "creator-app-only"


@pytest.mark.parametrize(("access", "reason"), [("OPEN", ""), ("TRUSTED", ""), ("RESTRICTED", HOST_FIRST)])
def test_rejoining_after_an_end_depends_on_the_access_type(google, access, reason):
    space = made(google, access)
    google.start_conference(space, COLLEAGUE)
    end(google, space)
    assert enter(google, space, COLLEAGUE) == reason
    assert enter(google, space, HOST) == ""


def test_host_who_is_back_or_a_wider_access_type_unlocks(google):
    space = made(google, "RESTRICTED")
    google.control("POST", f"{space}/members", COLLEAGUE)
    for unlock in ("host", "access"):
        if not google.call("GET", f"/v2/{space}", token=google.token(OWNER))[1].get("activeConference"):
            google.start_conference(space, {"guest": "A"})
        end(google, space)
        assert enter(google, space, COLLEAGUE) == HOST_FIRST
        if unlock == "host":
            assert enter(google, space, HOST) == ""
        else:
            google.control("POST", f"{space}/config", {"accessType": "TRUSTED"})
        assert enter(google, space, COLLEAGUE) == ""


def test_cohost_counts_as_host(google):
    space = made(google, "RESTRICTED")
    google.start_conference(space, {"guest": "A"})
    google.control("POST", f"{space}/members", COLLEAGUE | {"role": "COHOST"})
    end(google, space)
    assert enter(google, space, COLLEAGUE) == ""


@pytest.mark.parametrize(
    ("mode", "colleague", "host"),
    [("anyone", KNOCK, ""), ("host_first", HOST_FIRST, ""), ("nobody", NOBODY, NOBODY)],
)
def test_other_readings_of_what_an_end_does(google, mode, colleague, host):
    google.control("POST", "behaviour", {"rejoin_after_end": mode, "rejoin_wait_seconds": 30})
    space = made(google, "RESTRICTED")
    google.start_conference(space, {"guest": "A"})
    end(google, space)
    assert enter(google, space, COLLEAGUE) == colleague
    assert enter(google, space, HOST) == host
    google.advance(31)
    assert enter(google, space, HOST) == ""


def test_end_by_the_control_is_like_people_leaving(google):
    space = made(google, "RESTRICTED")
    call = google.start_conference(space, {"guest": "A"})
    google.control("POST", f"conferences/{call['id']}/end")
    assert enter(google, space, COLLEAGUE) == KNOCK


def test_bad_switch_is_refused(google):
    with pytest.raises(ControlError):
        google.control("POST", "behaviour", {"rejoin_after_end": "sometimes"})


# -- spaces that Calendar makes --------------------------------------------------------------------------------------


def test_space_of_calendar_is_foreign_even_to_the_app_that_asked_for_it(google):
    foreign = google.control(
        "POST", "spaces", {"owner": OWNER, "calendar": True, "project": "meetadmin-demo"}
    )
    space = foreign["name"]
    created = google.token(OWNER, CREATED)
    status, answer = google.call("GET", f"/v2/{space}", token=created)
    assert (status, answer["error"]["message"]) == (
        403, "Permission denied on resource MeetingSpace (or it might not exist)",
    )  # fmt: skip
    assert google.call("POST", f"/v2/{space}:endActiveConference", {}, token=created)[0] == 403
    assert google.call("POST", f"/v2/{space}/members", {"email": "a@example.com"}, token=created)[0] == 403
    assert "config" in google.call("GET", f"/v2/{space}", token=google.token(OWNER, READONLY))[1]
    body = {"config": {"accessType": "OPEN"}}
    assert google.call("PATCH", f"/v2/{space}", body, token=google.token(OWNER, SETTINGS))[0] == 200


# -- what Google adds later ------------------------------------------------------------------------------------------


def test_unknown_values_and_settings_are_shown_and_survive_other_changes(google):
    space = made(google, "OPEN")
    google.control(
        "POST",
        f"{space}/config",
        {"accessType": "ORGANIZATION_AND_GUESTS", "moderation": 7, "lobby.musicType": "JAZZ"},
    )
    token = google.token(OWNER)
    config = google.call("GET", f"/v2/{space}", token=token)[1]["config"]
    assert (config["accessType"], config["moderation"]) == ("ORGANIZATION_AND_GUESTS", 7)
    assert config["lobby"] == {"musicType": "JAZZ"}
    path = f"/v2/{space}?updateMask=config.entryPointAccess"
    body = {"config": {"entryPointAccess": "CREATOR_APP_ONLY"}}
    status, changed = google.call("PATCH", path, body, token=token)
    assert status == 200
    assert changed["config"] == {**config, "entryPointAccess": "CREATOR_APP_ONLY"}
    numbers = google.call("GET", f"/v2/{space}?$alt=json%3Benum-encoding%3Dint", token=token)[1]["config"]
    assert (numbers["accessType"], numbers["moderation"]) == (4, 7)
    body = {"config": {"accessType": "ORGANIZATION_AND_GUESTS"}}
    assert google.call("PATCH", f"/v2/{space}?updateMask=config.accessType", body, token=token)[0] == 400


def test_unknown_role_of_a_member(google):
    space = made(google, "OPEN")
    google.control("POST", f"{space}/members", {"email": "a@example.com", "role": "OBSERVER"})
    [member] = google.call("GET", f"/v2/{space}/members", token=google.token(OWNER))[1]["members"]
    assert member["role"] == "OBSERVER"


def test_unknown_values_survive_a_restart(tmp_path):
    file = tmp_path / "simulator.json"
    with SimulatorProcess(rooms=3, state=file) as google:
        space = google.world()["rooms"][0]["space"]
        google.control("POST", f"{space}/config", {"accessType": "ORGANIZATION_AND_GUESTS", "lobby": "ON"})
        before = google.world()["spaces"]
    with SimulatorProcess(rooms=3, state=file) as google:
        assert google.world()["spaces"] == before


@pytest.mark.parametrize(
    "body",
    [{}, {"accessType": "open"}, {"accessType": True}, {"accessType": None}, {"moderationRestrictions": "ON"},
     {"accessType.more": "ON"}, {"Access": "ON"}],
)  # fmt: skip
def test_bad_setting_is_refused(google, body):
    space = made(google, "OPEN")
    with pytest.raises(ControlError) as refusal:
        google.control("POST", f"{space}/config", body)
    assert refusal.value.status == 400
