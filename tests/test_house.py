"""Rules of the house, each with its reason in the failure message."""

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from django.core.management import call_command

from simulator.meet.service import METHODS
from spaces.access import Permission
from spaces.google.meet import MeetClient

ROOT = Path(__file__).resolve().parents[1]
NOT_NOUNS = {
    *("__init__", "outcomes", "admission", "settings_change", "similar_codes", "wordsearch", "roomwords"),
}  # what the verbs share
# Where verbs are, by the name of their module. Of `sync`, the other modules are shared by verbs.
ACTIONS = {
    path.stem: f"spaces.actions.{path.stem}"
    for path in sorted((ROOT / "spaces/actions").glob("*.py"))
    if path.stem not in NOT_NOUNS
} | {name: f"spaces.sync.{name}" for name in ("events", "scheduling", "subscriptions")}

# Public in an action's file without being a verb: parts that other actions use, and readers without effect.
HELPERS = {
    ("buildings", "facts"),
    ("conferences", "next_look"),
    ("rooms", "address_of"),
    ("people", "refuse_addresses"),
    ("people", "refuse_merged"),
    ("rooms", "facts"),
    ("rooms", "new_addresses"),
    ("succession", "plan_hand_over"),
    ("succession", "plan_merge"),
    ("spaces", "assign"),
}
READERS = {
    ("conferences", "next_look"),
    ("buildings", "facts"),
    ("rooms", "facts"),
    ("succession", "plan_hand_over"),
    ("succession", "plan_merge"),
}  # what doors may call besides verbs


CODE = ("manage.py", "meetadmin", "spaces", "simulator", "embedded", "benchmarks")
MOST_MODULE_LINES, MOST_FUNCTION_LINES = 400, 50  # complexity is in pyproject.toml
# What is too long and is being split now: modules, and (module, function). Only take entries away.
BEING_SPLIT: set[str | tuple[str, str]] = {
    "spaces/models/rooms.py",
    "spaces/stream.py",
}


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    """(path, text) of every Python file of ours."""
    for folder in folders:
        base = ROOT / folder
        for path in sorted([base] if base.is_file() else base.rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(ROOT)), path.read_text()


def verbs(noun: str) -> dict[str, FunctionType]:
    module = import_module(ACTIONS[noun])
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, FunctionType)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    }


@pytest.mark.parametrize("noun", ACTIONS)
def test_every_verb_is_keyword_only_and_names_its_actor(noun):
    for name, function in verbs(noun).items():
        if (noun, name) in HELPERS:
            continue
        parameters = inspect.signature(function).parameters
        assert "actor" in parameters, (
            f"{ACTIONS[noun]}.{name}() has no `actor`. Access and audit need to know who does it; for the timetable that is "
            "access.SYSTEM, and None never means system."
        )
        assert parameters["actor"].default is inspect.Parameter.empty, (
            f"{noun}.{name}: a forgotten actor must not pass"
        )
        positional = [
            one.name for one in parameters.values() if one.kind is not inspect.Parameter.KEYWORD_ONLY
        ]
        assert not positional, (
            f"{noun}.{name}: {positional} must be keyword-only, so that calls read as sentences."
        )


def test_helpers_in_the_list_exist():
    known = {(noun, name) for noun in ACTIONS for name in verbs(noun)}
    assert known >= HELPERS, "Take what is gone out of HELPERS."


def test_doors_call_verbs_only():
    """Views, tasks, commands and the sign-in go through access and audit; a helper would pass them by."""
    verbs_of = {
        noun: set(verbs(noun)) - {name for owner, name in HELPERS - READERS if owner == noun}
        for noun in ACTIONS
    }
    for path, text in sources(
        "spaces/views", "spaces/tasks.py", "spaces/management", "spaces/signin", "meetadmin/monitoring"
    ):
        tree = ast.parse(text)
        imported = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module in {"spaces.actions", "spaces.sync"}
            for alias in node.names
        }
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner = node.func.value
            if (
                isinstance(owner, ast.Name)
                and owner.id in imported & verbs_of.keys()
                and node.func.attr[0].islower()
            ):
                assert node.func.attr in verbs_of[owner.id], (
                    f"{path}: {owner.id}.{node.func.attr}() is not a verb with an actor."
                )


ROLE_READERS = {
    "spaces/access/policy.py": "reads who has which",
    "spaces/models/__init__.py": "hands it on",
    "spaces/models/people.py": "defines it",
    "spaces/actions/people.py": "gives it",
    "spaces/actions/succession.py": "joins those of two entries",
    "spaces/forms/people.py": "labels a field with the word",
    "spaces/views/people.py": "shows it",
    "spaces/models/spaces.py": "a member's role in a space is another thing",
    "spaces/sync/apply/spaces.py": "as above",
    "spaces/google/meet.py": "as above",
    "spaces/actions/admission.py": "as above",
}


def test_roles_are_read_in_the_access_policy_only():
    for path, text in sources("spaces", "meetadmin/monitoring"):
        if path in ROLE_READERS:
            continue
        found = re.findall(r"\bRole\b|\.role\b|\bis_staff\b|\bis_superuser\b", text)
        assert not found, (
            f"{path} reads roles. Ask access.can() or access.rooms_where(): spaces/access is the only policy."
        )


def test_templates_ask_for_permissions_not_for_roles():
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for role in re.findall(r"{%[^%]*\b(?:user|request\.user)\.role\b[^%]*%}", path.read_text()):
            raise AssertionError(
                f"{path.name}: {role} – ask for a permission; roles are read in spaces/access."
            )


def test_templates_name_permissions_that_exist():
    known = {str(one) for one in Permission}
    for path in sorted((ROOT / "templates").rglob("*.html")):
        asked = set(
            re.findall(r'"([a-z-]+:[a-z-]+)"\s+(?:not\s+)?in\s+(?:row\.may|general|may)', path.read_text())
        )
        assert asked <= known, (
            f"{path.name} asks for {asked - known}: a misspelt permission is never granted."
        )


def test_booleans_are_keyword_only():
    """find(True, False) says nothing to who reads it."""
    for path, text in sources("spaces", "meetadmin"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for argument in [*node.args.posonlyargs, *node.args.args]:
                    kind = ast.unparse(argument.annotation) if argument.annotation else ""
                    assert kind != "bool", f"{path}: {node.name}({argument.arg}) takes a boolean by position."


def test_modules_and_functions_stay_short():
    too_long: list[tuple[str | tuple[str, str], int]] = []
    for path, text in sources(*CODE):
        if (lines := text.count("\n")) > MOST_MODULE_LINES:
            too_long.append((path, lines))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > MOST_FUNCTION_LINES:
                    too_long.append(((path, node.name), length))
    found = [(place, lines) for place, lines in too_long if place not in BEING_SPLIT]
    assert not found, "Split modules by noun, and give parts of long functions a name."


def test_no_import_hides_inside_a_function():
    for path, text in sources("spaces", "meetadmin"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = [one for one in ast.walk(node) if isinstance(one, ast.Import | ast.ImportFrom)]
                assert not inner, (
                    f"{path}: {node.name}() imports inside; that is a layer trying to reach upward."
                )


ALLAUTH_OWN = {  # pages that allauth asks for by name
    "account/account_inactive.html", "account/login.html", "account/logout.html", "socialaccount/authentication_error.html",
    "socialaccount/login_cancelled.html", "socialaccount/login.html", "socialaccount/signup.html",
}  # fmt: skip


def test_every_template_is_used():
    folder = ROOT / "templates"
    names = {str(path.relative_to(folder)) for path in folder.rglob("*.html")}
    texts = [text for _, text in sources("spaces", "meetadmin")]
    texts += [path.read_text() for path in folder.rglob("*.html")]
    used = {name for name in names if any(f'"{name}"' in text for text in texts)}
    unused = names - used - ALLAUTH_OWN
    assert not unused, f"Nothing uses {sorted(unused)}: delete what nothing uses."


def test_every_template_that_is_named_exists():
    folder = ROOT / "templates"
    for path, text in sources("spaces/views", "spaces/signin", "meetadmin/monitoring"):
        for name in re.findall(r'"([a-z_/]+\.html)"', text):
            assert (folder / name).exists(), f"{path} names {name}, which does not exist."


@pytest.mark.django_db
def test_migrations_are_complete():
    """A changed model without its migration breaks the next start somewhere else."""
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


# How each method of our client is called at Google.
GOOGLE_NAMES = {
    "get_space": "spaces.get",
    "find_space": "spaces.get",
    "create_space": "spaces.create",
    "patch_space": "spaces.patch",
    "end_active_conference": "spaces.endActiveConference",
    "members": "spaces.members.list",
    "ended_conferences": "conferenceRecords.list",
    "begun_conferences": "conferenceRecords.list",
    "running_conferences": "conferenceRecords.list",
    "conference": "conferenceRecords.get",
    "participants": "conferenceRecords.participants.list",
    "head_count": "conferenceRecords.participants.list",
    "recordings": "conferenceRecords.recordings.list",
}


def test_the_simulator_answers_every_method_of_our_client():
    ours = {
        name for name, value in vars(MeetClient).items() if isinstance(value, FunctionType) and name[0] != "_"
    }
    assert ours == set(GOOGLE_NAMES), (
        "Write down how the new method is called at Google, and teach the simulator."
    )
    simulated = {method.name for method in METHODS}
    assert set(GOOGLE_NAMES.values()) <= simulated


def test_every_method_of_the_client_is_used():
    text = "\n".join(text for _, text in sources("spaces/actions", "spaces/sync"))
    unused = {name for name in GOOGLE_NAMES if f"client.{name}" not in text}
    assert not unused, f"Nothing uses {sorted(unused)}: delete what nothing uses."


def test_nothing_deletes_the_trail():
    pattern = re.compile(
        r"AuditEntry[^\n]*\.delete\(|\.audit\.[^\n]*delete\(|DELETE FROM spaces_audit", re.IGNORECASE
    )
    for path, text in sources("spaces", "meetadmin", "embedded"):
        assert not pattern.search(text), f"{path} deletes audit rows; they outlive what they describe."


def test_only_one_module_builds_clients_and_one_writes_the_trail():
    for path, text in sources("spaces"):
        if path not in {"spaces/meet.py", "spaces/google/meet.py"}:
            assert "MeetClient(" not in text, f"{path}: spaces/meet.py is the only builder of clients."
        if not path.startswith(("spaces/actions/", "spaces/audit/")):
            calls: list[Any] = re.findall(r"audit\.(?:attempt|note)\(", text)
            assert not calls, f"{path}: only actions write the audit trail."


WRITTEN_BY_APPLY = {
    *(
        "liveness",
        "meeting_code",
        "trouble",
        "doubted_since",
        "doubted_at",
        "started_at",
        "ended_at",
        "settled_at",
    ),
    *("counted_at", "listed_at", "recording_since", "recordings_read_at"),
}


def test_only_apply_stores_what_google_says():
    writers = {"update", "create", "get_or_create", "update_or_create"}
    for path, text in sources("spaces", "meetadmin"):
        if path.startswith("spaces/sync/apply/"):
            continue
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in writers
            ):
                written = {word.arg for word in node.keywords} & WRITTEN_BY_APPLY
                assert not written, f"{path} writes {written}: spaces/sync/apply is the only writer."


def test_tasks_take_ids_by_keyword():
    tree = ast.parse((ROOT / "spaces/tasks.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(
            "shared_task" in ast.unparse(one) for one in node.decorator_list
        ):
            assert not node.args.args, (
                f"tasks.{node.name}: ids by keyword, so that a queued call reads in the log."
            )


def test_what_is_stored_stays_english():
    """A German admin's click must not leave German in the log and the trail, which others read and search."""
    for path, text in sources(
        "spaces/actions", "spaces/sync", "spaces/google", "spaces/access", "spaces/audit", "spaces/meet.py"
    ):
        assert not re.search(r"from django\.utils\.translation import .*gettext", text), (
            f"{path}: take `from spaces.words import text as _` (`counted` for ngettext): its sentences are English in log and "
            "audit, and a page says them in the reader's language. It is used like gettext: _("
            '"… %(room)s …") % {"room": name}.'
        )


EXAMPLES = {"templates/styleguide.html"}  # names of made-up rooms

_TAG = r'</?[a-zA-Z!](?:{%.*?%}|{{.*?}}|"(?:{%.*?%}|{{.*?}}|[^"])*"|\'[^\']*\'|[^>"\'])*>'
_PIECE = re.compile(
    r"{%\s*blocktrans(?:late)?\b.*?endblocktrans(?:late)?\s*%}|{#.*?#}|{%.*?%}|{{.*?}}|<!--.*?-->|" + _TAG,
    re.DOTALL,
)
_SPOKEN_ATTRIBUTE = re.compile(r'\s(?:aria-label|title|placeholder|alt|data-label|summary)="([^"]*)"')
_BLOCKS_WITHOUT_WORDS = re.compile(r"{%\s*block (?:width|look)\s*%}.*?{%\s*endblock[^%]*%}", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]{2,}")
# What is the same in every language: names, units and signs.
SAME_EVERYWHERE = {
    "Meetadmin", "Google", "Meet", "QR", "nbsp", "middot", "mdash", "ndash", "hellip", "times", "min", "Ctrl", "Esc", "Enter",
    "doctype", "SIP", "PIN", "UTC", "Redis", "Space", "Shift", "rarr", "larr", "amp",
}  # fmt: skip


def bare_words(source: str) -> list[str]:
    """Words of a template that no translate tag surrounds, in its text and in attributes that people read or hear."""
    source = _BLOCKS_WITHOUT_WORDS.sub("", source)
    texts = [_PIECE.sub(" ", source)]
    for piece in _PIECE.findall(source):
        if piece.startswith("<"):
            texts += [_PIECE.sub(" ", value) for value in _SPOKEN_ATTRIBUTE.findall(piece)]
    return [word for text in texts for word in _WORD.findall(text) if word not in SAME_EVERYWHERE]


def test_templates_say_nothing_that_cannot_be_translated():
    found = {
        str(path.relative_to(ROOT)): words
        for path in sorted((ROOT / "templates").rglob("*.html"))
        if str(path.relative_to(ROOT)) not in EXAMPLES and (words := bare_words(path.read_text()))
    }
    assert not found, (
        "Words outside {% translate %}, {% blocktranslate %} or _(): people with another language cannot read them."
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<p>Bare</p>", ["Bare"]),
        ('<p title="Said aloud" class="not said">x</p>', ["Said", "aloud"]),
        ('{% translate "Fine" %}{% blocktranslate trimmed %}All {{ this }} fine{% endblocktranslate %}', []),
        (
            '<a href="{% url \'x\' %}" {% if a > b %}title="{% translate \'Fine\' %}"{% endif %}>{{ name|default:"x" }}</a>',
            [],
        ),
        ("{# a note #}{% if x == 'word' %}{{ words }}{% else %}left{% endif %}", ["left"]),
    ],
)
def test_bare_words_are_found(source, words):
    assert bare_words(source) == words


SENTENCE = re.compile(r"^[A-Z“][^<>{}]*? [^<>]*[.?!…]$", re.DOTALL)
NOT_FOR_PEOPLE = re.compile(
    r"^(?:\w+\.)*(?:_?logger\.\w+|\w*Error|ImproperlyConfigured|write|add_argument|compile)$"
)
TRANSLATED = {
    "_",
    "text",
    "gettext",
    "gettext_lazy",
    "ngettext",
    "ngettext_lazy",
    "counted",
    "pgettext",
    "pgettext_lazy",
}


def loose_sentences(source: str) -> list[str]:
    """Sentences in code that no gettext surrounds; what is said to operators and developers (logs, exceptions of Python, help of
    commands, docstrings, help_text of models) is not meant."""
    tree = ast.parse(source)
    settled: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            settled.add(id(node.value))  # a docstring
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in TRANSLATED or NOT_FOR_PEOPLE.match(name):
                settled |= {id(one) for one in ast.walk(node)}
            if name.startswith("models."):
                settled |= {
                    id(one) for word in node.keywords if word.arg == "help_text" for one in ast.walk(word)
                }
    found = []
    for node in ast.walk(tree):
        if id(node) in settled:
            continue
        if isinstance(node, ast.JoinedStr):
            settled |= {id(one) for one in node.values}
            said = "".join(str(one.value) if isinstance(one, ast.Constant) else "x" for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            said = node.value
        else:
            continue
        if SENTENCE.match(said) and len(said.split()) > 2:
            found.append(said)
    return found


def test_code_says_nothing_that_cannot_be_translated():
    found = {
        path: said
        for path, text in sources("spaces", "meetadmin/monitoring")
        # The help of metrics is for operators, in English as their names are.
        if not path.startswith(("spaces/management", "spaces/vault.py", "meetadmin/monitoring/metrics.py"))
        and (said := loose_sentences(text))
    }
    assert not found, "Sentences for people without gettext (see “Where do I change X?” in CONTRIBUTING.md)."


def test_loose_sentences_are_found():
    source = '''
"""A docstring of the module."""
logger.info("Something was done here.")
raise ValueError("There is no such thing.")
a = _("A sentence that is fine.")
b = "A sentence that is loose."
c = f"The {room} has a loose sentence, too."
d = "spaces.get"
'''
    assert loose_sentences(source) == ["A sentence that is loose.", "The x has a loose sentence, too."]


def test_dates_in_templates_follow_the_language():
    """3 Mar is 3. März elsewhere: the formats are in meetadmin/formats/. Hours and ISO dates are the same everywhere."""
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for form in re.findall(r'\|date:"([^"]+)"', path.read_text()):
            assert form.endswith("_FORMAT") or form in {"c", "D H:i", "H:i", "H:i:s", "H:i:s T"}, (
                f"{path.name}: {form!r} – take DATE_FORMAT, DATETIME_FORMAT, SHORT_DATE_FORMAT or SHORT_DATETIME_FORMAT."
            )


def scripts() -> Iterator[tuple[str, str]]:
    """(name, text without comments) of every script of ours."""
    for path in sorted((ROOT / "static/js").glob("*.js")):
        yield path.name, re.sub(r"(?m)^\s*//.*$|\s//.*$", "", path.read_text())


def test_scripts_say_nothing_that_cannot_be_translated():
    for name, text in scripts():
        said = re.findall(r"[\"'`][A-Z][a-z]+ [a-z]+ [^\"'`]*", text)
        assert not said, f"{name}: {said} – put it into templates/_words.html and take words(…)."


def test_scripts_take_words_that_there_are():
    there = set(re.findall(r"data-([a-z-]+)=", (ROOT / "templates/_words.html").read_text()))
    for name, text in scripts():
        for word in re.findall(r'\bwords\("([a-z-]+)"', text):
            assert {word, f"{word}-other"} & there, f"{name} asks for a word that _words.html has not: {word}"
