"""Words for ages, lengths of time, states and changes."""

from datetime import UTC, datetime, timedelta

import pytest

from spaces.access import Permission
from spaces.audit import Action
from spaces.google import config
from spaces.models import AuditEntry
from spaces.templatetags import spaces_text

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (None, ""),
        (timedelta(seconds=-3), "0 s"),
        (45.9, "45 s"),
        (timedelta(minutes=22, seconds=59), "22 min"),
        (timedelta(hours=6, minutes=5), "6 h 05 min"),
        (timedelta(hours=26, minutes=40), "26 h 40 min"),
        (timedelta(days=2, hours=4), "2 d 4 h"),
    ],
)
def test_a_length_of_time_is_said_in_its_two_largest_units(length, words):
    assert spaces_text.duration(length) == words


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(seconds=-5), "0 s ago"),
        (timedelta(seconds=8), "8 s ago"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(hours=47, minutes=59), "47 h ago"),
        (timedelta(hours=48), "2 d ago"),
    ],
)
def test_an_age_is_said_in_its_largest_unit(before, words):
    assert spaces_text.ago(NOW - before, NOW) == words


def test_what_never_happened_has_no_age():
    assert spaces_text.ago(None, NOW) == "never"
    assert spaces_text.age(None) == "never"


def test_an_age_carries_its_moment_for_the_page_to_count_on():
    html = spaces_text.age(NOW)
    assert 'datetime="2026-11-22T12:00:00+00:00"' in html
    assert "data-age" in html


def test_a_state_that_may_not_be_known_leaves_no_trace():
    assert spaces_text.state("hidden") == ""
    assert spaces_text.state_icon("hidden") == ""
    assert spaces_text.state("stuck").endswith("</svg>Stuck</span>")


def test_a_copied_text_cannot_leave_its_attribute():
    assert '"><script' not in spaces_text.copy('"><script>')


def test_verbs_with_words_are_verbs_of_the_law_of_access():
    assert set(spaces_text.VERBS) <= {*Permission, *Action}
    assert spaces_text.verb("something:new") == "something:new"


def test_changes_of_settings_are_said_in_the_words_of_the_form():
    entry = AuditEntry(
        before={"accessType": "TRUSTED", "moderation": "ON", "owners": []},
        after={"accessType": "OPEN", "moderation": "ON", "owners": ["a@example.com", "b@example.com"]},
    )
    access = config.BY_PATH["accessType"]
    assert spaces_text.differences(entry) == [
        (access.label, access.choice("TRUSTED").label, access.choice("OPEN").label),
        ("owners", "", "a@example.com, b@example.com"),
    ]


def test_an_entry_without_facts_changed_nothing():
    assert spaces_text.differences(AuditEntry(before=None, after=["not", "a", "mapping"])) == []
