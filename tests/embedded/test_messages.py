"""The catalogues of translations: what is found in the sources, and when a language counts as complete."""

from pathlib import Path
from typing import Any

import pytest

from embedded import messages
from embedded.process import Problem

PYTHON = """
from django.utils.translation import gettext as _
from spaces.words import counted
print(_("A room"), _("%(n)s left") % {"n": 3}, counted("%(n)s room", "%(n)s rooms", 3), pgettext("verb", "End"))
"""
TEMPLATE = """{% load i18n %}
<p title="{% translate 'A title' %}">{% translate "Don't" context "ban" %}</p>
  {% blocktranslate trimmed count n=rooms|length %}
     One room
  {% plural %}
     {{ n }} rooms
  {% endblocktranslate %}
{% include "x.html" with label=_("Labelled") %}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: Any) -> Path:
    """A small project with a text in a file and some in a template."""
    for folder in ("spaces", "meetadmin", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "spaces" / "words.py").write_text(PYTHON)
    (tmp_path / "templates" / "page.html").write_text(TEMPLATE)
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    return tmp_path


def fill() -> None:
    """Translate everything into itself, and bring the files up to date."""
    catalog = messages.updated("de")
    for message in catalog:
        if (message.id and not message.string) or isinstance(message.id, tuple):
            message.string = message.id
    messages.po("de").write_bytes(messages.written(catalog))
    messages.messages()


def test_what_is_found(project):
    found = {(message.id, message.context) for message in messages.extracted() if message.id}
    assert found == {
        ("A room", None),
        ("%(n)s left", None),
        (("%(n)s room", "%(n)s rooms"), None),
        ("End", "verb"),
        ("A title", None),
        ("Don't", "ban"),
        (("One room", "%(n)s rooms"), None),
        ("Labelled", None),
    }


def test_a_new_text_is_missing_until_it_is_translated(project):
    with pytest.raises(Problem, match="not translated: 'A room'"):
        messages.messages()
    fill()
    messages.translations()
    (project / "spaces" / "more.py").write_text('_("Another")')
    with pytest.raises(Problem, match=r"not translated: 'Another'(.|\n)*out of date with the sources"):
        messages.translations()


def test_a_text_that_is_gone_leaves_the_catalogue(project):
    with pytest.raises(Problem):
        messages.messages()
    fill()
    (project / "templates" / "page.html").unlink()
    with pytest.raises(Problem, match="out of date with the sources"):
        messages.translations()
    messages.messages()
    assert "A title" not in messages.po("de").read_text()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (('msgstr "%(n)s left"', 'msgstr "%(m)s left"'), "placeholders .* differ"),
        (('#, python-format\nmsgid "%(n)s left"', '#, fuzzy, python-format\nmsgid "%(n)s left"'), "fuzzy"),
        (('msgstr "A room"', 'msgstr "Ein Raum"'), "is not what its .po says"),
    ],
)
def test_doubtful_translations(project, change, fault):
    with pytest.raises(Problem):
        messages.messages()
    fill()
    path = messages.po("de")
    before = path.read_text()
    path.write_text(before.replace(*change))
    assert path.read_text() != before
    with pytest.raises(Problem, match=fault):
        messages.translations()


@pytest.mark.slow
def test_every_language_is_complete_and_up_to_date():
    """Run `make messages`, and translate what it names in locale/."""
    messages.translations()
