"""Reading the environment: typed, and failing with a paragraph that helps."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from meetadmin import env

NAME = "MEETADMIN_TEST_VALUE"


def test_text(monkeypatch):
    assert env.text(NAME, "fallback") == "fallback"
    monkeypatch.setenv(NAME, "  word  ")
    assert env.text(NAME, "fallback") == "word"
    monkeypatch.setenv(NAME, "   ")
    assert env.text(NAME, "fallback") == "fallback"


def test_a_missing_value_is_told_with_help(monkeypatch):
    with pytest.raises(ImproperlyConfigured, match=f"{NAME} is not set. Make one like this."):
        env.text(NAME, help_text="Make one like this.")


@pytest.mark.parametrize(
    ("word", "value"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("No", False)]
)
def test_flag(monkeypatch, word, value):
    monkeypatch.setenv(NAME, word)
    assert env.flag(NAME) is value


def test_flag_unset_and_nonsense(monkeypatch):
    assert env.flag(NAME) is False
    assert env.flag(NAME, default=True) is True
    monkeypatch.setenv(NAME, "maybe")
    with pytest.raises(ImproperlyConfigured, match="'maybe'; write 1 or 0"):
        env.flag(NAME)


def test_number(monkeypatch):
    assert env.number(NAME, 7) == 7
    monkeypatch.setenv(NAME, " 12 ")
    assert env.number(NAME, 7) == 12
    monkeypatch.setenv(NAME, "a dozen")
    with pytest.raises(ImproperlyConfigured, match="write a whole number"):
        env.number(NAME, 7)


def test_items(monkeypatch):
    assert env.items(NAME) == []
    assert env.items(NAME, "a,b") == ["a", "b"]
    monkeypatch.setenv(NAME, " a , ,b,")
    assert env.items(NAME) == ["a", "b"]


def test_a_secret_from_its_file(monkeypatch, tmp_path):
    file = tmp_path / "secret"
    file.write_text("from the file\n")
    monkeypatch.setenv(NAME, "from the environment")
    assert env.secret(NAME) == "from the environment"
    monkeypatch.setenv(f"{NAME}_FILE", str(file))
    assert env.secret(NAME) == "from the file"


def test_a_secrets_file_that_cannot_be_read(monkeypatch, tmp_path):
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(ImproperlyConfigured, match=f"{NAME}_FILE points to .*nowhere, which cannot be read"):
        env.secret(NAME, "fallback")
