"""Who can sign in at all, and lists of addresses as people paste them."""

import time

import pytest

from spaces.google import addresses
from spaces.google.idtokens import Identity

DOMAINS = frozenset({"example.com", "example.net"})


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("room-owner@example.com", None),
        ("Room.Owner@EXAMPLE.COM", None),
        ("o'neill@example.net", None),
        ("all-hands@example.com", None),  # perhaps a group: nobody can tell without asking Google
        ("room-owner", "malformed"),
        ("@example.com", "malformed"),
        ("room-owner@", "malformed"),
        ("room-owner@example", "malformed"),
        ("room-owner@example.com@example.com", "malformed"),
        ("room owner@example.com", "malformed"),
        ("", "malformed"),
        ("c_1888abc@resource.calendar.google.com", "resource"),
        ("example.com_1888@resource.calendar.google.com", "resource"),
        ("C_1888ABC@RESOURCE.CALENDAR.GOOGLE.COM", "resource"),
        ("c_1888@group.calendar.google.com", "calendar"),
        ("en.german#holiday@group.v.calendar.google.com", "calendar"),
        ("x@import.calendar.google.com", "calendar"),
        ("meetadmin@project.iam.gserviceaccount.com", "service_account"),
        ("123-compute@developer.gserviceaccount.com", "service_account"),
        ("project@appspot.gserviceaccount.com", "service_account"),
        ("team@googlegroups.com", "google_group"),
        ("somebody@gmail.com", "private"),
        ("Somebody@GoogleMail.com", "private"),
        ("stranger@elsewhere.example", "domain"),
        ("owner@sub.example.com", "domain"),
        ("owner@example.com.evil.example", "domain"),
        ("owner@notexample.com", "domain"),
        ("room-owner+rooms@example.com", "plus"),
    ],
)
def test_never_signs_in_names_the_reason(address, reason):
    assert addresses.never_signs_in(address, DOMAINS) == reason
    sentence = addresses.explain(address, DOMAINS)
    assert (sentence is None) == (reason is None)
    assert sentence is None or address in sentence


def test_never_signs_in_without_domains_refuses_what_is_never_a_person():
    assert addresses.never_signs_in("stranger@elsewhere.example", ()) is None
    assert addresses.never_signs_in("c_1@resource.calendar.google.com", ()) == "resource"


def test_explain_names_the_address_that_would_do():
    assert "Enter room-owner@example.com instead." in str(
        addresses.explain("room-owner+rooms@example.com", DOMAINS)
    )
    assert "(example.com, example.net)" in str(addresses.explain("somebody@gmail.com", DOMAINS))


@pytest.mark.parametrize(
    ("email", "verified", "hd", "why"),
    [
        ("room-owner@example.com", True, "example.com", None),
        ("room-owner@example.net", True, "example.com", None),
        ("room-owner@example.com", True, "", "private"),
        ("room-owner@example.net", True, "", "private"),
        ("somebody@gmail.com", True, "", "domain"),
        ("somebody@elsewhere.example", True, "", "domain"),
        ("room-owner@example.com", True, "elsewhere.example", "domain"),
        ("room-owner@example.com", False, "example.com", "unverified"),
        ("room-owner@example.com", False, "", "unverified"),
    ],
)
def test_refusal_of_an_identity(email, verified, hd, why):
    who = Identity(google_id="1", email=email, email_verified=verified, hosted_domain=hd, name="")
    assert addresses.refusal_of(who, DOMAINS) == why


A, B, C = "a@example.com", "b@example.com", "c@example.com"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        (f"{A}\n{B}", [A, B]),
        (f"{A},{B};{C}", [A, B, C]),
        (f"{A} {B}\t{C}", [A, B, C]),
        (f"A@Example.com, {A}", [A]),
        (f"Ann <{A}>, Bob <{B}>", [A, B]),
        (f'"Smith, Ann" <{A}>; "Bob ; B" <{B}>', [A, B]),
        (f"<{A}> {B}", [A, B]),
        (f"Ann Smith <{A}>\nBob <{B}>\n{C}", [A, B, C]),
        (f"Ann <mailto:{A}>", [A]),
        (f"mailto:{A}", [A]),
        (f"Ann < {A} >", [A]),
        ("Ann <>", []),
        ("Ann", ["ann"]),
        ('"unclosed', ['"', "unclosed"]),
        ("<unclosed", ["<", "unclosed"]),
    ],
)
def test_pasted_addresses_are_found(text, found):
    assert addresses.pasted(text) == found


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["a" * 50_000, '"' * 50_000, "<" * 50_000, '"a' * 25_000, "<a" * 25_000, '"a' * 12_500 + "<" * 25_000,
     "a " * 25_000, "a,<" * 16_000, "a@b.example, " * 3_800, "\x00" * 50_000],
)  # fmt: skip
def test_pasted_addresses_take_time_in_proportion(text):
    """Quadratic work on 1 MB would take minutes; linear work takes a fraction of a second, on a busy machine, too."""
    began = time.process_time()
    addresses.pasted(text * 20)
    assert time.process_time() - began < 5
