"""`make messages`: the catalogues of translations, brought up to date with the sources, and compiled.

Babel does what GNU gettext would, so that a fresh machine needs nothing installed. The compiled files are kept in the
repository: what runs in production has no Babel.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from embedded.process import ROOT, Problem

LANGUAGES = ("de",)
WIDTH = 110
PLACEHOLDER = re.compile(r"%\(\w+\)\w*|(?<=\d )%%|\{\w+\}")
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "counted": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}


def po(language: str) -> Path:
    """Where the translations into a language are written by people."""
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def _texts(path: Path) -> Iterator[tuple[str | tuple[str, ...], str | None]]:
    """(text or singular and plural, context) of every translatable text in a Python file or a template."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        # Django turns all that is not a translation into X; the indentation would only confuse Python's tokenizer.
        source = "\n".join(line.strip() for line in templatize(source, origin=str(path)).splitlines())
    for _, found, _, context in extract("python", io.BytesIO(source.encode()), KEYWORDS):
        yield found, context


def sources() -> list[Path]:
    """All files with texts for people."""
    python = [*(ROOT / "spaces").rglob("*.py"), *(ROOT / "meetadmin").rglob("*.py")]
    return sorted(
        [one for one in python if "migrations" not in one.parts] + list((ROOT / "templates").rglob("*.html"))
    )


def extracted() -> Catalog:
    """All texts that the sources ask to be translated, with the files they stand in."""
    found = Catalog()
    for path in sources():
        for text, context in _texts(path):
            first = text if isinstance(text, str) else text[0]
            flags = ["python-format"] if re.search(r"%\(\w+\)", first) else []
            known = found.get(first, context)
            # Once counted, always counted: the singular alone is the same entry.
            entry = known.id if known is not None and isinstance(known.id, tuple) else text
            found.add(entry, locations=[(str(path.relative_to(ROOT)), 0)], flags=flags, context=context)
    return found


def read(language: str) -> Catalog:
    """The translations into a language, as they stand."""
    path = po(language)
    if not path.exists():
        return Catalog(locale=language, domain="django", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language, domain="django", charset="utf-8")


def updated(language: str) -> Catalog:
    """The translations, with what is new in the sources (still empty) and without what is gone."""
    catalog = read(language)
    catalog.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    return catalog


def written(catalog: Catalog) -> bytes:
    """The catalogue as a .po file: in the order of the texts and without line numbers, so that differences stay small."""
    out = io.BytesIO()
    write_po(out, catalog, width=WIDTH, sort_output=True, include_lineno=False, omit_header=False)
    return out.getvalue()


def compiled(catalog: Catalog) -> bytes:
    """The catalogue as programs read it."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def _empty(message: Message) -> bool:
    strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return not all(strings)


def _misplaced(message: Message) -> set[str]:
    """Placeholders that the translation has and the text has not, or the other way round. (Babel's own check takes "70 %, act" for
    one.) A singular may leave the number out."""
    texts, strings = (
        [str(one) for one in (value if isinstance(value, tuple | list) else (value,))]
        for value in (message.id, message.string)
    )
    wanted = set().union(*(PLACEHOLDER.findall(one) for one in texts))
    given = [set(PLACEHOLDER.findall(one)) for one in strings]
    return set().union(*given) - wanted | (set(PLACEHOLDER.findall(texts[-1])) - given[-1])


def faults(language: str) -> list[str]:
    """What is wrong with a language: texts without translation, doubtful ones, wrong placeholders, files out of date."""
    catalog = updated(language)
    found = []
    for message in catalog:
        if not message.id:
            continue
        name = message.id[0] if isinstance(message.id, tuple) else message.id
        if _empty(message):
            found.append(f"not translated: {name!r}")
        elif message.fuzzy:
            found.append(f"marked as doubtful (fuzzy): {name!r}")
        elif wrong := _misplaced(message):
            found.append(f"placeholders {', '.join(sorted(wrong))} differ: {name!r}")
    path = po(language)
    if not path.exists() or path.read_bytes() != written(catalog):
        found.append(f"{path.relative_to(ROOT)} is out of date with the sources: run make messages")
    elif path.with_suffix(".mo").read_bytes() != compiled(catalog):
        found.append(
            f"{path.with_suffix('.mo').relative_to(ROOT)} is not what its .po says: run make messages"
        )
    return found


def messages() -> None:
    """Bring all catalogues up to date and compile them; tells what is left to translate. Raises Problem while something is."""
    left = []
    for language in LANGUAGES:
        catalog = updated(language)
        path = po(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written(catalog))
        path.with_suffix(".mo").write_bytes(compiled(catalog))
        left += [f"{language}: {fault}" for fault in faults(language)]
    if left:
        raise Problem("\n".join([*left, f"{len(left)} to do in locale/."]))


def translations() -> None:
    """Raise Problem unless every language is complete and its files are up to date."""
    wrong = [f"{language}: {fault}" for language in LANGUAGES for fault in faults(language)]
    if wrong:
        raise Problem("\n".join(wrong))
