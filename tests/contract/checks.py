"""What must be true of Meet, as a list of plain functions: of the simulator in every run, of the real Google when asked.

A check gets a Stage: a space that belongs to the caller and was made by our app, a caller, perhaps a second person, and
nothing else. It may change the space as it likes; the stage puts it away in the end (restricted, no members), since
spaces cannot be deleted. Nothing here starts a call: that takes a person with a browser.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.contract.callers import JSON, Caller, Refused
from tests.support.discovery import faults_of

COHOST = "meetadmin-check@example.com"
SPACE_REFUSED = "Permission denied on resource Space (or it might not exist)"


@dataclass
class Stage:
    """Who asks, and about what. ``other`` is another user of the same domain, if there is one."""

    caller: Caller
    other: Caller | None = None
    cohost: str = COHOST
    made: list[str] = field(default_factory=list)

    def space(self) -> JSON:
        """The space of this stage; made once, since Google lets a user make ten a minute."""
        if not self.made:
            return self.new({})
        return self.caller.get(self.made[0])

    def new(self, config: JSON) -> JSON:
        """Another space, which will be put away too."""
        made = self.caller.create(config)
        self.made.append(made["name"])
        return made

    def put_away(self) -> None:
        """Nobody comes in any more, and nobody is a member."""
        for name in self.made:
            for member in self.caller.members(name):
                self.caller.remove_member(member["name"])
            self.caller.patch(name, {"accessType": "RESTRICTED"}, "config.accessType")


def refusal(ask: Callable[..., Any], *arguments: Any) -> Refused:
    """What Google says to a request that it must refuse."""
    with pytest.raises(Refused) as caught:
        ask(*arguments)
    return caught.value


def a_new_space_has_identity_address_and_settings(stage: Stage) -> None:
    """spaces.create answers with the whole space, and its owner sees the settings."""
    made = stage.new({"accessType": "RESTRICTED", "entryPointAccess": "ALL"})
    assert re.fullmatch(r"spaces/[A-Za-z0-9_-]{1,128}", made["name"])
    assert re.fullmatch(r"[a-z]+-[a-z]+-[a-z]+", made["meetingCode"])
    assert made["meetingUri"] == f"https://meet.google.com/{made['meetingCode']}"
    assert made["config"]["accessType"] == "RESTRICTED"
    assert "activeConference" not in made
    assert faults_of(made, {"$ref": "Space"}) == []


def a_space_is_found_by_name_and_by_code(stage: Stage) -> None:
    """spaces.get takes both, and the code in any case."""
    space = stage.space()
    assert stage.caller.get(space["name"])["meetingCode"] == space["meetingCode"]
    for code in (space["meetingCode"], space["meetingCode"].upper()):
        assert stage.caller.get(f"spaces/{code}")["name"] == space["name"]


def names_are_case_sensitive(stage: Stage) -> None:
    """An id in other case is another id, or none."""
    name = stage.space()["name"]
    wrong = "spaces/" + name.removeprefix("spaces/").swapcase()
    assert refusal(stage.caller.get, wrong).code in (403, 404)


def an_unknown_space_is_refused_like_a_forbidden_one(stage: Stage) -> None:
    """Google does not tell unknown from forbidden."""
    assert refusal(stage.caller.get, "spaces/AAAAAAAAAAAA").code in (403, 404)


def only_the_selected_fields_come(stage: Stage) -> None:
    """Partial responses (fields, x-goog-fieldmask)."""
    space = stage.space()
    chosen = stage.caller.get(space["name"], fields="name,meetingCode")
    assert chosen == {"name": space["name"], "meetingCode": space["meetingCode"]}


def a_mask_changes_what_it_names(stage: Stage) -> None:
    """spaces.patch with leaf paths; the reply is the whole space and the truth."""
    name = stage.space()["name"]
    before = stage.caller.patch(
        name, {"accessType": "TRUSTED", "moderation": "OFF"}, "config.accessType,config.moderation"
    )
    changed = stage.caller.patch(
        name, {"accessType": "RESTRICTED", "entryPointAccess": "CREATOR_APP_ONLY"}, "config.accessType"
    )
    assert changed["config"]["accessType"] == "RESTRICTED"
    assert changed["config"]["entryPointAccess"] == before["config"]["entryPointAccess"]
    assert stage.caller.get(name)["config"] == changed["config"]


def restrictions_go_with_moderation(stage: Stage) -> None:
    """Moderation OFF brings the restrictions back to their defaults."""
    name = stage.space()["name"]
    restricted = {"moderation": "ON", "moderationRestrictions": {"chatRestriction": "HOSTS_ONLY"}}
    mask = "config.moderation,config.moderationRestrictions.chatRestriction"
    changed = stage.caller.patch(name, restricted, mask)
    assert changed["config"]["moderationRestrictions"]["chatRestriction"] == "HOSTS_ONLY"
    changed = stage.caller.patch(name, {"moderation": "OFF"}, "config.moderation")
    restrictions = changed["config"].get("moderationRestrictions", {})
    assert restrictions.get("chatRestriction", "NO_RESTRICTION") == "NO_RESTRICTION"


def a_wrong_path_in_a_mask_is_refused(stage: Stage) -> None:
    """INVALID_ARGUMENT."""
    name = stage.space()["name"]
    assert refusal(stage.caller.patch, name, {"accessType": "OPEN"}, "config.access").code == 400


def changes_want_the_name_and_not_the_code(stage: Stage) -> None:
    """patch, end and members answer 403 to a meeting code."""
    code = f"spaces/{stage.space()['meetingCode']}"
    refused = refusal(stage.caller.patch, code, {"accessType": "RESTRICTED"}, "config.accessType")
    assert (refused.code, SPACE_REFUSED in refused.message) == (403, True)
    assert refusal(stage.caller.end, code).code == 403
    assert refusal(stage.caller.members, code).code == 403


def ending_an_idle_space_is_a_failed_precondition(stage: Stage) -> None:
    """Not a no-op."""
    refused = refusal(stage.caller.end, stage.space()["name"])
    assert (refused.code, "no active conference" in refused.message) == (400, True)


def members_come_change_and_go(stage: Stage) -> None:
    """create, get, list, patch, batchUpdate, delete."""
    name = stage.space()["name"]
    for each in stage.caller.members(name):
        stage.caller.remove_member(each["name"])
    assert stage.caller.members(name) == []
    made = stage.caller.add_member(name, {"email": stage.cohost, "role": "COHOST"})
    assert made["name"].startswith(f"{name}/members/")
    assert (made["email"], made["role"]) == (stage.cohost, "COHOST")
    assert faults_of(made, {"$ref": "Member"}) == []
    assert stage.caller.member(made["name"])["email"] == stage.cohost
    assert [each["name"] for each in stage.caller.members(name)] == [made["name"]]
    plain = stage.caller.patch_member(made["name"], {}, "role")
    assert "role" not in plain
    batch = stage.caller.batch_members(name, [{"name": made["name"], "role": "COHOST"}], "role")
    assert [each["role"] for each in batch] == ["COHOST"]
    stage.caller.remove_member(made["name"])
    assert stage.caller.members(name) == []
    assert refusal(stage.caller.member, made["name"]).code in (403, 404)


def a_space_without_calls_has_no_records(stage: Stage) -> None:
    """The filter by name, and an empty list."""
    name = stage.new({})["name"]
    assert stage.caller.records(f'space.name = "{name}"') == {}
    assert stage.caller.records(f'space.name = "{name}" AND end_time IS NULL') == {}


def records_come_newest_first_in_pages(stage: Stage) -> None:
    """At most as many as asked for, each as described."""
    page = stage.caller.records("", page_size=2)
    found = page.get("conferenceRecords", [])
    assert len(found) <= 2
    assert faults_of(page, {"$ref": "ListConferenceRecordsResponse"}) == []
    token = page.get("nextPageToken", "")
    if token:
        found += stage.caller.records("", page_size=2, page_token=token)["conferenceRecords"]
    starts = [each["startTime"] for each in found]
    assert starts == sorted(starts, reverse=True)
    assert len({each["name"] for each in found}) == len(found)


def a_record_and_what_belongs_to_it_can_be_read(stage: Stage) -> None:
    """get, participants and artifacts of the caller's latest call, if there was one within 30 days."""
    for record in stage.caller.records("", page_size=1).get("conferenceRecords", []):
        assert stage.caller.record(record["name"])["space"] == record["space"]
        schemas = {
            "participants": "Participant",
            "recordings": "Recording",
            "transcripts": "Transcript",
            "smartNotes": "SmartNote",
        }
        for collection, schema in schemas.items():
            for child in stage.caller.children(record["name"], collection):
                assert child["name"].startswith(f"{record['name']}/{collection}/")
                assert faults_of(child, {"$ref": schema}) == []


def a_filter_outside_the_grammar_is_refused(stage: Stage) -> None:
    """INVALID_ARGUMENT."""
    assert refusal(stage.caller.records, 'owner = "me"').code == 400


def an_unknown_record_is_refused(stage: Stage) -> None:
    """403 or 404; which is not documented."""
    assert refusal(stage.caller.record, "conferenceRecords/unknown").code in (403, 404)


def others_see_the_address_and_nothing_else(stage: Stage) -> None:
    """A colleague gets name, code and address; settings and changes are the owner's."""
    if stage.other is None:
        pytest.skip("There is no second person.")
    name = stage.space()["name"]
    seen = stage.other.get(name)
    assert set(seen) >= {"name", "meetingUri", "meetingCode"}
    assert "config" not in seen
    assert "activeConference" not in seen
    assert refusal(stage.other.patch, name, {"accessType": "OPEN"}, "config.accessType").code == 403
    assert refusal(stage.other.end, name).code == 403


CHECKS: list[Callable[[Stage], None]] = [
    a_new_space_has_identity_address_and_settings,
    a_space_is_found_by_name_and_by_code,
    names_are_case_sensitive,
    an_unknown_space_is_refused_like_a_forbidden_one,
    only_the_selected_fields_come,
    a_mask_changes_what_it_names,
    restrictions_go_with_moderation,
    a_wrong_path_in_a_mask_is_refused,
    changes_want_the_name_and_not_the_code,
    ending_an_idle_space_is_a_failed_precondition,
    members_come_change_and_go,
    a_space_without_calls_has_no_records,
    records_come_newest_first_in_pages,
    a_record_and_what_belongs_to_it_can_be_read,
    a_filter_outside_the_grammar_is_refused,
    an_unknown_record_is_refused,
    others_see_the_address_and_nothing_else,
]
