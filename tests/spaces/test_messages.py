"""Messages: codes with parameters, and the catalogue that has their sentences."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.template import Context, Template
from django.utils import translation
from django.utils.functional import Promise

from spaces.access import Permission, not_allowed
from spaces.message import Message
from spaces.messages import CATALOGUE, render
from spaces.models import AuditEntry
from spaces.models.sentences import pack, unpack

ROOT = Path(__file__).resolve().parents[2]
MAKERS = {"Message", "Outcome", "Rejection", "ActionRejected", "_unknown"}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield (file, call) for everything that makes a message of literal codes."""
    for path in sorted([*(ROOT / "spaces").rglob("*.py"), *(ROOT / "meetadmin").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and codes_in(node.args[0]):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
                if name in MAKERS:
                    yield str(path.relative_to(ROOT)), node


def codes_in(node: ast.expr) -> list[str]:
    """Return the codes that an argument names: one, or those of both branches."""
    if isinstance(node, ast.IfExp):
        return [*codes_in(node.body), *codes_in(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def placeholders(sentence: object) -> set[str]:
    """Return the names in a sentence; of a sentence with a number, also the name of that number."""
    if isinstance(sentence, Promise) and isinstance(sentence % _AnyValue(), str):
        asked = _AnyValue()
        assert sentence % asked
        return asked.names
    return set(re.findall(r"%\((\w+)\)s", str(sentence)))


class _AnyValue(dict[str, object]):
    """Parameters that have every name, and remember which were asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> object:
        self.names.add(name)
        return 2

    def __contains__(self, name: object) -> bool:
        return True


def test_every_code_that_is_used_has_a_sentence():
    unknown = {
        (path, code) for path, node in calls() for code in codes_in(node.args[0]) if code not in CATALOGUE
    }
    assert not unknown, "Add these codes to spaces/messages/."


def test_every_sentence_is_used():
    text = "\n".join(
        path.read_text() for path in (ROOT / "spaces").rglob("*.py") if path.parent.name != "messages"
    )
    made_of_permissions = {not_allowed(permission).code for permission in Permission}
    unused = {code for code in CATALOGUE if f'"{code}"' not in text} - made_of_permissions
    assert not unused, "Nothing uses these sentences: delete them."


def test_params_of_literal_calls_fill_the_placeholders():
    wrong = []
    for path, node in calls():
        found = codes_in(node.args[0])
        given = node.args[1] if len(node.args) > 1 else None
        literal = isinstance(given, ast.Dict) and all(isinstance(key, ast.Constant) for key in given.keys)
        if not (given is None or literal):
            continue
        names = {ast.literal_eval(key) for key in given.keys if key} if isinstance(given, ast.Dict) else set()
        wrong += [(path, code, names) for code in found if names != placeholders(CATALOGUE[code])]
    assert not wrong


def test_message_renders_in_the_readers_language():
    message = Message("call.room_over_already", {"room": "Off"})
    assert str(message) == "The call in Off was already over."
    with translation.override("de"):
        assert str(message) == "Die Besprechung in Off war schon vorbei."


def test_message_within_a_message_is_rendered_in_the_same_language():
    message = Message("call.ended", {"room": "Off", "then": Message("call.rejoin_open")})
    with translation.override("de"):
        assert str(message).endswith("Link wieder teilnehmen, vielleicht nicht sofort.")


@pytest.mark.parametrize(("n", "sentence"), [(1, "1 name shown"), (2, "2 names shown")])
def test_number_decides_the_plural(n, sentence):
    assert str(Message("call.names_shown", {"n": n})) == sentence


def test_list_is_joined():
    assert str(Message("settings.refused", {"names": ("A", "B")})) == "Google did not accept: A, B."


def test_template_renders_a_message_and_escapes_its_params():
    message = Message("room.refreshed", {"room": "<b>"})
    assert Template("{{ message }}").render(Context({"message": message})) == "&lt;b&gt; refreshed."


def test_unknown_code_renders_as_the_code():
    assert render(Message("retired.code", {"a": 1})) == "retired.code"


def test_message_survives_storing():
    message = Message(
        "settings.refused", {"names": (Message("setting.refused", {"name": "Chat", "why": "licence"}), "B")}
    )
    assert unpack(pack(message)) == message
    assert unpack(pack(Message("call.names_shown", {"n": 3}))) == Message("call.names_shown", {"n": 3})


@pytest.mark.django_db
def test_audit_entry_keeps_code_and_params(admin):
    message = Message("call.settings_restored", {"names": ("Chat",)})
    entry = AuditEntry(action="conference:end", actor=admin, actor_name="x", target="x")
    entry.detail = message
    entry.save()
    stored = AuditEntry.objects.get()
    assert (stored.result_code, stored.result_params) == ("call.settings_restored", {"names": ["Chat"]})
    assert stored.detail == message


@pytest.mark.django_db
def test_audit_entry_of_an_older_version_shows_its_sentence(admin):
    AuditEntry.objects.create(
        action="conference:end",
        actor=admin,
        actor_name="x",
        target="x",
        result_params={"sentence": "Old words."},
    )
    assert AuditEntry.objects.get().detail == "Old words."
