"""Sealing tokens."""

import base64

import pytest

from spaces.vault import CannotOpen, Vault


def key(letter: str, size: int = 32) -> str:
    return base64.urlsafe_b64encode(letter.encode() * size).decode()


OLD, NEW = f"old:{key('o')}", f"new:{key('n')}"


def test_what_was_sealed_opens_again():
    vault = Vault(NEW)
    sealed = vault.seal("1//a-refresh-token", binding="account:a@example.com")
    assert sealed.startswith("new:")
    assert "refresh" not in sealed
    assert vault.open(sealed, binding="account:a@example.com") == "1//a-refresh-token"


def test_the_same_text_is_sealed_differently_each_time():
    vault = Vault(NEW)
    assert vault.seal("x", binding="b") != vault.seal("x", binding="b")


def test_keys_are_rotated():
    sealed = Vault(OLD).seal("x", binding="b")
    both = Vault(f"{NEW}, {OLD}")
    assert both.open(sealed, binding="b") == "x"
    assert both.seal("x", binding="b").startswith("new:")
    with pytest.raises(CannotOpen, match="'old', which is not configured any more"):
        Vault(NEW).open(sealed, binding="b")


def test_a_token_copied_to_another_row_does_not_open():
    sealed = Vault(NEW).seal("x", binding="account:a@example.com")
    with pytest.raises(CannotOpen):
        Vault(NEW).open(sealed, binding="account:b@example.com")


@pytest.mark.parametrize("broken", ["", "new:", "new:!!!", "new:AAAA", "no colon"])
def test_nonsense_does_not_open(broken):
    with pytest.raises(CannotOpen):
        Vault(NEW).open(broken, binding="b")


def test_a_tampered_token_does_not_open():
    sealed = Vault(NEW).seal("x" * 40, binding="b")
    middle = len(sealed) // 2
    changed = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]
    with pytest.raises(CannotOpen):
        Vault(NEW).open(changed, binding="b")


def test_without_a_key_nothing_is_sealed():
    assert not Vault("")
    with pytest.raises(CannotOpen, match="MEETADMIN_TOKEN_KEYS"):
        Vault("").seal("x", binding="b")


@pytest.mark.parametrize("size", [16, 24, 32])
def test_lengths_of_keys(size):
    assert Vault(f"k:{key('k', size)}")


@pytest.mark.parametrize("keys", ["k:not-base64-at-all!", f"k:{key('k', 5)}", "k:"])
def test_a_malformed_key_is_told_without_showing_it(keys):
    with pytest.raises(ValueError, match="The token key 'k' is not base64 of 16, 24 or 32 bytes") as trouble:
        Vault(keys)
    assert keys.removeprefix("k:") not in str(trouble.value) or keys == "k:"
