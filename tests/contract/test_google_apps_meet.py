"""The simulator under Google's own library google-apps-meet (REST transport), which nobody here wrote."""

from collections.abc import Callable

import pytest
from google.api_core import exceptions
from google.apps import meet_v2
from google.apps.meet_v2.services.conference_records_service import pagers
from google.auth.credentials import Credentials as BaseCredentials
from google.oauth2.credentials import Credentials
from google.protobuf import field_mask_pb2

from tests.support.simulator import CREATED, READONLY, SETTINGS, SimulatorProcess

OWNER = "rooms-ber@example.com"
Spaces = meet_v2.SpacesServiceClient
Records = meet_v2.ConferenceRecordsServiceClient
Config = meet_v2.SpaceConfig


def spaces_of(google: SimulatorProcess, email: str | None, *scopes: str) -> Spaces:
    """The library's spaces client for somebody."""
    return Spaces(
        transport="rest",
        credentials=Credentials(google.token(email, *scopes)),
        client_options={"api_endpoint": google.url},
    )


def records_of(google: SimulatorProcess, email: str | None, *scopes: str) -> Records:
    """The library's records client for somebody."""
    return Records(
        transport="rest",
        credentials=Credentials(google.token(email, *scopes)),
        client_options={"api_endpoint": google.url},
    )


def mask(*paths: str) -> field_mask_pb2.FieldMask:
    """An update mask."""
    return field_mask_pb2.FieldMask(paths=paths)


@pytest.fixture
def own(google: SimulatorProcess) -> meet_v2.Space:
    """A space that our app has just made, in the name of the Berlin mailbox."""
    return spaces_of(google, OWNER).create_space(space=meet_v2.Space())


@pytest.fixture
def foreign(google: SimulatorProcess) -> str:
    """The name of a space that the Berlin mailbox owns and another app made."""
    made = google.control("POST", "spaces", {"owner": OWNER, "project": "another-app"})
    return str(made["name"])


def test_create_keeps_settings_sent_as_numbers(google):
    asked = meet_v2.Space(
        config=Config(
            access_type=Config.AccessType.RESTRICTED,
            moderation=Config.Moderation.ON,
            moderation_restrictions=Config.ModerationRestrictions(
                present_restriction=Config.ModerationRestrictions.RestrictionType.HOSTS_ONLY
            ),
        )
    )
    made = spaces_of(google, OWNER).create_space(space=asked)
    assert made.name.startswith("spaces/")
    assert made.meeting_uri == f"https://meet.google.com/{made.meeting_code}"
    assert made.config.access_type == Config.AccessType.RESTRICTED
    assert made.config.moderation == Config.Moderation.ON
    restrictions = made.config.moderation_restrictions
    assert restrictions.present_restriction == Config.ModerationRestrictions.RestrictionType.HOSTS_ONLY
    assert restrictions.chat_restriction == Config.ModerationRestrictions.RestrictionType.NO_RESTRICTION
    assert made.config.entry_point_access == Config.EntryPointAccess.ALL


def test_create_needs_the_created_scope(google):
    with pytest.raises(exceptions.Forbidden) as refusal:
        spaces_of(google, OWNER, READONLY, SETTINGS).create_space(space=meet_v2.Space())
    assert refusal.value.reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    assert refusal.value.metadata["method"].endswith("SpacesService.CreateSpace")


def test_create_as_nobody(google):
    with pytest.raises(exceptions.Forbidden, match="Permission denied on resource Space"):
        spaces_of(google, None).create_space(space=meet_v2.Space())


def test_get_by_id_and_by_code_in_capitals(google, own):
    client = spaces_of(google, OWNER)
    assert client.get_space(name=own.name).name == own.name
    assert client.get_space(name=f"spaces/{own.meeting_code.upper()}").name == own.name


def test_id_is_case_sensitive(google, own):
    swapped = "spaces/" + own.name.removeprefix("spaces/").swapcase()
    with pytest.raises(exceptions.Forbidden, match="or it might not exist"):
        spaces_of(google, OWNER).get_space(name=swapped)


def test_get_shows_by_role(google, own):
    google.start_conference(own.name, {"email": "participant@example.com"})
    owner = spaces_of(google, OWNER).get_space(name=own.name)
    participant = spaces_of(google, "participant@example.com").get_space(name=own.name)
    other = spaces_of(google, "helpdesk@example.com").get_space(name=own.name)
    assert owner.active_conference.conference_record.startswith("conferenceRecords/")
    assert "config" in owner
    assert owner.phone_access[0].pin.isdecimal()
    assert participant.active_conference == owner.active_conference
    assert "config" not in participant
    assert not participant.phone_access
    assert "active_conference" not in other
    assert "config" not in other
    assert other.meeting_code == own.meeting_code


def test_get_of_a_foreign_space_depends_on_the_scope(google, foreign):
    assert "config" in spaces_of(google, OWNER, READONLY).get_space(name=foreign)
    assert "config" in spaces_of(google, OWNER, SETTINGS).get_space(name=foreign)
    with pytest.raises(exceptions.Forbidden, match="resource MeetingSpace"):
        spaces_of(google, OWNER, CREATED).get_space(name=foreign)


def test_unknown_and_forbidden_read_the_same(google, foreign):
    client = spaces_of(google, OWNER, CREATED)
    messages = []
    for name in (foreign, "spaces/doesNotExist"):
        with pytest.raises(exceptions.Forbidden) as refusal:
            client.get_space(name=name)
        messages.append(refusal.value.message.replace(name, ""))
    assert messages[0] == messages[1]


def test_patch_changes_what_the_mask_names_and_nothing_else(google, own):
    asked = meet_v2.Space(
        name=own.name,
        config=Config(
            access_type=Config.AccessType.OPEN,
            moderation=Config.Moderation.ON,
            artifact_config=Config.ArtifactConfig(
                recording_config=Config.ArtifactConfig.RecordingConfig(
                    auto_recording_generation=Config.ArtifactConfig.AutoGenerationType.ON
                )
            ),
        ),
    )
    paths = mask("config.access_type", "config.artifact_config.recording_config.auto_recording_generation")
    changed = spaces_of(google, OWNER, SETTINGS).update_space(space=asked, update_mask=paths)
    assert changed.config.access_type == Config.AccessType.OPEN
    recording = changed.config.artifact_config.recording_config.auto_recording_generation
    assert recording == Config.ArtifactConfig.AutoGenerationType.ON
    assert changed.config.moderation == own.config.moderation
    assert spaces_of(google, OWNER).get_space(name=own.name) == changed


def test_patch_without_a_mask_takes_what_the_body_holds(google, own):
    asked = meet_v2.Space(name=own.name, config=Config(access_type=Config.AccessType.OPEN))
    changed = spaces_of(google, OWNER).update_space(space=asked)
    assert changed.config.access_type == Config.AccessType.OPEN
    assert changed.config.entry_point_access == own.config.entry_point_access


def test_moderation_off_resets_the_restrictions(google):
    kind = Config.ModerationRestrictions.RestrictionType
    client = spaces_of(google, OWNER)
    strict = Config(
        moderation=Config.Moderation.ON,
        moderation_restrictions=Config.ModerationRestrictions(chat_restriction=kind.HOSTS_ONLY),
    )
    made = client.create_space(space=meet_v2.Space(config=strict))
    assert made.config.moderation_restrictions.chat_restriction == kind.HOSTS_ONLY
    asked = meet_v2.Space(name=made.name, config=Config(moderation=Config.Moderation.OFF))
    changed = client.update_space(space=asked, update_mask=mask("config.moderation"))
    assert changed.config.moderation_restrictions.chat_restriction == kind.NO_RESTRICTION


@pytest.mark.parametrize("path", ["config.acess_type", "meeting_code", "access_type", "config.moderation.on"])
def test_patch_with_a_wrong_path(google, own, path):
    asked = meet_v2.Space(name=own.name, config=Config(access_type=Config.AccessType.OPEN))
    with pytest.raises(exceptions.BadRequest):
        spaces_of(google, OWNER).update_space(space=asked, update_mask=mask(path))
    assert spaces_of(google, OWNER).get_space(name=own.name).config == own.config


def test_patch_is_for_the_owner_by_id(google, own):
    asked = meet_v2.Space(name=own.name, config=Config(access_type=Config.AccessType.OPEN))
    by_code = meet_v2.Space(name=f"spaces/{own.meeting_code}", config=asked.config)
    for email, space in (("it-admin@example.com", asked), (OWNER, by_code)):
        with pytest.raises(exceptions.Forbidden, match="resource Space"):
            spaces_of(google, email).update_space(space=space, update_mask=mask("config.access_type"))


def test_patch_of_a_foreign_space_needs_settings(google, foreign):
    asked = meet_v2.Space(name=foreign, config=Config(access_type=Config.AccessType.OPEN))
    paths = mask("config.access_type")
    with pytest.raises(exceptions.Forbidden):
        spaces_of(google, OWNER, CREATED).update_space(space=asked, update_mask=paths)
    changed = spaces_of(google, OWNER, SETTINGS).update_space(space=asked, update_mask=paths)
    assert changed.config.access_type == Config.AccessType.OPEN


def test_end_and_end_again(google, own):
    google.start_conference(own.name, {"device": "Berlin 1.01"})
    client = spaces_of(google, OWNER, CREATED)
    client.end_active_conference(name=own.name)
    assert "active_conference" not in client.get_space(name=own.name)
    with pytest.raises(exceptions.BadRequest, match="There is no active conference for the given space"):
        client.end_active_conference(name=own.name)


def test_end_refuses_everybody_else(google, own, foreign):
    google.start_conference(own.name, {"email": "participant@example.com"})
    google.start_conference(foreign, {"email": "participant@example.com"})
    attempts = [
        (("participant@example.com",), own.name),
        (("stranger@elsewhere.example",), own.name),
        ((OWNER,), f"spaces/{own.meeting_code}"),
        ((OWNER,), foreign),
        ((OWNER, READONLY, SETTINGS), own.name),
    ]
    for caller, name in attempts:
        with pytest.raises(exceptions.Forbidden):
            spaces_of(google, *caller).end_active_conference(name=name)
    running = [each["space"] for each in google.world()["conferences"] if each["endTime"] is None]
    assert own.name in running
    assert foreign in running


def test_members(google, own):
    client = spaces_of(google, OWNER)
    cohost = meet_v2.Member(email="engineer-01@example.com", role=meet_v2.Member.Role.COHOST)
    made = client.create_member(parent=own.name, member=cohost)
    assert made.role == meet_v2.Member.Role.COHOST
    with pytest.raises(exceptions.Conflict):
        client.create_member(parent=own.name, member=cohost)
    client.create_member(parent=own.name, member=meet_v2.Member(email="teacher-01@example.com"))
    request = meet_v2.ListMembersRequest(parent=own.name, page_size=1)
    assert {each.email for each in client.list_members(request=request)} == {
        "engineer-01@example.com",
        "teacher-01@example.com",
    }
    plain = meet_v2.Member(name=made.name)
    assert client.update_member(member=plain, update_mask=mask("role")).role == 0
    child = meet_v2.UpdateMemberRequest(
        member=meet_v2.Member(name=made.name, role=meet_v2.Member.Role.COHOST)
    )
    batch = meet_v2.BatchUpdateMembersRequest(parent=own.name, requests=[child], update_mask=mask("role"))
    assert client.batch_update_members(request=batch).members[0].role == meet_v2.Member.Role.COHOST
    client.delete_member(name=made.name)
    with pytest.raises(exceptions.NotFound):
        client.get_member(name=made.name)


def test_a_member_sees_that_a_call_is_on(google, own):
    member = meet_v2.Member(email="teacher-01@example.com")
    spaces_of(google, OWNER).create_member(parent=own.name, member=member)
    google.start_conference(own.name, {"device": "Berlin 1.01"})
    assert "active_conference" in spaces_of(google, "teacher-01@example.com").get_space(name=own.name)


def test_members_are_the_owners_business(google, own, foreign):
    member = meet_v2.Member(email="teacher-01@example.com")
    for caller, name in (
        (("it-admin@example.com",), own.name),
        ((OWNER,), foreign),
        ((OWNER, READONLY, SETTINGS), own.name),
    ):
        with pytest.raises(exceptions.Forbidden):
            spaces_of(google, *caller).create_member(parent=name, member=member)
    assert list(spaces_of(google, OWNER, READONLY).list_members(parent=foreign)) == []
    with pytest.raises(exceptions.Forbidden):
        spaces_of(google, OWNER, SETTINGS).list_members(parent=own.name)


def test_records_are_those_of_own_spaces_newest_first(google, own, foreign):
    ours = google.start_conference(own.name, {"device": "Berlin 1.01"}, ago=60)
    theirs = google.start_conference(foreign, {"device": "Berlin 1.02"}, ago=30)
    found = list(records_of(google, OWNER).list_conference_records())
    assert [each.name for each in found[:2]] == [theirs["name"], ours["name"]]
    starts = [each.start_time for each in found]
    assert starts == sorted(starts, reverse=True)
    assert "end_time" not in found[0]
    with_created = [each.name for each in records_of(google, OWNER, CREATED).list_conference_records()]
    assert ours["name"] in with_created
    assert theirs["name"] not in with_created
    for email in ("it-admin@example.com", None):
        assert list(records_of(google, email).list_conference_records()) == []
    with pytest.raises(exceptions.Forbidden):
        records_of(google, OWNER, SETTINGS).list_conference_records()


def _filters(space: meet_v2.Space, record: dict[str, str]) -> dict[str, bool]:
    return {
        "end_time IS NULL": True,
        f'space.name = "{space.name}"': True,
        f'space.meeting_code = "{space.meeting_code}"': True,
        f'space.name = "{space.name}" AND end_time IS NULL': True,
        f'start_time>="{record["startTime"]}" AND start_time<="{record["startTime"]}"': True,
        f'start_time < "{record["startTime"]}"': False,
        'space.name = "spaces/another"': False,
        f'space.name = "{space.name.upper()}"': False,
        'end_time < "2030-01-01T00:00:00Z"': False,
    }


def test_record_filters(google, own):
    record = google.start_conference(own.name, {"device": "Berlin 1.01"}, ago=90)
    client = records_of(google, OWNER)
    for text, expected in _filters(own, record).items():
        request = meet_v2.ListConferenceRecordsRequest(filter=text, page_size=100)
        names = [each.name for each in client.list_conference_records(request=request)]
        assert (record["name"] in names) is expected, text


@pytest.mark.parametrize(
    "text",
    [
        "end_time",
        "end_time IS NOT NULL",
        'space.name = "a" OR end_time IS NULL',
        'owner = "a"',
        "space.name = spaces/a",
        'start_time > "yesterday"',
        'space.name > "spaces/a"',
        'space.name = "a" AND',
        'space.name = "a\\"b"',
        "(end_time IS NULL)",
    ],
)
def test_a_filter_that_is_not_documented(google, text):
    request = meet_v2.ListConferenceRecordsRequest(filter=text)
    with pytest.raises(exceptions.BadRequest):
        records_of(google, OWNER).list_conference_records(request=request)


def _pages(pager: pagers.ListConferenceRecordsPager) -> list[list[str]]:
    return [[each.name for each in page.conference_records] for page in pager.pages]


def test_records_come_in_pages(google, own):
    made = []
    for _ in range(5):
        call = google.start_conference(own.name, {"device": "Berlin 1.01"})
        google.control("POST", f"conferences/{call['id']}/end")
        google.advance(10)
        made.append(call["name"])
    request = meet_v2.ListConferenceRecordsRequest(filter=f'space.name = "{own.name}"', page_size=2)
    pages = _pages(records_of(google, OWNER).list_conference_records(request=request))
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [name for page in pages for name in page] == list(reversed(made))


def test_a_page_token_belongs_to_its_list(google, own):
    for _ in range(2):
        call = google.start_conference(own.name, {"device": "Berlin 1.01"})
        google.control("POST", f"conferences/{call['id']}/end")
    client = records_of(google, OWNER)
    request = meet_v2.ListConferenceRecordsRequest(filter=f'space.name = "{own.name}"', page_size=1)
    token = next(client.list_conference_records(request=request).pages).next_page_token
    assert token
    for stolen in (token, "nonsense", "////"):
        other = meet_v2.ListConferenceRecordsRequest(filter="end_time IS NULL", page_token=stolen)
        with pytest.raises(exceptions.BadRequest):
            client.list_conference_records(request=other)


def test_a_negative_page_size(google):
    with pytest.raises(exceptions.BadRequest):
        records_of(google, OWNER).list_conference_records(
            request=meet_v2.ListConferenceRecordsRequest(page_size=-1)
        )


def test_record_for_owner_and_those_who_were_there(google, own):
    call = google.start_conference(own.name, {"email": "participant@example.com"})
    google.control("POST", f"conferences/{call['id']}/end")
    for email in (OWNER, "participant@example.com"):
        record = records_of(google, email).get_conference_record(name=call["name"])
        assert record.space == own.name
        assert (record.expire_time - record.end_time).days == 30
    for email, name in (("helpdesk@example.com", call["name"]), (OWNER, "conferenceRecords/none")):
        with pytest.raises(exceptions.Forbidden, match="ConferenceRecord"):
            records_of(google, email).get_conference_record(name=name)


def test_participants(google, own):
    call = google.start_conference(
        own.name, {"device": "Berlin 1.01"}, {"email": "participant@example.com"}, {"phone": "+49 30 1"},
        {"guest": "Visitor"}, ago=100,
    )  # fmt: skip
    google.control("POST", f"conferences/{call['id']}/leave", {"guest": "Visitor"})
    client = records_of(google, OWNER)
    everybody = list(client.list_participants(parent=call["name"]))
    kinds = sorted(meet_v2.Participant.pb(each).WhichOneof("user") for each in everybody)
    assert kinds == ["anonymous_user", "phone_user", "signedin_user", "signedin_user"]
    names = {each.signedin_user.display_name for each in everybody if "signedin_user" in each}
    assert names == {"Berlin 1.01 device", "Participant"}
    request = meet_v2.ListParticipantsRequest(
        parent=call["name"], filter="latest_end_time IS NULL", page_size=2
    )
    present = list(client.list_participants(request=request))
    assert len(present) == 3
    assert not any("anonymous_user" in each for each in present)
    first = client.get_participant(name=present[0].name)
    assert first == present[0]
    sessions = list(client.list_participant_sessions(parent=first.name))
    assert len(sessions) == 1
    assert client.get_participant_session(name=sessions[0].name) == sessions[0]
    with pytest.raises(exceptions.Forbidden):
        records_of(google, "helpdesk@example.com").list_participants(parent=call["name"])


def test_total_size_comes_only_when_asked_for(google, own):
    call = google.start_conference(own.name, {"device": "Berlin 1.01"}, {"guest": "A"}, {"guest": "B"})
    client = records_of(google, OWNER)
    request = meet_v2.ListParticipantsRequest(
        parent=call["name"], filter="latest_end_time IS NULL", page_size=1
    )
    assert client.list_participants(request=request).total_size == 0
    asked = client.list_participants(request=request, metadata=[("x-goog-fieldmask", "totalSize")])
    assert asked.total_size == 3
    assert not asked.participants


def test_somebody_who_comes_back_is_one_participant_with_two_sessions(google, own):
    call = google.start_conference(own.name, {"email": "participant@example.com"}, {"guest": "A"})
    for verb in ("leave", "join"):
        google.control("POST", f"conferences/{call['id']}/{verb}", {"email": "participant@example.com"})
    client = records_of(google, OWNER)
    known = [each for each in client.list_participants(parent=call["name"]) if "signedin_user" in each]
    assert len(known) == 1
    assert "latest_end_time" not in known[0]
    assert len(list(client.list_participant_sessions(parent=known[0].name))) == 2
    running = meet_v2.ListParticipantSessionsRequest(parent=known[0].name, filter="end_time IS NULL")
    assert len(list(client.list_participant_sessions(request=running))) == 1


def test_nobody_records_or_transcribes(google, own):
    call = google.start_conference(own.name, {"guest": "A"})
    client = records_of(google, OWNER)
    listers: list[Callable[..., object]] = [
        client.list_recordings,
        client.list_transcripts,
        client.list_smart_notes,
    ]
    for lister in listers:
        assert list(lister(parent=call["name"])) == []  # type: ignore[call-overload]
    with pytest.raises(exceptions.NotFound):
        client.get_recording(name=f"{call['name']}/recordings/one")


def test_selected_fields(google, own):
    chosen = spaces_of(google, OWNER).get_space(
        name=own.name, metadata=[("x-goog-fieldmask", "name,config.access_type")]
    )
    assert chosen.name == own.name
    assert chosen.config.access_type == own.config.access_type
    assert not chosen.meeting_code
    assert not chosen.config.entry_point_access


class Unrefreshable(BaseCredentials):
    """A token as it is: what comes back from asking for a new one is the same."""

    def __init__(self, token: str | None) -> None:
        super().__init__()
        self.token = token

    def apply(self, headers, token=None):
        if self.token is not None:
            super().apply(headers, token)

    def refresh(self, request):
        """Nothing to do."""


def test_no_token_a_wrong_one_and_an_old_one(google, own):
    old = google.token(OWNER)
    google.advance(3600)
    for token, reason in (
        (old, "ACCESS_TOKEN_EXPIRED"),
        ("wrong", "ACCESS_TOKEN_EXPIRED"),
        (None, "CREDENTIALS_MISSING"),
    ):
        client = Spaces(
            transport="rest",
            credentials=Unrefreshable(token),
            client_options={"api_endpoint": google.url},
        )
        with pytest.raises(exceptions.Unauthorized) as refusal:
            client.get_space(name=own.name)
        assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (429, exceptions.TooManyRequests),
        (500, exceptions.InternalServerError),
        (504, exceptions.GatewayTimeout),
    ],
)
def test_ordered_faults_arrive_as_the_librarys_exceptions(google, own, status, expected):
    google.control("POST", "faults", {"method": "spaces.get", "status": status})
    client = spaces_of(google, OWNER)
    with pytest.raises(expected):
        client.get_space(name=own.name, retry=None)
    assert client.get_space(name=own.name).name == own.name


def test_values_that_the_library_does_not_know_arrive_as_numbers(google, own):
    google.control("POST", f"{own.name}/config", {"accessType": "ORGANIZATION_AND_GUESTS", "moderation": 7})
    config = spaces_of(google, OWNER).get_space(name=own.name).config
    with pytest.warns(UserWarning, match="Unrecognized"):
        assert (int(config.access_type), int(config.moderation)) == (4, 7)


def test_recordings_are_listed_while_the_call_runs(google, own):
    call = google.control("POST", "conferences", {"space": own.name, "recording": True})
    found = list(records_of(google, OWNER).list_recordings(parent=call["name"]))
    assert [each.state for each in found] == [meet_v2.Recording.State.STARTED]


def test_bots_and_unknown_kinds_of_participants(google, own):
    call = google.start_conference(own.name, {"bot": "Otter.ai"}, {"unknown": "deviceUser"})
    found = {each.name: each for each in records_of(google, OWNER).list_participants(parent=call["name"])}
    bot, unknown = (found[each["name"]] for each in call["participants"])
    assert bot.anonymous_user.display_name == "Otter.ai"
    assert not any((unknown.anonymous_user, unknown.signedin_user, unknown.phone_user))


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("consumer-suspended", exceptions.Forbidden),
        ("precondition-failed", exceptions.BadRequest),
        ("daily-limit", exceptions.Forbidden),
        ("html-403-filter", exceptions.Forbidden),
        ("html-404", exceptions.NotFound),
        ("html-502", exceptions.BadGateway),
        ("aborted", exceptions.Conflict),
    ],
)
def test_presets_arrive_as_the_librarys_exceptions(google, own, preset, expected):
    google.control("POST", "faults", {"method": "spaces.get", "preset": preset, "times": 0})
    with pytest.raises(expected):
        spaces_of(google, OWNER).get_space(name=own.name, retry=None)
