"""MeetClient against the simulator: every method, the right and the wrong caller, and Google on a bad day."""

from datetime import UTC, datetime, timedelta

import pytest
from google.oauth2.credentials import Credentials

from spaces.google import config, credentials, errors
from spaces.google.meet import MeetClient
from spaces.google.resources import Space
from tests.support.simulator import SimulatorProcess

OWNER = "rooms-ber@example.com"
STRANGER = "stranger@elsewhere.example"
NOBODY = "spaces/AAAAAAAAAAAA"


def client(google: SimulatorProcess, email: str = OWNER, *scopes: str, timeout: float = 5) -> MeetClient:
    token = google.token(email, *(scopes or credentials.MEET_SCOPES))
    return MeetClient(Credentials(token), base_url=google.url, timeout=timeout, quota_user=email)


def space_of(google: SimulatorProcess, *, ours: bool = True, idle: bool = True):
    """A space of the owner, by project and by whether a call is on."""
    return next(
        space
        for space in google.world()["spaces"]
        if space["owner"] == OWNER
        and (space["project"] == "meetadmin-demo") == ours
        and (space["activeConference"] is None) == idle
    )


def idle_space(google: SimulatorProcess) -> str:
    """A space that our app makes now, so that nothing is on in it."""
    return client(google).create_space({}).name


def settings_of(space: Space) -> dict[str, str]:
    """The settings of a space that was asked for by its owner."""
    assert space.settings is not None
    return space.settings


def sent(google: SimulatorProcess, method: str) -> int:
    return int(google.control("GET", "requests")["by_method"].get(method, 0))


def start(google: SimulatorProcess, *participants: dict[str, str], ago: float = 0) -> tuple[str, str]:
    name = idle_space(google)
    return name, google.start_conference(name, *participants, ago=ago)["name"]


# Spaces


def test_the_owner_sees_everything_a_stranger_only_the_name(google):
    name = idle_space(google)
    mine, theirs = client(google).get_space(name), client(google, STRANGER).get_space(name)
    assert mine.asked_by_owner
    assert mine.liveness == "idle"
    assert set(settings_of(mine)) == set(config.BY_PATH)
    assert (theirs.name, theirs.meeting_code) == (mine.name, mine.meeting_code)
    assert theirs.settings is None
    assert theirs.liveness == "unknown"


def test_a_running_call_is_known_to_the_owner_and_hidden_from_a_stranger(google):
    name, record = start(google, {"guest": "Somebody"})
    assert client(google).get_space(name).active_record == record
    assert client(google).get_space(name).liveness == "active"
    assert client(google, STRANGER).get_space(name).liveness == "unknown"


def test_a_code_finds_its_space_in_any_letters(google):
    known = space_of(google)
    for code in (known["meetingCode"], known["meetingCode"].upper()):
        assert client(google).find_space(code).name == known["name"]


@pytest.mark.parametrize("call", ["get_space", "end_active_conference", "members"])
def test_a_space_nobody_knows(google, call):
    with pytest.raises((errors.NotPermitted, errors.NotFound)):
        getattr(client(google), call)(NOBODY)


def test_a_code_nobody_has(google):
    with pytest.raises((errors.NotPermitted, errors.NotFound)):
        client(google).find_space("zzz-zzzz-zzz")


def test_a_new_space_carries_the_wished_settings(google):
    wished = {
        "accessType": "TRUSTED",
        "moderation": "ON",
        "moderationRestrictions.chatRestriction": "HOSTS_ONLY",
    }
    space = client(google).create_space(wished)
    assert wished.items() <= settings_of(space).items()
    assert client(google).get_space(space.name).settings == space.settings
    assert next(one for one in google.world()["spaces"] if one["name"] == space.name)["owner"] == OWNER


@pytest.mark.parametrize(
    ("setting", "choice"),
    [(setting, choice) for setting in config.CATALOGUE for choice in setting.choices],
    ids=lambda value: getattr(value, "path", getattr(value, "value", "")),
)
def test_every_choice_of_every_setting_can_be_saved(google, setting, choice):
    wished = {
        setting.path: choice.value,
        **({setting.needs.path: setting.needs.value} if setting.needs else {}),
    }
    name = idle_space(google)
    before = settings_of(client(google).get_space(name))
    after = settings_of(client(google).patch_space(name, wished))
    assert wished.items() <= after.items()
    untouched = set(after) - set(wished) - set(config.RESET_BY_MODERATION_OFF)
    assert {path: after[path] for path in untouched} == {path: before[path] for path in untouched}


def test_switching_moderation_off_resets_what_the_catalogue_says(google):
    name = idle_space(google)
    strict = {"moderation": "ON", **dict.fromkeys(config.RESET_BY_MODERATION_OFF[:3], "HOSTS_ONLY")}
    client(google).patch_space(name, strict)
    after = settings_of(client(google).patch_space(name, {"moderation": "OFF"}))
    assert all(after[path] == "NO_RESTRICTION" for path in config.RESET_BY_MODERATION_OFF[:3])


def test_only_the_owner_changes_settings(google):
    name = idle_space(google)
    with pytest.raises(errors.NotPermitted):
        client(google, STRANGER).patch_space(name, {"accessType": "OPEN"})


def test_ending_a_call(google):
    name, record = start(google, {"guest": "Somebody"})
    client(google).end_active_conference(name)
    assert client(google).get_space(name).liveness == "idle"
    assert client(google).conference(record).ended_at is not None
    with pytest.raises(errors.NothingToEnd):
        client(google).end_active_conference(name)


def test_who_may_not_end(google):
    name, record = start(google, {"guest": "Somebody"})
    with pytest.raises(errors.NotPermitted):
        client(google, STRANGER).end_active_conference(name)
    with pytest.raises(errors.ScopeMissing):
        client(google, OWNER, credentials.READONLY, credentials.SETTINGS).end_active_conference(name)
    assert client(google).get_space(name).active_record == record


def test_a_space_of_another_app_can_be_read_and_changed_but_not_ended(google):
    foreign = google.control("POST", "spaces", {"owner": OWNER, "project": "another-app"})["name"]
    google.start_conference(foreign, {"guest": "Somebody"})
    assert client(google).get_space(foreign).asked_by_owner
    changed = client(google).patch_space(foreign, {"accessType": "OPEN"})
    assert settings_of(changed)["accessType"] == "OPEN"
    with pytest.raises(errors.NotPermitted):
        client(google).end_active_conference(foreign)
    with pytest.raises(errors.NotPermitted):
        client(google, OWNER, credentials.CREATED).get_space(foreign)


def test_a_new_space_has_no_members(google):
    assert client(google).members(idle_space(google)) == []


# Conferences


def test_running_conferences_are_those_of_the_caller_over_all_pages(google):
    me = client(google)
    wanted = set()
    for _ in range(9):
        name, record = start(google, {"guest": "Somebody"}, ago=60)
        wanted.add((name, record))
    owned = {space["name"] for space in google.world()["spaces"] if space["owner"] == OWNER}
    everything = {
        (call["space"], call["name"]) for call in google.world()["conferences"] if call["endTime"] is None
    }
    running = me.running_conferences()
    assert {(one.space, one.name) for one in running} == {pair for pair in everything if pair[0] in owned}
    assert wanted <= {(one.space, one.name) for one in running}
    assert all(one.ended_at is None and one.started_at.tzinfo for one in running)
    assert client(google, STRANGER).running_conferences() == []


def test_more_running_conferences_than_fit_on_a_page(google):
    made = set()
    for _ in range(101):
        space = google.control("POST", "spaces", {"owner": OWNER})
        made.add(google.start_conference(space["name"])["name"])
    assert made <= {one.name for one in client(google).running_conferences()}
    assert sent(google, "conferenceRecords.list") == 2


def test_a_conference_and_who_is_in_it(google):
    _, record = start(
        google,
        {"email": "participant@example.com"},
        {"device": "Room 7"},
        {"phone": "+49 30 ***"},
        {"guest": "Gast"},
        ago=600,
    )
    me = client(google)
    assert timedelta(minutes=9) < datetime.now(UTC) - me.conference(record).started_at < timedelta(minutes=12)
    people = {one.display_name: one for one in me.participants(record)}
    assert len(people) == me.head_count(record) == 4
    assert sorted(one.kind for one in people.values()) == ["guest", "phone", "signed_in", "signed_in"]
    assert all((one.google_id or "").isdigit() == (one.kind == "signed_in") for one in people.values())
    assert people["Gast"].left_at is None

    google.control("POST", f"conferences/{record.split('/')[1]}/leave", {"guest": "Gast"})
    assert me.head_count(record) == 3
    assert "Gast" not in {one.display_name for one in me.participants(record)}
    everybody = {one.display_name: one for one in me.participants(record, present_only=False)}
    assert everybody["Gast"].left_at is not None


def test_a_call_without_anybody_has_no_heads(google):
    _, record = start(google)
    assert client(google).head_count(record) == 0
    assert client(google).participants(record) == []


def test_a_crowd_over_several_pages(google):
    _, record = start(google, *({"guest": f"Guest {number}"} for number in range(260)))
    assert len(client(google).participants(record)) == client(google).head_count(record) == 260


def test_a_conference_of_somebody_else(google):
    _, record = start(google, {"guest": "Somebody"})
    for call in ("conference", "participants", "head_count"):
        with pytest.raises((errors.NotPermitted, errors.NotFound)):
            getattr(client(google, STRANGER), call)(record)


# A bad day

READS = {
    "spaces.get": lambda me, name, record: me.get_space(name),
    "conferenceRecords.list": lambda me, name, record: me.running_conferences(),
    "conferenceRecords.get": lambda me, name, record: me.conference(record),
    "conferenceRecords.participants.list": lambda me, name, record: me.participants(record),
}
WRITES = {
    "spaces.create": lambda me, name, record: me.create_space({}),
    "spaces.patch": lambda me, name, record: me.patch_space(name, {"accessType": "OPEN"}),
    "spaces.endActiveConference": lambda me, name, record: me.end_active_conference(name),
}
FAULTS = [
    ({"status": 500}, errors.TryLater, errors.OutcomeUnknown),
    ({"status": 502}, errors.TryLater, errors.OutcomeUnknown),
    ({"status": 503}, errors.TryLater, errors.TryLater),
    ({"status": 504}, errors.TryLater, errors.OutcomeUnknown),
    ({"status": 429}, errors.OverQuota, errors.OverQuota),
    ({"status": 429, "retry_after": "7"}, errors.OverQuota, errors.OverQuota),
    ({"status": 403}, errors.NotPermitted, errors.NotPermitted),
    ({"status": 404}, errors.NotFound, errors.NotFound),
    ({"kind": "timeout"}, errors.TryLater, errors.OutcomeUnknown),
    ({"kind": "slow", "delay_ms": 2000}, errors.TryLater, errors.OutcomeUnknown),
    ({"kind": "garbage"}, errors.NotGoogle, errors.OutcomeUnknown),
    ({"kind": "truncated"}, errors.Unreadable, errors.OutcomeUnknown),
]


@pytest.mark.parametrize("method", [*READS, *WRITES])
@pytest.mark.parametrize(
    ("fault", "for_reads", "for_writes"), FAULTS, ids=[str(fault[0]) for fault in FAULTS]
)
def test_a_fault_is_sorted_and_the_call_sent_once(google, fault, for_reads, for_writes, method):
    name, record = start(google, {"guest": "Somebody"})
    me = client(google, timeout=0.5)
    before = sent(google, method)
    google.control("POST", "faults", {"method": method, "times": 1, **fault})
    with pytest.raises(errors.GoogleError) as problem:
        (READS | WRITES)[method](me, name, record)
    assert type(problem.value) is (for_reads if method in READS else for_writes)
    assert problem.value.sentence
    assert "ya29" not in problem.value.detail
    if "retry_after" in fault:
        assert isinstance(problem.value, errors.OverQuota)
        assert problem.value.retry_after == 7
    assert sent(google, method) == before + 1, "one wish, one request"


def test_a_write_that_happened_although_the_answer_got_lost(google):
    name, record = start(google, {"guest": "Somebody"})
    google.control(
        "POST", "faults", {"method": "spaces.endActiveConference", "kind": "timeout", "after": True}
    )
    with pytest.raises(errors.OutcomeUnknown):
        client(google, timeout=0.5).end_active_conference(name)
    assert client(google).conference(record).ended_at is not None
    assert sent(google, "spaces.endActiveConference") == 1


def test_a_simulator_that_is_gone():
    with SimulatorProcess(rooms=5) as short:
        me = client(short)
        name = idle_space(short)
    for call in (lambda: me.get_space(name), lambda: me.end_active_conference(name)):
        with pytest.raises(errors.Unreachable):
            call()


# What Google adds later


def test_values_that_google_adds_later_are_read_and_survive_a_change(google):
    me = client(google)
    name = me.create_space({"accessType": "TRUSTED", "moderation": "OFF"}).name
    later = {"accessType": "ORGANIZATION_AND_GUESTS", "lobby.musicType": "JAZZ", "entryPointAccess": 7}
    google.control("POST", f"{name}/config", later)
    seen = me.get_space(name).settings
    assert seen is not None
    assert seen["accessType"] == "ORGANIZATION_AND_GUESTS"
    assert seen["lobby.musicType"] == "JAZZ"
    assert seen["entryPointAccess"] == "7"
    send = config.to_send(
        seen, {**{path: seen[path] for path in config.BY_PATH if path in seen}, "moderation": "ON"}
    )
    assert send == {"moderation": "ON"}
    after = me.patch_space(name, send).settings
    assert after == {**seen, "moderation": "ON"}


# Tokens on the way


def by_delegation(google, key, subject=OWNER, scopes=credentials.MEET_SCOPES) -> MeetClient:
    acting = credentials.delegated(key, subject=subject, scopes=scopes, token_url=f"{google.url}/token")
    return MeetClient(acting, base_url=google.url, timeout=5)


def test_delegation_acts_as_the_mailbox(google, key_of_service):
    name = by_delegation(google, key_of_service).create_space({}).name
    assert client(google).get_space(name).asked_by_owner
    assert by_delegation(google, key_of_service, "rooms-muc@example.com").get_space(name).settings is None


def test_a_token_that_ran_out_is_renewed_and_the_write_happens_once(google, key_of_service):
    me = by_delegation(google, key_of_service)
    me.running_conferences()
    tokens, spaces = sent(google, "token"), len(google.world()["spaces"])
    google.advance(3 * 3600)
    me.create_space({})
    assert sent(google, "token") == tokens + 1
    assert len(google.world()["spaces"]) == spaces + 1


def test_a_token_that_cannot_be_renewed_breaks_the_connection(google):
    me = client(google)
    google.advance(3 * 3600)
    with pytest.raises(errors.ConnectionBroken):
        me.running_conferences()


@pytest.mark.parametrize(
    ("subject", "scopes", "reason"),
    [
        ("nobody@example.com", credentials.MEET_SCOPES, "unknown_subject"),
        ("104277000000000000001", credentials.MEET_SCOPES, "not_an_address"),
        (STRANGER, credentials.MEET_SCOPES, "not_delegated"),
        (OWNER, ("https://www.googleapis.com/auth/meetings.space.typo",), "bad_scope"),
    ],
)
def test_delegation_that_google_refuses(google, key_of_service, subject, scopes, reason):
    with pytest.raises(errors.ConnectionBroken) as problem:
        by_delegation(google, key_of_service, subject, scopes).running_conferences()
    assert problem.value.reason == reason or (
        reason == "not_delegated" and problem.value.reason == "bad_scope"
    )


def by_scope(google, key, subject=OWNER) -> MeetClient:
    scoped = {
        scope: credentials.delegated(key, subject=subject, scopes=(scope,), token_url=f"{google.url}/token")
        for scope in credentials.MEET_SCOPES
    }
    whole = credentials.delegated(
        key, subject=subject, scopes=credentials.MEET_SCOPES, token_url=f"{google.url}/token"
    )
    return MeetClient(whole, scoped=scoped, base_url=google.url, timeout=5)


@pytest.mark.parametrize(
    ("missing", "fails"),
    [
        (credentials.READONLY, {"get", "list"}),
        (credentials.SETTINGS, {"patch"}),
        (credentials.CREATED, {"create", "end"}),
    ],
)
def test_one_missing_permission_breaks_nothing_else(google, key_of_service, missing, fails):
    name, _record = start(google, {"guest": "Somebody"})
    google.control(
        "POST", "delegation", {"scopes": [one for one in credentials.MEET_SCOPES if one != missing]}
    )
    me = by_scope(google, key_of_service)
    calls = {
        "get": lambda: me.get_space(name),
        "list": me.running_conferences,
        "patch": lambda: me.patch_space(name, {"accessType": "TRUSTED"}),
        "create": lambda: me.create_space({}),
        "end": lambda: me.end_active_conference(name),
    }
    for what, call in calls.items():
        if what not in fails:
            call()
            continue
        with pytest.raises(errors.ScopeMissing) as problem:
            call()
        assert credentials.short(missing) in problem.value.sentence
        assert problem.value.cure in problem.value.sentence


def test_no_permission_at_all_is_a_missing_delegation(google, key_of_service):
    google.control("POST", "delegation", {"scopes": []})
    me = by_scope(google, key_of_service)
    for call in (me.running_conferences, lambda: me.create_space({})):
        with pytest.raises(errors.ConnectionBroken) as problem:
            call()
        assert problem.value.reason == "not_delegated"


def test_delegation_taken_back(google, key_of_service):
    google.control("POST", "delegation", {"scopes": [credentials.READONLY]})
    with pytest.raises(errors.ConnectionBroken) as problem:
        by_delegation(google, key_of_service, "rooms-ham@example.com").create_space({})
    assert problem.value.reason == "not_delegated"
    assert sent(google, "spaces.create") == 0


def test_a_key_that_is_not_the_service_accounts(google, key_of_service):
    with SimulatorProcess(rooms=5, seed=99) as other:
        strange = other.control("GET", "service-account")
    with pytest.raises(errors.ConnectionBroken) as problem:
        by_delegation(
            google, {**strange, "client_email": key_of_service["client_email"]}
        ).running_conferences()
    assert problem.value.reason == "bad_key"


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 503}, {"status": 429}, {"kind": "garbage"}, {"kind": "truncated"}]
)
def test_a_token_endpoint_on_a_bad_day_stops_a_write_before_it_is_sent(google, key_of_service, fault):
    acting = credentials.delegated(
        key_of_service, subject=OWNER, scopes=credentials.MEET_SCOPES, token_url=f"{google.url}/token"
    )
    acting.token = None
    google.control("POST", "faults", {"method": "token", "times": 1, **fault})
    with pytest.raises(errors.TryLater) as problem:
        MeetClient(acting, base_url=google.url, timeout=5).create_space({})
    assert not isinstance(problem.value, errors.OutcomeUnknown)
    assert sent(google, "spaces.create") == 0
