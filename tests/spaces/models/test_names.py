"""When two names are the same, and how a name is stored."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.models.names import name_key, tidy

SAME = [
    ("Berlin 1.01", "berlin 1.01"),
    ("Höyhen", unicodedata.normalize("NFD", "Höyhen")),
    ("Berlin 1.01", "Berlin\u200b 1.01"),
    ("Berlin 1.01", "  Berlin\u00a0\u00a0 1.01\t"),
    ("Berlin 1.01", "Ｂｅｒｌｉｎ １．０１"),
    ("Berlin 1.01", "\ufeffBer\u00adlin 1.01\u200e"),
    ("Großer Saal", "GROSSER SAAL"),
    ("ΑΘΗΝΑ", "αθηνα"),
    ("会議室", "会議室\u2060"),
    ("서울", unicodedata.normalize("NFD", "서울")),
    ("ｶﾅ", "カナ"),
    ("می‌روم", "میروم"),
]
DIFFERENT = [
    ("Berlin 1.01", "Berlin 1.1"),
    ("Berlin 1.01", "Berlin 101"),
    ("東京", "京都"),
    ("Saal", "Säal"),
    ("A B", "AB"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal_names_have_the_same_key(one, other):
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_names_have_different_keys(one, other):
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (" Berlin \n 1.01 ", "Berlin 1.01"),
        (unicodedata.normalize("NFD", "Höyhen"), "Höyhen"),
        ("Ber\u200blin\u0000", "Berlin"),
        ("\u200b\ufeff", ""),
        ("می‌روم", "می‌روم"),
    ],
)
def test_name_is_stored_tidy(text, stored):
    assert tidy(text) == stored


@given(st.text(max_size=60))
def test_tidy_name_stays_as_it_is_and_keeps_its_key(text):
    assert tidy(tidy(text)) == tidy(text)
    assert name_key(tidy(text)) == name_key(text)
    assert name_key(name_key(text)) == name_key(text)
