"""Sentences that are English wherever they are kept, and the reader's language where they are shown."""

import pickle

import pytest
from django.template import Context, Template
from django.utils import translation
from django.utils.html import format_html

from spaces.google import errors
from spaces.language import spoken
from spaces.models import AuditEntry
from spaces.models.sentences import pack
from spaces.words import counted, joined, within
from spaces.words import text as _

OVER = _("The call in %(room)s was already over.") % {"room": "Off"}


def test_a_sentence_is_its_english_text():
    assert OVER == "The call in Off was already over."
    assert f"{OVER}" == "The call in Off was already over."
    assert "The call in Off was already over." in {OVER}


def test_a_sentence_is_said_in_the_readers_language():
    """The value stays as it is, although the catalogue knows the word “Off”."""
    assert spoken(OVER) == "The call in Off was already over."
    with translation.override("de"):
        assert spoken(OVER) == "Die Besprechung in Off war schon vorbei."


@pytest.mark.parametrize(
    ("number", "english", "german"),
    [
        (0, "0 rooms match.", "0 Räume passen."),
        (1, "1 room matches.", "1 Raum passt."),
        (2, "2 rooms match.", "2 Räume passen."),
    ],
)
def test_numbers(number, english, german):
    said = counted("%(n)s room matches.", "%(n)s rooms match.", number) % {"n": number}
    assert said == english
    with translation.override("de"):
        assert spoken(said) == german


def test_sentences_within_sentences():
    why = _("Google is not available at the moment.")
    said = joined(
        OVER,
        _("Google did not accept: %(names)s.") % {"names": joined(_("Off"), within(why), by=" / 100 % / ")},
    )
    assert said == (
        "The call in Off was already over. Google did not accept: Off / 100 % / Google is not available at the moment."
    )
    with translation.override("de"):
        assert spoken(said) == (
            "Die Besprechung in Off war schon vorbei. Google hat nicht übernommen: Aus / 100 % / Google ist gerade nicht verfügbar."
        )


def test_a_page_says_it_by_itself_and_escapes_the_values():
    said = _("%(room)s is saved.") % {"room": "<b>"}
    page = Template("{{ said }}|{{ all|join:', ' }}")
    with translation.override("de"):
        assert (
            page.render(Context({"said": said, "all": [said]}))
            == "&lt;b&gt; ist gespeichert.|&lt;b&gt; ist gespeichert."
        )
        assert format_html("<p>{}</p>", said) == "<p>&lt;b&gt; ist gespeichert.</p>"


@pytest.mark.parametrize("reason", list(errors.CURES))
def test_what_is_stored_is_found_again_in_the_catalogue(reason):
    """An account keeps Google's trouble as English text: what happened, and the cure."""
    stored = str(errors.broken(reason).sentence)
    assert type(stored) is str
    assert spoken(stored) == stored
    with translation.override("de"):
        german = spoken(stored)
        assert german == spoken(errors.broken(reason).sentence)
    assert not {"the", "with", "does", "this"} & set(german.lower().split())


def test_a_stored_sentence_with_parts_of_its_own():
    with translation.override("de"):
        assert (
            spoken("Nobody knows. This room has no Meet link yet.")
            == "Nobody knows. Dieser Raum hat noch keinen Meet-Link."
        )
        assert spoken("") == ""


@pytest.mark.django_db
def test_the_audit_log_gives_it_back_in_the_readers_language(admin):
    with translation.override("de"):
        entry = AuditEntry.objects.create(
            action="room:edit",
            actor=admin,
            actor_name="x",
            target="x",
            result_params={"sentence": pack(OVER)},
        )
    entry.refresh_from_db()
    assert entry.detail == "The call in Off was already over."
    with translation.override("de"):
        assert spoken(entry.detail) == spoken(OVER)


def test_an_error_crosses_processes():
    error = pickle.loads(pickle.dumps(errors.unreachable("no route")))  # noqa: S301 our own
    assert error.sentence == errors.unreachable("").sentence
