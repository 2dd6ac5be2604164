"""Meet over plain HTTP: what the official clients would hide or never send."""

import pytest

from tests.support.simulator import SimulatorProcess

OWNER = "rooms-ber@example.com"


@pytest.fixture
def token(google: SimulatorProcess) -> str:
    """The Berlin mailbox's token."""
    return google.token(OWNER)


@pytest.fixture
def space(google: SimulatorProcess, token: str) -> str:
    """A space made by our app; its resource name."""
    return str(google.call("POST", "/v2/spaces", {}, token=token)[1]["name"])


def test_an_escaped_slash_is_not_a_slash(google, token, space):
    status, answer = google.call("GET", "/v2/" + space.replace("/", "%2F"), token=token)
    assert (status, answer["error"]["message"]) == (404, "Method not found.")


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/v2/spaces"),
        ("DELETE", "/v2/spaces/abc"),
        ("GET", "/v2/spaces/abc:endActiveConference"),
        ("POST", "/v2/spaces/abc:explode"),
        ("GET", "/v2/meetings"),
        ("POST", "/v2beta/spaces/abc:connectActiveConference"),
    ],
)
def test_what_does_not_exist_is_not_found(google, token, verb, path):
    status, answer = google.call(verb, path, token=token)
    assert (status, answer["error"]["status"]) == (404, "NOT_FOUND")


def test_unknown_addresses_answer_in_html(google):
    status, answer = google.call("GET", "/calendar/events")
    assert status == 404
    assert answer.startswith("<!doctype html>")


def test_the_code_is_case_blind_and_the_name_is_not(google, token, space):
    code = google.call("GET", f"/v2/{space}", token=token)[1]["meetingCode"]
    assert google.call("GET", f"/v2/spaces/{code.upper()}", token=token)[1]["name"] == space
    assert google.call("GET", f"/v2/{space.swapcase().replace('SPACES', 'spaces')}", token=token)[0] == 403


def test_token_in_the_query(google, token, space):
    assert google.call("GET", f"/v2/{space}?access_token={token}")[0] == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"config": {"accessType": "PUBLIC"}},
            (
                "Invalid value at 'space.config.access_type' "
                '(type.googleapis.com/google.apps.meet.v2.SpaceConfig.AccessType), "PUBLIC"'
            ),
        ),
        (
            {"config": {"accessType": 9}},
            (
                "Invalid value at 'space.config.access_type' "
                "(type.googleapis.com/google.apps.meet.v2.SpaceConfig.AccessType), 9"
            ),
        ),
        (
            {"config": {"defaultJoinAsViewerType": "ON"}},
            (
                "Invalid JSON payload received. Unknown name \"defaultJoinAsViewerType\" at 'space.config': "
                "Cannot find field."
            ),
        ),
        (
            {"settings": {}},
            "Invalid JSON payload received. Unknown name \"settings\" at 'space': Cannot find field.",
        ),
    ],
)
def test_bodies_are_read_strictly(google, token, body, message):
    status, answer = google.call("POST", "/v2/spaces", body, token=token)
    assert status == 400
    assert answer["error"]["status"] == "INVALID_ARGUMENT"
    assert answer["error"]["message"] == message


@pytest.mark.parametrize("body", [[], "text", {"config": []}, {"config": {"accessType": {}}}])
def test_bodies_of_the_wrong_shape(google, token, body):
    assert google.call("POST", "/v2/spaces", body, token=token)[0] == 400


def test_names_in_snake_case_and_numbers_are_read_too(google, token, space):
    body = {"config": {"access_type": 1, "moderation": 2, "moderation_restrictions": {"chat_restriction": 1}}}
    changed = google.call(
        "PATCH", f"/v2/{space}?updateMask=config.access_type,config.moderation,config.moderationRestrictions",
        body, token=token,
    )[1]  # fmt: skip
    assert changed["config"]["accessType"] == "OPEN"
    assert changed["config"]["moderationRestrictions"]["chatRestriction"] == "HOSTS_ONLY"
    assert changed["config"]["moderationRestrictions"]["presentRestriction"] == "NO_RESTRICTION"


def test_a_star_mask_clears_what_the_body_omits(google, token, space):
    google.call("PATCH", f"/v2/{space}", {"config": {"entryPointAccess": "CREATOR_APP_ONLY"}}, token=token)
    body = {"config": {"accessType": "OPEN"}}
    changed = google.call("PATCH", f"/v2/{space}?updateMask=*", body, token=token)[1]
    assert changed["config"]["accessType"] == "OPEN"
    assert changed["config"]["entryPointAccess"] == "ALL"


def test_enumerations_as_numbers_on_request(google, token, space):
    path = f"/v2/{space}?%24alt=json%3Benum-encoding%3Dint"
    config = google.call("GET", path, token=token)[1]["config"]
    assert config["accessType"] == 2
    assert config["artifactConfig"]["recordingConfig"]["autoRecordingGeneration"] == 2


@pytest.mark.parametrize(
    "fields", ["name,owner", "name(", "name)", "config(accessType", "config/x", ",", "na me"]
)
def test_a_bad_selection_of_fields(google, token, space, fields):
    path = f"/v2/{space}?fields={fields.replace(' ', '%20')}"
    status, answer = google.call("GET", path, token=token)
    assert status == 400
    assert answer["error"]["message"].startswith("Invalid field selection")


def test_page_size(google, token, space):
    for _ in range(27):
        call = google.start_conference(space, {"guest": "A"})
        google.control("POST", f"conferences/{call['id']}/end")
    path = f"/v2/conferenceRecords?filter=space.name%3D%22{space}%22"
    for size, expected in (("", 25), ("&pageSize=0", 25), ("&pageSize=3", 3), ("&pageSize=1000", 27)):
        page = google.call("GET", path + size, token=token)[1]
        assert len(page["conferenceRecords"]) == expected
        assert ("nextPageToken" in page) is (expected < 27)
    assert google.call("GET", path + "&pageSize=many", token=token)[0] == 400


def test_a_call_that_begins_while_paging_neither_repeats_nor_hides_a_row(google, token, space):
    names = []
    for _ in range(3):
        call = google.start_conference(space, {"guest": "A"})
        google.control("POST", f"conferences/{call['id']}/end")
        google.advance(1)
        names.append(call["name"])
    token = google.token(OWNER)
    path = f"/v2/conferenceRecords?filter=space.name%3D%22{space}%22&pageSize=2"
    first = google.call("GET", path, token=token)[1]
    google.start_conference(space, {"guest": "A"})
    google.advance(1)
    second = google.call("GET", f"{path}&pageToken={first['nextPageToken']}", token=token)[1]
    seen = [each["name"] for each in first["conferenceRecords"] + second["conferenceRecords"]]
    assert seen == list(reversed(names))


def test_a_time_filter_finds_the_moment_that_was_shown(google, token, space):
    call = google.start_conference(space, {"guest": "A"}, ago=30)
    google.advance(100)
    token = google.token(OWNER)
    shown = google.call("GET", f"/v2/{call['name']}", token=token)[1]["startTime"]
    for operator, expected in (
        ("=", True),
        ("%3E%3D", True),
        ("%3C%3D", True),
        ("%3E", False),
        ("%3C", False),
    ):
        path = f"/v2/conferenceRecords?filter=start_time{operator}%22{shown}%22"
        found = google.call("GET", path, token=token)[1].get("conferenceRecords", [])
        assert (call["name"] in [each["name"] for each in found]) is expected, operator


def test_foreign_record_is_out_of_reach_of_created(google):
    made = google.control("POST", "spaces", {"owner": OWNER, "project": "meet"})
    call = google.start_conference(made["name"], {"email": "participant@example.com"})
    path = f"/v2/{call['name']}"
    assert google.call("GET", path, token=google.token(OWNER, "created"))[0] == 403
    assert google.call("GET", path, token=google.token(OWNER, "readonly"))[0] == 200


def test_the_scope_comes_before_the_body(google, space):
    token = google.token(OWNER, "readonly")
    status, answer = google.call("PATCH", f"/v2/{space}", {"nonsense": 1}, token=token)
    assert status == 403
    info = answer["error"]["details"][0]
    assert info["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    assert info["metadata"] == {
        "service": "meet.googleapis.com",
        "method": "google.apps.meet.v2.SpacesService.UpdateSpace",
    }


@pytest.mark.parametrize("mask", ["", "?updateMask=", "?updateMask=%20", "?updateMask=,"])
def test_patch_with_an_empty_mask_changes_given_leaves_only(google, mask):
    token = google.token("rooms-ber@example.com")
    body = {"config": {"accessType": "OPEN", "entryPointAccess": "CREATOR_APP_ONLY"}}
    space = google.call("POST", "/v2/spaces", body, token=token)[1]
    status, changed = google.call(
        "PATCH", f"/v2/{space['name']}{mask}", {"config": {"accessType": "RESTRICTED"}}, token=token
    )
    assert status == 200
    assert changed["config"] == {**space["config"], "accessType": "RESTRICTED"}
