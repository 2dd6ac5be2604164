"""Reading the environment: typed, tolerant of spelling, and failing with a sentence that helps."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from meetadmin.env import Environment, is_random, is_weak_secret

NAME = "MEETADMIN_TEST_VALUE"


def read(value: str | None, reader: str, *args, **options):
    """What a reader makes of a value, and the problems it notes."""
    env = Environment({} if value is None else {NAME: value})
    return getattr(env, reader)(NAME, *args, **options), env.problems


@pytest.mark.parametrize(
    ("reader", "args", "value", "expected"),
    [
        ("text", ["fallback"], None, "fallback"),
        ("text", ["fallback"], "   ", "fallback"),
        ("text", ["fallback"], "  word ", "word"),
        ("flag", [], None, False),
        ("flag", [], "1", True),
        ("flag", [], "TRUE", True),
        ("flag", [], "on", True),
        ("flag", [], "0", False),
        ("flag", [], "No", False),
        ("number", [7], None, 7),
        ("number", [7], " 12 ", 12),
        ("items", [], None, []),
        ("items", ["a,b"], None, ["a", "b"]),
        ("items", [], " a , ,b;c\nd", ["a", "b", "c", "d"]),
        ("choice", ["INFO", ("DEBUG", "INFO")], "debug", "DEBUG"),
        ("domains", [], "example.com", {"example.com"}),
        ("domains", [], "@example.com", {"example.com"}),
        ("domains", [], "EXAMPLE.com.", {"example.com"}),
        ("domains", [], "example.com;example.org", {"example.com", "example.org"}),
        ("domains", [], "example.com example.org", {"example.com", "example.org"}),
        ("domains", [], "https://example.com/", {"example.com"}),
        ("domains", [], "it-admin@example.com", {"example.com"}),
        ("domains", [], "münchen.example", {"xn--mnchen-3ya.example"}),
        ("addresses", [], "B@Example.com; a@example.com,b@example.com", ["b@example.com", "a@example.com"]),
        ("time_zone", ["UTC"], None, "UTC"),
        ("time_zone", ["UTC"], "Europe/Berlin", "Europe/Berlin"),
        ("base_url", ["http://127.0.0.1:8000"], None, "http://127.0.0.1:8000"),
        ("base_url", [""], "https://Meet.Example.com/", "https://meet.example.com"),
        ("base_url", [""], "https://meet.example.com:8443", "https://meet.example.com:8443"),
        ("base_url", [""], "http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_reader_understands_value(reader, args, value, expected):
    assert read(value, reader, *args) == (expected, [])


@pytest.mark.parametrize(
    ("reader", "args", "value", "words"),
    [
        ("flag", [], "maybe", "'maybe'; write 1 or 0"),
        ("number", [7], "a dozen", "write a whole number"),
        ("number", [7], "1.5", "write a whole number"),
        ("number", [7], "-1", "from 0 to"),
        ("number", [7], "9" * 18, "from 0 to"),
        ("choice", ["INFO", ("DEBUG", "INFO")], "DEBGU", "did you mean DEBUG?"),
        ("domains", [], "a;example.com", "'a', which is not a domain"),
        ("domains", [], "*.example.com", "not a domain"),
        ("domains", [], "localhost", "not a domain"),
        ("domains", [], "example..com", "not a domain"),
        ("domains", [], "gmail.com", "private Google accounts"),
        ("addresses", [], "it-admin", "write e-mail addresses"),
        ("addresses", [], "<it-admin@example.com>", "write e-mail addresses"),
        ("addresses", [], "it-admin@localhost", "write e-mail addresses"),
        ("time_zone", ["UTC"], "CET+1", "not an IANA time zone"),
        ("time_zone", ["UTC"], "Berlin", "Did you mean Europe/Berlin?"),
        ("time_zone", ["UTC"], "new york", "Did you mean America/New_York?"),
        ("time_zone", ["UTC"], "../../etc/passwd", "not an IANA time zone"),
        ("base_url", [""], "https://meet.example.com/rooms", "cannot be served below a path"),
        ("base_url", [""], "https://meet.example.com/?a=b", "cannot be served below a path"),
        ("base_url", [""], "meet.example.com", "does not begin with http"),
        ("base_url", [""], "ftp://meet.example.com", "does not begin with http"),
        ("base_url", [""], "https://", "does not begin with http"),
        ("base_url", [""], "https://me:secret@meet.example.com", "user name or password"),
        ("base_url", [""], "https://meet.example.com:99999", "not an address"),
        ("base_url", [""], "https://[::1", "not an address"),
    ],
)
def test_reader_refuses_value_with_help(reader, args, value, words):
    _, problems = read(value, reader, *args)
    assert len(problems) == 1
    assert NAME in problems[0]
    assert words in problems[0]
    assert "me:secret" not in problems[0]


def test_missing_value_is_refused_with_help():
    assert read(None, "text", help_text="Make one.") == (
        "",
        [f"The environment variable {NAME} is not set. Make one."],
    )


def test_check_raises_all_problems_together():
    env = Environment({"ONE": "maybe", "TWO": "soon"})
    env.flag("ONE")
    env.number("TWO", 1)
    with pytest.raises(ImproperlyConfigured, match=r"2 settings are wrong:\n- .*ONE.*\n- .*TWO"):
        env.check()
    Environment({}).check()


def test_secret_from_file(tmp_path):
    file = tmp_path / "secret"
    file.write_text("from the file\n")
    env = Environment({NAME: "from the environment"})
    assert env.secret(NAME) == "from the environment"
    env = Environment({NAME: "from the environment", f"{NAME}_FILE": str(file)})
    assert env.secret(NAME) == "from the file"


def test_secret_file_that_cannot_be_read_is_refused(tmp_path):
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for path, why in ((tmp_path / "nowhere", "No such file"), (binary, "it is not text")):
        env = Environment({f"{NAME}_FILE": str(path)})
        assert env.secret(NAME, "fallback") == ""
        assert f"{NAME}_FILE points to {path}, which cannot be read: {why}" in env.problems[0]


@pytest.mark.parametrize(
    ("secret", "weak"),
    [
        ("x", True),
        ("a" * 60, True),
        ("django-insecure-3k2j4h5k2j3h45kj2h34k5jh2k3j4h5", True),
        ("abcabcabcabcabcabcabcabcabcabcabcabc", True),
        ("Zq8-4Jv0tX_mR2uYw6HkP1sLbN5cDfG7eTa9iOoB3xK", False),
        ("1b4e28ba-2fa1-11d2-883f-0016d3cca427", False),
    ],
)
def test_weak_secrets_are_recognised(secret, weak):
    assert is_weak_secret(secret, least=32) is weak


@pytest.mark.parametrize(
    ("key", "random"), [(bytes(32), False), (b"passwordpassword", False), (bytes(range(100, 132)), True)]
)
def test_random_keys_are_recognised(key, random):
    assert is_random(key) is random
