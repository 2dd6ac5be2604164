"""Field masks: ``fields`` / ``x-goog-fieldmask`` on replies, and names in snake or camel case."""

import re
from typing import Any

from simulator.errors import ApiError

Tree = dict[str, Any]
"""Field name -> Tree of its children; an empty Tree means everything below."""

_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|[*,/.()])")


def camel(name: str) -> str:
    """The JSON spelling of a field name given in either spelling."""
    head, *tail = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)


def _bad(selection: str) -> ApiError:
    return ApiError(400, f"Invalid field selection {selection}")


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        position = 0
        stripped = text.rstrip()
        while position < len(stripped):
            match = _TOKEN.match(stripped, position)
            if match is None:
                raise _bad(text)
            self.tokens.append(match.group(1))
            position = match.end()
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def selection(self, schema: Tree, depth: int = 0) -> Tree:
        if depth > 20:
            raise _bad(self.text)
        tree: Tree = {}
        while True:
            self.path(schema, tree, depth)
            if self.peek() != ",":
                return tree
            self.take()

    def path(self, schema: Tree, tree: Tree, depth: int) -> None:
        name = self.take()
        if name == "*":
            tree["*"] = {}  # also what the schema does not know
            for key in schema:
                tree[key] = {}
            return
        key = camel(name)
        if not name or name in ",/.()" or key not in schema:
            raise _bad(name or self.text)
        whole = key in tree and not tree[key]
        below: Tree = tree.setdefault(key, {})
        following = self.peek()
        if following not in ("/", ".", "("):
            tree[key] = {}
            return
        self.take()
        wanted: Tree = {}
        if following == "(":
            wanted = self.selection(schema[key], depth + 1)
            if self.take() != ")":
                raise _bad(self.text)
        else:
            self.path(schema[key], wanted, depth + 1)
        if not whole:
            _merge(below, wanted)


def _merge(into: Tree, other: Tree) -> None:
    for key, below in other.items():
        if key not in into:
            into[key] = below
        elif not into[key] or not below:
            into[key] = {}
        else:
            _merge(into[key], below)


def parse_fields(text: str, schema: Tree) -> Tree:
    """Read a partial-response selection; raises ApiError 400 for a field the reply does not have.

    Google Cloud, "System parameters": ``a,b(c,d),e/f``, with ``*`` for every field of a level.
    """
    parser = _Parser(text)
    tree = parser.selection(schema)
    if parser.at != len(parser.tokens):
        raise _bad(text)
    return tree


def select(value: Any, tree: Tree) -> Any:
    """Keep of a JSON value what the tree asks for; lists are looked into, absent fields stay absent."""
    if not tree:
        return value
    if isinstance(value, list):
        return [select(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    kept = value if "*" in tree else tree
    return {key: select(value[key], tree.get(key, {})) for key in kept if key in value}


def snake(name: str) -> str:
    """The proto spelling of a field name given in either spelling."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
