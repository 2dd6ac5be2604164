"""What tests and demos may order: calls, time, faults, counts."""

import http.client
import socket
import time
import urllib.request
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from simulator.reading import is_loopback
from tests.support.simulator import READONLY, ControlError, SimulatorProcess

OWNER = "rooms-ber@example.com"


def idle_space(google: SimulatorProcess) -> str:
    """A space of the Berlin mailbox, made by our app, in which nothing is on."""
    world = google.world()
    for space in world["spaces"]:
        if space["owner"] == OWNER and not space["activeConference"] and space["project"] == "meetadmin-demo":
            return str(space["name"])
    raise AssertionError("no idle space")


def conference(google: SimulatorProcess, identifier: str) -> dict[str, Any]:
    """A conference as the world shows it."""
    for each in google.world()["conferences"]:
        if each["id"] == identifier:
            return dict(each)
    raise AssertionError("no such conference")


def test_the_world_has_all_that_is_promised(google):
    world = google.world()
    assert set(world) == {
        "seed", "scene", "now", "people", "accounts", "buildings", "rooms", "spaces", "conferences",
    }  # fmt: skip
    emails = {each["email"] for each in world["people"]}
    assert {
        "it-admin@example.com", "helpdesk@example.com", "room-owner@example.com", "participant@example.com",
        "stranger@elsewhere.example",
    } <= emails  # fmt: skip
    accounts = {each["email"] for each in world["accounts"]}
    buildings = {each["id"]: each for each in world["buildings"]}
    spaces = {each["name"]: each for each in world["spaces"]}
    assert len(world["rooms"]) == 24
    assert len({each["name"] for each in world["rooms"]}) == 24
    for room in world["rooms"]:
        assert room["floor"] in buildings[room["building"]]["floors"]
        assert room["capacity"] > 0
        assert room["owner_email"] in emails
        assert set(room["deputy_emails"]) <= emails
        assert room["account"] in accounts
        assert spaces[room["space"]]["owner"] == room["account"]
        assert spaces[room["space"]]["meetingCode"] == room["meeting_code"]


def test_start_join_leave_end(google):
    space = idle_space(google)
    call = google.start_conference(
        space, {"email": "participant@example.com"}, {"device": "Berlin 1.01"}, {"phone": "+49 30 1"},
        {"guest": "Visitor"}, ago=3600,
    )  # fmt: skip
    assert [each["kind"] for each in call["participants"]] == ["person", "device", "phone", "guest"]
    now = datetime.fromisoformat(google.world()["now"])
    age = now - datetime.fromisoformat(call["startTime"])
    assert timedelta(seconds=3600) <= age < timedelta(seconds=3660)
    path = f"conferences/{call['id']}"
    joined = google.control("POST", path + "/join", {"email": "engineer-01@example.com"})
    assert joined["leftAt"] is None
    google.control("POST", path + "/leave", {"participant": joined["name"]})
    after = google.control("POST", path + "/leave", {"device": "Berlin 1.01"})
    here = [each["kind"] for each in after["participants"] if each["leftAt"] is None]
    assert here == ["person", "phone", "guest"]
    ended = google.control("POST", path + "/end")
    assert ended["endTime"] is not None
    assert all(each["leftAt"] for each in ended["participants"])
    with pytest.raises(ControlError) as refusal:
        google.control("POST", path + "/end")
    assert refusal.value.status == 409


def test_a_call_can_be_started_by_code_but_only_once(google):
    space = idle_space(google)
    code = next(each["meetingCode"] for each in google.world()["spaces"] if each["name"] == space)
    google.start_conference(code, {"guest": "A"})
    with pytest.raises(ControlError) as refusal:
        google.start_conference(space, {"guest": "A"})
    assert refusal.value.status == 409


def test_the_last_one_out_leaves_an_empty_call_for_a_minute(google):
    call = google.start_conference(idle_space(google), {"guest": "A"})
    google.control("POST", f"conferences/{call['id']}/leave", {"guest": "A"})
    assert conference(google, call["id"])["endTime"] is None
    google.advance(61)
    over = conference(google, call["id"])
    assert over["endTime"] is not None
    left = datetime.fromisoformat(over["participants"][0]["leftAt"])
    assert datetime.fromisoformat(over["endTime"]) - left == timedelta(seconds=60)


def test_the_last_one_out_can_end_it_at_once(google):
    call = google.start_conference(idle_space(google), {"guest": "A"})
    ended = google.control("POST", f"conferences/{call['id']}/leave", {"guest": "A", "end": True})
    assert ended["endTime"] is not None


def test_the_clock_makes_everything_older_and_keeps_now(google):
    call = google.start_conference(idle_space(google), {"guest": "A"})
    token = google.token(OWNER)
    google.advance(3600)
    older = conference(google, call["id"])
    moved = datetime.fromisoformat(call["startTime"]) - datetime.fromisoformat(older["startTime"])
    assert moved == timedelta(seconds=3600)
    now = datetime.fromisoformat(google.world()["now"]).timestamp()
    assert abs(now - time.time()) < 30
    assert google.call("GET", "/v2/conferenceRecords", token=token)[0] == 401


def test_records_vanish_after_thirty_days(google):
    call = google.start_conference(idle_space(google), {"guest": "A"})
    google.control("POST", f"conferences/{call['id']}/end")
    google.advance(29 * 86400)
    path = f"/v2/{call['name']}"
    assert google.call("GET", path, token=google.token(OWNER))[0] == 200
    google.advance(86400)
    assert google.call("GET", path, token=google.token(OWNER))[0] == 403


def test_reset_brings_back_the_seed(google):
    before = google.world()
    google.start_conference(idle_space(google), {"guest": "A"})
    google.control("POST", "spaces", {"owner": OWNER, "project": "another-app"})
    google.control("POST", "faults", {"method": "*", "status": 500})
    google.reset()
    after = google.world()
    assert [each["name"] for each in after["spaces"]] == [each["name"] for each in before["spaces"]]
    assert [each["id"] for each in after["conferences"]] == [each["id"] for each in before["conferences"]]
    assert google.control("GET", "faults") == {"faults": []}
    assert google.control("GET", "requests") == {
        "by_method": {},
        "by_account": {},
        "by_status": {},
        "quota": {"minutes": [], "refused": {}},
    }


def test_requests_are_counted(google):
    token = google.token(OWNER)
    space = idle_space(google)
    google.call("GET", f"/v2/{space}", token=token)
    google.call("GET", f"/v2/{space}", token=token)
    google.call("POST", f"/v2/{space}:endActiveConference", {}, token=token)
    google.call("GET", "/v2/conferenceRecords")
    counted = google.control("GET", "requests")
    del counted["quota"]
    assert counted == {
        "by_method": {"spaces.get": 2, "spaces.endActiveConference": 1, "conferenceRecords.list": 1},
        "by_account": {OWNER: 3},
        "by_status": {"200": 2, "400": 1, "401": 1},
    }
    google.control("DELETE", "requests")
    assert google.control("GET", "requests")["by_method"] == {}


def test_a_fault_hits_the_ordered_method_as_often_as_ordered(google):
    token = google.token(OWNER)
    google.control("POST", "faults", {"method": "spaces.get", "status": 503, "times": 2})
    path = f"/v2/{idle_space(google)}"
    assert google.call("GET", "/v2/conferenceRecords?pageSize=1", token=token)[0] == 200
    answers = [google.call("GET", path, token=token)[0] for _ in range(3)]
    assert answers == [503, 503, 200]


def test_a_fault_can_last_until_it_is_taken_back(google):
    token = google.token(OWNER)
    google.control("POST", "faults", {"method": "*", "status": 500, "times": 0})
    answers = [google.call("GET", "/v2/conferenceRecords", token=token)[0] for _ in range(3)]
    google.control("DELETE", "faults")
    assert [*answers, google.call("GET", "/v2/conferenceRecords", token=token)[0]] == [500, 500, 500, 200]


def test_garbage(google):
    google.control("POST", "faults", {"method": "spaces.get", "kind": "garbage"})
    status, text = google.call("GET", f"/v2/{idle_space(google)}", token=google.token(OWNER))
    assert status == 200
    assert isinstance(text, str)
    assert "<html>" in text


def test_truncated(google):
    google.control("POST", "faults", {"method": "spaces.get", "kind": "truncated"})
    request = urllib.request.Request(
        f"{google.url}/v2/{idle_space(google)}", headers={"Authorization": f"Bearer {google.token(OWNER)}"}
    )
    with urllib.request.urlopen(request, timeout=10) as reply, pytest.raises(http.client.IncompleteRead):
        reply.read()


def test_silence(google):
    google.control("POST", "faults", {"method": "spaces.get", "kind": "timeout"})
    with pytest.raises(TimeoutError):
        google.call("GET", f"/v2/{idle_space(google)}", token=google.token(OWNER), timeout=0.3)
    assert google.call("GET", f"/v2/{idle_space(google)}", token=google.token(OWNER))[0] == 200


def test_slow(google):
    google.control("POST", "faults", {"method": "spaces.get", "kind": "slow", "delay_ms": 300})
    begun = time.monotonic()
    assert google.call("GET", f"/v2/{idle_space(google)}", token=google.token(OWNER))[0] == 200
    assert time.monotonic() - begun >= 0.3


@pytest.mark.parametrize("fault", [{"status": 503}, {"kind": "garbage"}])
def test_the_effect_can_come_before_the_fault(google, fault):
    before = len(google.world()["spaces"])
    google.control("POST", "faults", {"method": "spaces.create", "after": True, **fault})
    status, answer = google.call("POST", "/v2/spaces", {}, token=google.token(OWNER))
    assert status != 200 or isinstance(answer, str)
    assert len(google.world()["spaces"]) == before + 1


def test_an_end_that_happened_although_nothing_was_heard_of_it(google):
    space = idle_space(google)
    google.start_conference(space, {"guest": "A"})
    google.control(
        "POST", "faults", {"method": "spaces.endActiveConference", "kind": "timeout", "after": True}
    )
    token = google.token(OWNER)
    path = f"/v2/{space}:endActiveConference"
    with pytest.raises(TimeoutError):
        google.call("POST", path, {}, token=token, timeout=0.3)
    assert google.call("POST", path, {}, token=token)[1]["error"]["status"] == "FAILED_PRECONDITION"


def test_undocumented_after_effects_can_be_switched_on(google):
    space = idle_space(google)
    google.start_conference(space, {"guest": "A"})
    google.control("POST", "behaviour", {"linger_seconds": 5, "tighten_after_end": True})
    token = google.token(OWNER)
    assert google.call("POST", f"/v2/{space}:endActiveConference", {}, token=token) == (200, {})
    seen = google.call("GET", f"/v2/{space}", token=token)[1]
    assert "activeConference" in seen
    assert seen["config"]["accessType"] == "RESTRICTED"
    assert google.call("POST", f"/v2/{space}:endActiveConference", {}, token=token)[0] == 400
    google.advance(5)
    assert "activeConference" not in google.call("GET", f"/v2/{space}", token=google.token(OWNER))[1]


def test_a_code_can_come_to_belong_to_another_space(google):
    first, second = google.world()["spaces"][:2]
    google.control("POST", "codes", {"space": second["name"], "meeting_code": first["meetingCode"]})
    token = google.token(OWNER)
    found = google.call("GET", f"/v2/spaces/{first['meetingCode']}", token=token)[1]
    assert found["name"] == second["name"]
    assert google.call("GET", f"/v2/{first['name']}", token=token)[1]["meetingCode"] != first["meetingCode"]


def test_tokens_of_another_app_make_foreign_spaces(google):
    answer = google.control(
        "POST", "token", {"email": OWNER, "scopes": ["created"], "project": "another-app"}
    )
    made = google.call("POST", "/v2/spaces", {}, token=answer["access_token"])[1]
    assert google.call("GET", f"/v2/{made['name']}", token=google.token(OWNER, "created"))[0] == 403
    assert google.call("GET", f"/v2/{made['name']}", token=google.token(OWNER, READONLY))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "conferences", {"space": 5}),
        ("POST", "conferences", {"space": "spaces/none"}),
        ("POST", "conferences", {"room": "x"}),
        ("POST", "conferences", ["x"]),
        ("POST", "conferences/none/end", {}),
        ("POST", "clock", {}),
        ("POST", "clock", {"advance_seconds": -1}),
        ("POST", "clock", {"advance_seconds": "soon"}),
        ("POST", "clock", {"advance_seconds": True}),
        ("POST", "faults", {"method": "spaces.get"}),
        ("POST", "faults", {"kind": "odd"}),
        ("POST", "faults", {"status": 200}),
        ("POST", "faults", {"status": 500, "kind": "slow"}),
        ("POST", "faults", {"status": 500, "times": -1}),
        ("POST", "faults", {"status": 500, "after": "yes"}),
        ("POST", "token", {"email": "nobody@example.com"}),
        ("POST", "token", {"email": OWNER, "scopes": ["odd"]}),
        ("POST", "spaces", {"owner": "nobody@example.com"}),
        ("POST", "codes", {"space": "spaces/none", "meeting_code": "abc-defg-hij"}),
        ("POST", "life", {"running": 1}),
        ("POST", "delegation", {"scopes": "created"}),
    ],
)
def test_bad_input_gets_a_sentence(google, method, path, body):
    with pytest.raises(ControlError) as refusal:
        google.control(method, path, body)
    assert refusal.value.status in (400, 404)
    assert refusal.value.answer["error"].endswith((".", "…"))


def test_a_bad_participant_starts_no_call(google):
    space = idle_space(google)
    for bad in ({"robot": "x"}, {"email": 5}, {}, {"email": "a@example.com", "guest": "x"}, "x"):
        with pytest.raises(ControlError):
            google.control("POST", "conferences", {"space": space, "participants": [{"guest": "A"}, bad]})
    google.start_conference(space, {"guest": "A"})


def test_a_body_that_is_not_json(google):
    parts = urlsplit(google.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.request("POST", "/_control/clock", body=b"{")
    with connection.getresponse() as reply:
        assert reply.status == 400
    connection.close()


@pytest.mark.parametrize(
    ("peer", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("10.0.0.1", False),
        ("192.168.1.7", False),
        ("", False),
        (None, False),
    ],
)
def test_the_control_knows_this_machine(peer, allowed):
    assert is_loopback(peer) is allowed


def test_a_taken_port_is_explained(capfd):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match="did not start"):
            SimulatorProcess(port=port).start()
    assert f"cannot listen on 127.0.0.1:{port}" in capfd.readouterr().err


def test_the_front_door_says_what_this_is(google):
    status, text = google.call("GET", "/")
    assert status == 200
    assert "/_control/world" in text
    assert "pretends to be Google" in text


def answer_to(
    google: SimulatorProcess, headers: dict[str, str], *, verb: str = "POST", path: str = "/_control/life"
) -> int:
    """The status of a request with these headers, Host included."""
    address = urlsplit(google.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 0, timeout=30)
    try:
        connection.putrequest(verb, path, skip_host="Host" in headers)
        for name, value in {"Content-Length": "0", **headers}.items():
            connection.putheader(name, value.replace("PORT", str(address.port)))
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1:PORT"},
        {"Origin": "http://127.0.0.1:PORT.elsewhere.example"},
        {"Host": "elsewhere.example:PORT"},
        {"Host": "127.0.0.1.elsewhere.example:PORT"},
        {"Host": "localhost.elsewhere.example"},
        {"Host": "elsewhere.example:PORT", "Origin": "http://elsewhere.example:PORT"},
        {"Host": "[", "Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_control_refuses_pages_of_other_sites(google, headers):
    for verb, path in (
        ("POST", "/_control/life"),
        ("GET", "/_control/service-account"),
        ("DELETE", "/_control/faults"),
    ):
        assert answer_to(google, headers, verb=verb, path=path) in (400, 403)
    assert answer_to(google, headers, path="/") in (400, 403)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost:PORT"},
        {"Host": "LOCALHOST"},
        {"Host": "[::1]:PORT"},
        {"Host": "127.0.0.2"},
        {"Origin": "http://127.0.0.1:PORT", "Sec-Fetch-Site": "same-origin"},
        {"Host": "localhost:PORT", "Origin": "http://localhost:PORT"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_control_answers_programs_and_its_own_page(google, headers):
    assert answer_to(google, headers) == 200


def test_page_may_be_linked_but_not_shown_under_a_foreign_name(google):
    address = urlsplit(google.url)
    seen = {}
    for host in (address.netloc, f"elsewhere.example:{address.port}"):
        request = urllib.request.Request(
            google.url + "/", headers={"Host": host, "Sec-Fetch-Site": "cross-site"}
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            seen[host] = reply.read().decode()
            assert reply.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert [("Running calls" in text) for text in seen.values()] == [True, False]
