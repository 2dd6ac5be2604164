"""What people paste: codes and links in many forms, and everything that must not be taken for them."""

import pytest

from spaces.google import codes
from spaces.google.codes import Parsed, parse

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

LOOSE_CODE = [
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
    "the code is abc-mnop-xyz, see you",
    "code:abc-mnop-xyz",
    "abc--mnop-xyz-",
]

LINK = [
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
    # links to two calls
    (
        "https://meet.google.com/abc-mnop-xyz https://meet.google.com/xyz-abcd-efg",
        "two_codes",
        "abc-mnop-xyz, xyz-abcd-efg",
    ),
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
    ("x" * (codes.LONGEST_INPUT + 1), "bad", ""),
    ("https://meet.google.com/abc-mnop-xyz " + "x" * codes.LONGEST_INPUT, "bad", ""),
]


# What a browser opens at another site, or nowhere, although Google Meet's address stands in it.
NOT_GOOGLE = [
    "https://evil.example/meet.google.com/abc-mnop-xyz",
    "evil.example/meet.google.com/abc-mnop-xyz",
    "https://evil.example//meet.google.com/abc-mnop-xyz",
    "https://evil.example/%6deet.google.com/abc-mnop-xyz",
    "https://evil.example/..%2fmeet.google.com%2fabc-mnop-xyz",
    "https://evil.example?meet.google.com/abc-mnop-xyz",
    "https://evil.example#meet.google.com/abc-mnop-xyz",
    "https://evil.example:meet.google.com/abc-mnop-xyz",
    "https://evil.example:/meet.google.com/abc-mnop-xyz",
    "https://evil.example/@meet.google.com/abc-mnop-xyz",
    "https://evil.example\\@meet.google.com/abc-mnop-xyz",
    "https://evil.example%40meet.google.com/abc-mnop-xyz",
    "https://meet.google.com@evil.example/abc-mnop-xyz",
    "https://meet.google.com%40evil.example/abc-mnop-xyz",
    "https://meet.google.com&#64;evil.example/abc-mnop-xyz",
    "https://meet.google.com＠evil.example/abc-mnop-xyz",
    "https://meet.google.com:443@evil.example/abc-mnop-xyz",
    "https://meet.google.com.evil.example/abc-mnop-xyz",
    "https://meet.google.com%2eevil.example/abc-mnop-xyz",
    "https://meet.google.com&period;evil.example/abc-mnop-xyz",
    "https://meet.google.com。evil.example/abc-mnop-xyz",
    "https://meet.google.com-evil.example/abc-mnop-xyz",
    "https://meet.google.comevil.example/abc-mnop-xyz",
    "https://meet.google.comé.example/abc-mnop-xyz",
    "https://mееt.google.com/abc-mnop-xyz",  # Cyrillic letters
    "https://meet.googIe.com/abc-mnop-xyz",  # a capital i
    "https://meet.g00gle.com/abc-mnop-xyz",
    "https://meetgoogle.com/abc-mnop-xyz",
    "https://hotel.meet/abc-mnop-xyz",
    "someone@meet.google.com/abc-mnop-xyz",
]


@pytest.mark.parametrize("text", LINK)
def test_link_in_any_form_is_read(text):
    assert parse(text) == Parsed("code", CODE)


@pytest.mark.parametrize("text", LOOSE_CODE)
def test_code_without_link_is_read_as_loose(text):
    assert parse(text) == Parsed("code", CODE, loose=True, candidates=(CODE,))


@pytest.mark.parametrize("text", NOT_GOOGLE)
def test_address_of_another_site_is_not_read_as_google(text):
    parsed = parse(text)
    assert (parsed.kind, parsed.value) == ("bad", "")
    assert parsed.sentence


@pytest.mark.parametrize(("text", "kind", "value"), OTHERWISE)
def test_everything_else_has_its_own_kind(text, kind, value):
    parsed = parse(text)
    assert (parsed.kind, parsed.value) == (kind, value)
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
def test_code_without_dashes_is_loose(text, code):
    assert parse(text) == Parsed("code", code, loose=True, candidates=(code,))


@pytest.mark.parametrize(
    "text", ["ab cmnop xyz", "abcmnopxy z", "abc mnop xyz and more", "conferences", "con ference x"]
)
def test_ten_letters_in_other_groups_are_no_code(text):
    assert parse(text).kind == "bad"


def test_sentence_names_the_other_site_or_service():
    assert "example.com" in parse("https://example.com/x").sentence
    assert "Webex" in parse("https://example.webex.com/x").sentence
    two = parse("https://meet.google.com/abc-mnop-xyz https://meet.google.com/xyz-abcd-efg").sentence
    assert "abc-mnop-xyz" in two
    assert "xyz-abcd-efg" in two


def test_parse_one_refuses_several_loose_codes():
    assert codes.parse_one("abc-mnop-xyz or xyz-abcd-efg").kind == "two_codes"
    assert codes.parse_one("abc-mnop-xyz").value == CODE
    assert codes.parse_one("https://meet.google.com/abc-mnop-xyz not xyz-abcd-efg").value == CODE


def test_longest_text_is_read():
    link = "https://meet.google.com/abc-mnop-xyz"
    assert parse(("x " * codes.LONGEST_INPUT)[: codes.LONGEST_INPUT - len(link)] + link) == Parsed(
        "code", CODE
    )
