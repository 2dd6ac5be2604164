"""What people paste, and the verdict on it."""

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.google import codes
from spaces.google.codes import parse

CODE = "abc-mnop-xyz"

INVITATION = """Weekly sync
Monday, 23 November 2026 · 10:00 – 10:30
Time zone: Europe/Berlin
Google Meet joining info
Video call link: https://meet.google.com/abc-mnop-xyz
Or dial: \u202a(DE) +49 30 300195061\u202c PIN: \u202a197 071 273 00\u202c#
More phone numbers: https://tel.meet/abc-mnop-xyz?pin=1970712730000
Learn more about Meet at: https://support.google.com/a/users/answer/9282720
"""

MEANS_THE_CODE = [
    CODE,
    "ABC-MNOP-XYZ",
    "Abc-Mnop-Xyz",
    "  abc-mnop-xyz\n",
    "<abc-mnop-xyz>",
    "“abc-mnop-xyz”",
    "(abc-mnop-xyz).",
    "abc-mnop-xyz?authuser=1",
    "/abc-mnop-xyz",
    "abc - mnop - xyz",
    "a b c m n o p x y z",
    "A B C - M N O P - X Y Z",
    "abc m n o p xyz",
    "abc‐mnop‐xyz",
    "abc\u2011mnop\u2011xyz",
    "abc\u2012mnop\u2012xyz",
    "abc\u2013mnop\u2013xyz",
    "abc\u2014mnop\u2014xyz",
    "abc\u2212mnop\u2212xyz",
    "abc\uff0dmnop\uff0dxyz",
    "ａｂｃ-ｍｎｏｐ-ｘｙｚ",
    "\u200babc-mnop-xyz\ufeff",
    "abc\u00ad-mnop-\u00adxyz",
    "https://meet.google.com/abc-mnop-xyz",
    "http://meet.google.com/abc-mnop-xyz",
    "HTTPS://MEET.GOOGLE.COM/ABC-MNOP-XYZ",
    "https://meet.google.com/abc-mnop-xyz/",
    "https://meet.google.com/abc-mnop-xyz.",
    "https://meet.google.com:443/abc-mnop-xyz",
    "https://meet.google.com./abc-mnop-xyz",
    "https://meet.google.com/abc-mnop-xyz?authuser=1&hs=122#x",
    "https://meet.google.com/abc-mnop-xyz?pli=1&ijlm=17&adhoc=1",
    "meet.google.com/ABC-MNOP-XYZ",
    "//meet.google.com/abc-mnop-xyz",
    "https://someone@meet.google.com/abc-mnop-xyz",
    "https://meet.google.com/abc\u2013mnop\u2013xyz",
    "https://meet.google.com/_meet/abc-mnop-xyz",
    "https://meet.google.com/_meet/abc-mnop-xyz?ijlm=1",
    "https://meet.google.com/tel/abc-mnop-xyz?pin=1970712730000",
    "https://tel.meet/abc-mnop-xyz?pin=1970712730000",
    "tel.meet/abc-mnop-xyz",
    "Come here: https://meet.google.com/abc-mnop-xyz, please!",
    "[Join](https://meet.google.com/abc-mnop-xyz)",
    '<a href="https://meet.google.com/abc-mnop-xyz?hs=224">Join</a>',
    "the code is abc-mnop-xyz, see you",
    "code:abc-mnop-xyz",
    "meet.google.com\nabc-mnop-xyz",
    "https://www.google.com/url?q=https://meet.google.com/abc-mnop-xyz&sa=D&source=calendar",
    "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fmeet.google.com%2Fabc-mnop-xyz&data=05",
    "https://meet.google.com/abc-mnop-xyz and again ABC-MNOP-XYZ",
    "https://meet.google.com/lookup/team or https://meet.google.com/abc-mnop-xyz",
    "Zoom is broken (https://zoom.us/j/91234567890), use https://meet.google.com/abc-mnop-xyz",
    INVITATION,
    INVITATION.replace("\n", "\r\n"),
    INVITATION.replace("https://meet", "meet"),
    "> " + INVITATION.replace("\n", "\n> "),
]

OTHERWISE = [
    # no code, but something known
    ("https://meet.google.com/lookup/team?authuser=0", "nickname", "team"),
    ("https://meet.google.com/lookup/abc-mnop-xyz", "nickname", "abc-mnop-xyz"),
    ("https://meet.google.com/lookup/conference", "nickname", "conference"),
    ("https://meet.google.com/lookup/", "nickname", ""),
    ("https://g.co/meet/conference", "nickname", "conference"),
    ("g.co/meet/Team", "nickname", "Team"),
    ("https://meet.google.com/new", "no_meeting", ""),
    ("https://meet.google.com/landing?hs=1", "no_meeting", ""),
    ("https://meet.google.com/home", "no_meeting", ""),
    ("https://meet.google.com/", "no_meeting", ""),
    ("https://meet.google.com", "no_meeting", ""),
    ("meet.google.com?authuser=1", "no_meeting", ""),
    ("https://meet.new", "no_meeting", ""),
    ("+49 30 300195061 PIN: 197 071 273 00#", "phone", ""),
    ("(US) +1 650-555-0100 PIN: 197 071 273#", "phone", ""),
    ("PIN: 197071273", "phone", ""),
    ("197 071 273 00#", "phone", ""),
    ("tel:+4930300195061", "phone", ""),
    ("0049 30 300195061", "phone", ""),
    ("sip:1234567890123@gw.example", "phone", ""),
    ("https://meet.google.com/tel", "phone", ""),
    ("https://zoom.us/j/91234567890?pwd=abc", "other_service", "Zoom"),
    ("https://example-gmbh.zoom.us/j/91234567890", "other_service", "Zoom"),
    ("zoom.us/j/91234567890", "other_service", "Zoom"),
    ("https://zoom.us/j/abc-mnop-xyz", "other_service", "Zoom"),
    ("Join: https://teams.microsoft.com/l/meetup-join/19%3ameeting_x/0", "other_service", "Microsoft Teams"),
    ("https://teams.live.com/meet/9312345678", "other_service", "Microsoft Teams"),
    ("https://example.webex.com/meet/someone", "other_service", "Webex"),
    ("https://meet.jit.si/abc-mnop-xyz", "other_service", "Jitsi Meet"),
    ("Zoom https://zoom.us/j/91 or dial +49 30 3001950 PIN 1234", "other_service", "Zoom"),
    # two meetings
    ("abc-mnop-xyz xyz-abcd-efg", "two_codes", "abc-mnop-xyz, xyz-abcd-efg"),
    ("https://meet.google.com/abc-mnop-xyz https://meet.google.com/xyz-abcd-efg", "two_codes", None),
    ("https://meet.google.com/abc-mnop-xyz and xyz-abcd-efg", "two_codes", None),
    # the canonical name keeps every letter
    ("spaces/94r-Po-Zd7MB", "space", "spaces/94r-Po-Zd7MB"),
    (" spaces/jQCFfuBOdN5z\n", "space", "spaces/jQCFfuBOdN5z"),
    ("spaces/ABC-mnop-XYZ", "space", "spaces/ABC-mnop-XYZ"),
    ("spaces/" + "a" * 128, "space", "spaces/" + "a" * 128),
    ("spaces/" + "a" * 129, "bad", ""),
    ("spaces/", "bad", ""),
    ("spaces/a/members/b", "bad", ""),
    ("spaces/abc\u2013mnop", "bad", ""),
    ("spaces/ä", "bad", ""),
    ("spaces/a b", "bad", ""),
    # nothing
    ("", "bad", ""),
    ("   \n", "bad", ""),
    ("Berlin 3.14", "bad", ""),
    ("Gerät", "bad", ""),
    ("Room 12345678", "bad", ""),
    ("abc-mnop-xy", "bad", ""),
    ("abcd-mnop-xyz", "bad", ""),
    ("abc-mnop-xyzz", "bad", ""),
    ("abc-mno1-xyz", "bad", ""),
    ("abc--mnop-xyz-", "code", CODE),
    ("abc-mnop-xyz-def", "bad", ""),
    ("abcm-nop-xyz", "bad", ""),
    ("абс-mnop-xyz", "bad", ""),
    ("abc-mnop-xyz@example.com", "bad", ""),
    ("abc-mnop-xyz.example.com", "bad", ""),
    ("https://example.com/abc-mnop-xyz", "bad", ""),
    ("https://example.com/?code=abc-mnop-xyz", "bad", ""),
    ("https://meet.google.com/abcmnopxyz", "bad", ""),
    ("https://meet.google.com/abc-mnop", "bad", ""),
    ("https://meet.google.com/whatever/abc-mnop-xyz", "bad", ""),
    ("https://meet.google.com@evil.example/abc-mnop-xyz", "bad", ""),
    ("https://meet.google.com.evil.example/abc-mnop-xyz", "bad", ""),
    ("https://meet.google.com:x@evil.example/abc-mnop-xyz", "bad", ""),
    ("https://evilmeet.google.com/abc-mnop-xyz", "bad", ""),
    ("https://my-meet.google.com/abc-mnop-xyz", "bad", ""),
    ("https://g.co/other/abc-mnop-xyz", "bad", ""),
    ("http://[broken", "bad", ""),
    ("x" * 20_001, "bad", ""),
    ("https://meet.google.com/abc-mnop-xyz " + "x" * 20_000, "bad", ""),
]


@pytest.mark.parametrize("text", MEANS_THE_CODE)
def test_a_code_in_whatever_dress(text):
    parsed = parse(text)
    assert (parsed.kind, parsed.value, parsed.loose) == ("code", CODE, False)


@pytest.mark.parametrize(("text", "kind", "value"), OTHERWISE)
def test_everything_else_gets_its_own_verdict(text, kind, value):
    parsed = parse(text)
    assert parsed.kind == kind
    if value is not None:
        assert parsed.value == value
    assert bool(parsed.sentence) == (kind not in ("code", "space")), "a refusal says why"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ABCMNOPXYZ", CODE),
        ("abcmnopxyz", CODE),
        ("abc mnop xyz", CODE),
        ("abc\u00a0mnop\u00a0xyz", CODE),
        ("abc mnopxyz", CODE),
        ("abc-mnopxyz", CODE),
        ("conference", "con-fere-nce"),
        ("the main hub", "the-main-hub"),
    ],
)
def test_a_code_without_dashes_may_also_be_a_word(text, code):
    assert parse(text) == codes.Parsed("code", code, loose=True)


@pytest.mark.parametrize(
    "text", ["ab cmnop xyz", "abcmnopxy z", "abc mnop xyz and more", "conferences", "con ference x"]
)
def test_ten_letters_are_a_code_only_in_the_right_groups(text):
    assert parse(text).kind == "bad"


def test_a_verdict_about_another_page_names_it():
    assert "example.com" in parse("https://example.com/x").sentence
    assert "Webex" in parse("https://example.webex.com/x").sentence
    two = parse("abc-mnop-xyz xyz-abcd-efg").sentence
    assert "abc-mnop-xyz" in two
    assert "xyz-abcd-efg" in two


letters = st.text(string.ascii_lowercase, min_size=10, max_size=10)
dash = st.sampled_from("-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d")
query = st.from_regex(
    r"(\?[a-z]{1,8}=[A-Za-z0-9-]{0,12}(&[a-z]{1,8}=[0-9]{1,4}){0,3})?(#[a-z]{0,5})?", fullmatch=True
)
before = st.sampled_from(["", "https://meet.google.com/", "meet.google.com/", "https://meet.google.com/_meet/",
                          "https://meet.google.com/tel/", "https://tel.meet/"])  # fmt: skip


@given(
    letters=letters,
    dash=dash,
    before=before,
    query=query,
    upper=st.booleans(),
    blank=st.sampled_from(["", " ", "\n"]),
)
def test_every_code_survives_its_dress(letters, dash, before, query, upper, blank):
    code = f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"
    dressed = before + code.replace("-", dash) + query
    parsed = parse(blank + (dressed.upper() if upper else dressed) + blank)
    assert (parsed.kind, parsed.value) == ("code", code)


@given(st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=128))
def test_every_space_name_comes_back_letter_by_letter(name):
    assert parse(f"spaces/{name}") == codes.Parsed("space", f"spaces/{name}")


@given(st.text(max_size=300))
def test_any_text_gets_a_sound_verdict(text):
    parsed = parse(text)
    if parsed.kind == "code":
        assert codes._CODE.fullmatch(parsed.value)
    elif parsed.kind == "space":
        assert parsed.value in text
    else:
        assert parsed.sentence
        assert len(parsed.sentence) < 400


@given(st.lists(st.sampled_from([CODE, "https://", "meet.google.com", "/", "-", " ", ".", "@", "?", "%2F", "spaces/", "tel",
                                 "PIN", "12345", "lookup", "zoom.us", "\n", "<", "\u2013", "+49", ":", "[", "#"]),
                max_size=30))  # fmt: skip
def test_pieces_of_links_in_any_order_never_break_it(pieces):
    parsed = parse("".join(pieces))
    assert parsed.value == CODE if parsed.kind == "code" else parsed.kind != "two_codes"


@pytest.mark.parametrize(
    "piece",
    ["a.", "a-", "a", "-", " - ", "meet.google.com/", "meet.google.com.", "https://", "pin ", "PIN:", "+1 ", "+1", "00", "(",
     "%", "%2F", "abc-mnop-", "abc-mnop-xyz", "\ufdfa", "\u200b", ".", "/", "a@", "\U0001f600", "\ud800", "\x00"],
)  # fmt: skip
def test_no_text_takes_long(piece):
    text = (piece * codes.LONGEST_INPUT)[: codes.LONGEST_INPUT]
    before = time.process_time()
    parse(text)
    assert time.process_time() - before < 1.5, "a pattern goes back over what it has read"
