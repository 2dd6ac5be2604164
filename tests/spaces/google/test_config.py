"""The catalogue of settings, against Google's own message and in its own logic."""

import pytest
from google.apps import meet_v2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from spaces.google import config

MODERATED = {
    "moderation": "ON",
    "moderationRestrictions.chatRestriction": "HOSTS_ONLY",
    "moderationRestrictions.presentRestriction": "NO_RESTRICTION",
}


def fields_of(message: Descriptor, prefix: str = "") -> dict[str, set[str]]:
    """Every leaf of a message with the names of its values, the zero value left out."""
    found: dict[str, set[str]] = {}
    for field in message.fields:
        path = prefix + field.json_name
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            found |= fields_of(field.message_type, path + ".")
        else:
            found[path] = {value.name for value in field.enum_type.values if value.number}
    return found


def test_the_catalogue_is_exactly_what_google_has():
    google = fields_of(meet_v2.SpaceConfig.pb(meet_v2.SpaceConfig()).DESCRIPTOR)
    ours = {setting.path: {choice.value for choice in setting.choices} for setting in config.CATALOGUE}
    assert ours == google


def test_every_setting_speaks_plainly():
    for setting in config.CATALOGUE:
        assert setting.label
        assert setting.help
        assert setting.group in config.GROUPS
        labels = [choice.label for choice in setting.choices]
        assert len(set(labels)) == len(labels)
        assert not any("_" in label or label.isupper() for label in [setting.label, *labels])


def test_locking_everybody_out_carries_a_hard_warning():
    choice = config.BY_PATH["entryPointAccess"].choice("CREATOR_APP_ONLY")
    assert "hardware" in choice.consequence
    assert "Nobody can join" in choice.consequence


def test_a_value_google_invents_later_is_shown_as_it_is():
    assert config.BY_PATH["accessType"].choice("FRIENDS").label == "FRIENDS"


def test_the_four_host_controls_hang_on_moderation():
    assert sorted(config.RESET_BY_MODERATION_OFF) == sorted(
        setting.path for setting in config.CATALOGUE if setting.path.startswith("moderationRestrictions.")
    )
    assert len(config.RESET_BY_MODERATION_OFF) == 4


@pytest.mark.parametrize(
    "settings",
    [{"accessType": "ACCESS_TYPE_UNSPECIFIED"}, {"accessType": "open"}, {"moderation": "MODERATION_ON"}, {"x": "ON"},
     {"config.accessType": "OPEN"}, {"moderationRestrictions": "ON"}, {"accessType": ""}],
)  # fmt: skip
def test_unknown_settings_and_values_are_refused(settings):
    with pytest.raises(ValueError, match=r"There is no setting|is not one of the choices"):
        config.check(settings)


def test_a_diff_names_only_what_changes_in_the_order_of_the_form():
    changes = config.diff(
        {"accessType": "OPEN", "moderation": "ON", "entryPointAccess": "ALL"},
        {"moderation": "OFF", "accessType": "TRUSTED", "entryPointAccess": "ALL"},
    )
    assert [(change.setting.path, change.before, change.after) for change in changes] == [
        ("accessType", "OPEN", "TRUSTED"),
        ("moderation", "ON", "OFF"),
    ]
    assert "Resets" in changes[1].consequence


def test_a_setting_google_did_not_name_before_is_a_change():
    (change,) = config.diff({}, {"accessType": "OPEN"})
    assert change.before is None


def test_nothing_asked_nothing_sent():
    assert config.to_send(MODERATED, dict(MODERATED)) == {}


def test_switching_moderation_off_sends_no_host_controls():
    wanted = {**MODERATED, "moderation": "OFF", "moderationRestrictions.chatRestriction": "NO_RESTRICTION"}
    assert config.to_send(MODERATED, wanted) == {"moderation": "OFF"}


def test_host_controls_are_left_alone_while_moderation_is_off():
    assert (
        config.to_send({"moderation": "OFF"}, {"moderationRestrictions.chatRestriction": "HOSTS_ONLY"}) == {}
    )


def test_a_host_control_brings_moderation_along():
    wanted = {"moderationRestrictions.chatRestriction": "NO_RESTRICTION"}
    assert config.to_send(MODERATED, wanted) == {**wanted, "moderation": "ON"}


def test_a_value_that_google_invented_later_is_never_sent():
    now, later = {"accessType": "RESTRICTED"}, {"accessType": "ORGANIZATION_AND_GUESTS"}
    assert config.diff(now, later) == []
    assert config.to_send(now, {**later, "moderation": "ON"}) == {"moderation": "ON"}
    assert config.to_send(later, later) == {}


def test_a_value_that_google_invented_later_can_be_left_behind():
    assert config.to_send({"accessType": "ORGANIZATION_AND_GUESTS"}, {"accessType": "OPEN"}) == {
        "accessType": "OPEN"
    }


def test_a_value_that_holds_already_is_no_mistake_of_the_person():
    later = {"accessType": "ORGANIZATION_AND_GUESTS"}
    config.check(later, current=later)
    with pytest.raises(ValueError, match="not one of the choices"):
        config.check(later, current={"accessType": "OPEN"})


def test_an_unknown_setting_is_never_sent():
    with pytest.raises(ValueError, match="There is no setting"):
        config.to_send({}, {"firstJoinerType": "HOST"})
