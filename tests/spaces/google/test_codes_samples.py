"""What mail programs, filters, calendars, tools and people do to a link or a code: samples of each kind, and what is right."""

import json
import quopri
import re
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest

from spaces.google.codes import Parsed, parse

CODE = "abc-mnop-xyz"
LINK = f"https://meet.google.com/{CODE}"
OTHER_CODE = "xyz-abcd-efg"
WHOOPS = f"https://meet.google.com/_meet/whoops?sc=256&alias={CODE}"
ZOOM = "https://us02web.zoom.us/j/91234567890?pwd=aB3"
TEAMS = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_x%40thread.v2/0"
SPACE = "spaces/94r-Po-Zd7MB"


def encoded(link: str) -> str:
    return quote(link, safe="")


def safe_link(link: str) -> str:
    return (
        f"https://eur01.safelinks.protection.outlook.com/?url={encoded(link)}"
        "&data=05%7C02%7Croom-owner%40example.com%7C8a1&sdata=x%3D&reserved=0"
    )


def proofpoint_2(link: str) -> str:
    target = encoded(link).replace("-", "%2D").replace("_", "%5F").replace("%2F", "_").replace("%", "-")
    return f"https://urldefense.proofpoint.com/v2/url?u={target}&d=DwMFaQ&c=x&r=y&m=z&s=1&e="


def proofpoint_3(link: str) -> str:
    return f"https://urldefense.com/v3/__{link}__;!!Ab!x$"


def proofpoint_3_with_marks(link: str) -> str:
    """As for a link whose slashes and question mark were taken out."""
    letters = "".join(letter for letter in link[7:] if letter in "/?")
    for letter in "/?":
        link = link[:7] + link[7:].replace(letter, "*")
    return f"https://urldefense.com/v3/__{link}__;{b64encode(letters.encode()).decode().rstrip('=')}!!Ab!x$"


def google(link: str) -> str:
    return f"https://www.google.com/url?q={encoded(link)}&sa=D&source=calendar&ust=17"


def barracuda(link: str) -> str:
    target = re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), encoded(link))
    return f"https://linkprotect.cudasvc.com/url?a={target}&c=E,1,x&typo=1"


def cisco(link: str) -> str:
    return f"https://secure-web.cisco.com/1z0v_U78rf-0of/{encoded(link)}"


def check_point(link: str) -> str:
    return f"https://protect.checkpoint.com/v2/r02/___{link.replace('://', ':/')}___.YzJ1OnN0b255"


def sophos(link: str) -> str:
    return f"https://eu-west-1.protection.sophos.com?d=x&u={urlsafe_b64encode(link.encode()).decode()}&i=NWY1&t=x"


def symantec(link: str) -> str:
    return f"https://clicktime.symantec.com/3MnsciFm?u={encoded(link)}"


def trellix(link: str) -> str:
    return f"https://protect2.fireeye.com/v1/url?k=aad62f08-f54d&q=1&e=2d73&u={encoded(link)}"


def mimecast(link: str) -> str:
    return f"https://protect-eu.mimecast.com/s/x?domain=x&url={encoded(link)}"


def redirect(link: str) -> str:
    return f"https://deref.example/mail/dereferrer/?redirectUrl={encoded(link)}&x=1"


def amazon(link: str) -> str:
    return f"https://x.r.eu-west-1.awstrack.me/L0/{encoded(link).replace('https%3A', 'https:')}/1/0100"


FILTERS = [
    safe_link, proofpoint_2, proofpoint_3, proofpoint_3_with_marks, google, barracuda, cisco, check_point, sophos, symantec,
    trellix, mimecast, redirect, amazon,
]  # fmt: skip


# --- A good link with anything around it ----------------------------------------------------------------------

GLUED = [
    "DESCRIPTION:{}\\nOr dial: (DE) +49 30 300195061\\, PIN: 197 071 273#",
    "会議リンク{}に参加",
    "{}。",
    "{}，或拨打 +49 30 300195061",
    "「{}」",
    "《{}》、次",
    "{}입니다",
    "ประชุม{}ที่นี่",
    "اجتماع{}الآن",
    "הישיבה{}היום",
    "बैठक{}पर",
    "Ссылка:{}в 10:00",
    "{}🎉",
    "🔗{}👈",
    "{}\u200b",
    "\u202a{}\u202c",
    "{}\ufe0f\u20e3",
    "„{}“",
    "”{}”",
    "»{}«",
    "‹{}›",
    "_{}_",
    "__{}__",
    "*{}*",
    "**{}**",
    "~{}~",
    "`{}`",
    "Berlin 1.01,{},8",
    "Berlin 1.01;{};8",
    '"Berlin 1.01","{}","8"',
    "|{}|8|",
    "Berlin\t{}\t8",
    "{}–bitte pünktlich",
    "{}…",
    "Link:{}",
    "Link{}",
    "{}Or dial: +49 30",
    "{}é",
    "{}8",
    "[Join]({})",
    "<{}|Join>",
    "<{}>",
    '<a href="{}">Join</a>',
    "<p>{}</p><p>Bye</p>",
    "{{\\field{{\\*\\fldinst HYPERLINK {}}}{{\\fldrslt Join}}}}",
    "{}\\par",
    '{{"uri": "{}", "label": "x"}}',
    "ten-year-old party {}",
    "{} is not two-year-old ABC-DEFG-HIJ",
    "Zoom is broken (https://zoom.us/j/91234567890), use {}",
    "https://meet.google.com/lookup/team and {}",
    "https://stream.meet.google.com/stream/53a80f9c and {}",
    "https://protect-eu.mimecast.com/s/x?domain=meet.google.com {}",
    "name: " + SPACE + "\nmeetingUri: {}",
]


@pytest.mark.parametrize("around", GLUED)
@pytest.mark.parametrize("link", [LINK, f"{LINK}?authuser=1&hs=122", f"meet.google.com/{CODE}"])
def test_link_is_found_whatever_stands_beside_it(around, link):
    if "{}Or" in around and "?" in link:
        link = LINK
    if around == "Link{}" and "://" not in link:
        pytest.skip("“Linkmeet.google.com” is another host")
    assert parse(around.format(link)) == Parsed("code", CODE)


@pytest.mark.parametrize(
    "text",
    [
        f"https:\\/\\/meet.google.com\\/{CODE}",
        json.dumps({"uri": LINK}).replace("/", "\\/"),
        json.dumps(json.dumps({"html": f'<a href="{LINK}">x</a>'})),
        f"https:\\u002F\\u002Fmeet.google.com\\u002F{CODE}\\u0026hs=1",
        f"https:\\x2f\\x2fmeet.google.com\\x2f{CODE}",
        f"https://meet\\.google\\.com/{CODE}".replace("-", "\\-"),
        f"https:\\\\meet.google.com\\{CODE}",
        "https&#58;//meet&period;google&period;com&sol;abc&hyphen;mnop&#x2D;xyz",
        f"&amp;lt;a href=&amp;quot;{LINK}&amp;quot;&amp;gt;",
        "https%253A%252F%252Fmeet.google.com%252Fabc%252Dmnop%252Dxyz%253Fhs%253D1",
        f"https://accounts.google.com/ServiceLogin?ltmpl=meet&continue={encoded(LINK + '?hs=193')}",
        f"mailto:?subject=Call&body=Join%20{encoded(LINK)}%20now",
        f"mailto:?body=meet.google.com%2F{CODE}",
        f"https:{LINK[6:].replace('//', '/')}",
        f"intent://meet.google.com/{CODE}#Intent;scheme=https;end",
        f"hxxps://meet[.]google[.]com/{CODE}",
        f"www.meet.google.com/{CODE}",
        f"https://meet.google.com/u/1/{CODE}",
        f"https：／／meet．google．com／{CODE}",
        "https://meet.google.com/ａｂｃー ｍｎｏｐーｘｙｚ",
        "https://meet.google.com/abc_mnop_xyz",
        f"meet.google.com/{CODE}<{safe_link(LINK)}>",
        quopri.encodestring(
            f'<a href="{safe_link(LINK)}" style="color:#1a73e8">Beitreten</a>'.encode()
        ).decode(),
    ],
)
def test_escaped_link_is_read(text):
    assert parse(text) == Parsed("code", CODE)


# --- Wrapped links -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outer", FILTERS)
@pytest.mark.parametrize("inner", [str, *FILTERS])
def test_wrapped_link_is_read(outer, inner):
    if outer is proofpoint_3_with_marks and inner in (proofpoint_3, proofpoint_3_with_marks):
        pytest.skip("marks within marks cannot be told apart")
    assert parse(f"Join: {outer(inner(LINK))} now") == Parsed("code", CODE)


@pytest.mark.parametrize("wrap", FILTERS)
@pytest.mark.parametrize(
    ("link", "kind", "value"),
    [
        (ZOOM, "other_service", "Zoom"),
        (TEAMS, "other_service", "Microsoft Teams"),
        ("https://meet.google.com/lookup/team", "nickname", "team"),
        ("https://stream.meet.google.com/stream/53a80f9c", "live_stream", ""),
        ("https://meet.google.com/new", "no_meeting", ""),
    ],
)
def test_wrapped_link_is_judged_by_its_target(wrap, link, kind, value):
    parsed = parse(wrap(link))
    assert (parsed.kind, parsed.value) == (kind, value)


@pytest.mark.parametrize(
    "wrap", [safe_link, proofpoint_2, proofpoint_3, barracuda, cisco, sophos, symantec, trellix]
)
def test_wrapped_link_to_another_site_names_that_site(wrap):
    parsed = parse(wrap("https://example.com/a-b_c"))
    assert parsed.kind == "bad"
    assert "example.com" in parsed.sentence


def test_addresses_in_a_filters_data_are_no_links():
    assert parse(safe_link(LINK).replace("example.com", "zoom.us")) == Parsed("code", CODE)
    assert (
        parse(safe_link("https://example.com").replace("owner%40example.com", "owner%40eu.zoom.us")).kind
        == "bad"
    )


# --- Broken over lines ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", range(len("https://"), len(LINK)))
@pytest.mark.parametrize("line_break", ["=\n", "=\r\n", "\r\n ", "\n\t", "\n> "])
def test_link_folded_anywhere_is_read(place, line_break):
    text = f"Hello\n{LINK[:place]}{line_break}{LINK[place:]}\nBye"
    assert parse(text) == Parsed("code", CODE)


@pytest.mark.parametrize(
    "text",
    [
        "https://meet.google.com/abc-\nmnop-xyz",
        "https://meet.google.com/abc-mnop-\nxyz\nPIN: 123 456",
        "https://meet.google.com/abc\n-mnop-xyz and more",
        "https://meet.google.com/\nabc-mnop-xyz",
        "https://meet.google.com\n/abc-mnop-xyz",
        "> https://meet.google.com/abc-\n> mnop-xyz\n> Bye",
        "> > https://meet.google.com/abc-mnop-\n> > xyz\n> > Bye",
        "https://meet.google.com/abc-<wbr>mnop-<wbr>xyz</a> now",
        "https://meet.<wbr>google.com/<b>abc</b>-mnop-xyz",
        "https://meet.google.com/abc- mnop-xyz",  # a one-line field has dropped the line break
        "https://meet.google.com/abc-mn op-xyz now",
        "https://meet.google.com/abc-=mnop-xyz",
        "https://meet.google.com/_meet/whoops?sc=256&alias=abc-\nmnop-xyz",
    ],
)
def test_link_broken_over_lines_is_read(text):
    assert (parse(text).kind, parse(text).value) == ("code", CODE)


# --- Meet's own pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        WHOOPS,
        f"https://meet.google.com/_meet/whoops?authuser=1&hs=179&sc=232&alias={CODE.upper()}#x",
        f"https://meet.google.com/_meet/whoops?alias=http://meet.google.com/{CODE}&sc=232",
        f"https://meet.google.com/whoops?alias={CODE}",
        f"https://meet.google.com/_meet/u/0/whoops?alias={CODE}",
        f"https://meet.google.com/_meet/unsupported?meetingCode={CODE}",
        f"https://meet.google.com/{CODE}/whoops",
        f"They see {WHOOPS.replace('&', '&amp;')} since 10:00",
        f"{LINK} leads to {WHOOPS}",
        *(wrap(WHOOPS) for wrap in (safe_link, proofpoint_2, google, proofpoint_3)),
    ],
)
def test_meets_error_page_means_that_meet_refused_the_person(text):
    assert parse(text) == Parsed("code", CODE, refused=True)


def test_meets_error_page_without_a_code_says_so():
    parsed = parse("https://meet.google.com/_meet/whoops?authuser=1&sc=256&alias=a63lcr6fgn")
    assert (parsed.kind, parsed.refused) == ("bad", True)
    assert "error page" in parsed.sentence


@pytest.mark.parametrize(
    "text",
    [
        "https://stream.meet.google.com/stream/53a80f9c-4755-4fe1-aa72-fe000b78202e",
        "View live stream: https://stream.meet.google.com/stream/53a80f9c?authuser=1.",
        "stream.meet.google.com/abc-mnop-xyz",
        "https://meet.google.com/stream/53a80f9c",
        "ライブhttps://stream.meet.google.com/stream/53a80f9cです",
    ],
)
def test_live_stream_is_named_as_such(text):
    parsed = parse(text)
    assert (parsed.kind, parsed.value) == ("live_stream", "")
    assert "live stream" in parsed.sentence


# --- Links that hide their target ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://protect-eu.mimecast.com/s/x?domain=meet.google.com", "Mimecast"),
        ("https://url.us.m.mimecastprotect.com/s/pwJhCWWA5rTzoqj7?domain=meet.google.com", "Mimecast"),
        ("https://security-eu.m.mimecastprotect.com/ttpwp#/enroll", "Mimecast"),
        ("https://secure-web.cisco.com/1z0v_U78rf_0ofSUeyHRS36Fj-mk74B", "Cisco Secure Email"),
        ("https://clicktime.symantec.com/15xVcHh2qpEgPv5boCzmK", "Symantec"),
        ("https://atpscan.global.hornetsecurity.com/?d=bl0WkjofOe8&f=kXUMB&i=&k=zA1z", "Hornetsecurity"),
        ("https://bit.ly/3xyzAbc", "Bitly"),
        ("<a href=3D\"https://protect-us.mimecast.com/s/x?domain=3Dmeet.google.com\">Join</a>", "Mimecast"),
        ("Join https://protect-eu.mimecast.com/s/x?domain=meet.google.com or +49 30 3001950 PIN 12", "Mimecast"),
        ("Join at meet.google.com: https://protect-eu.mimecast.com/s/x?domain=meet.google.com", "Mimecast"),
    ],
)  # fmt: skip
def test_hidden_link_names_what_hides_it(text, name):
    parsed = parse(text)
    assert (parsed.kind, parsed.value) == ("hidden_link", name)
    assert name in parsed.sentence


def test_hidden_link_that_names_another_service_is_that_service():
    parsed = parse("https://url.au.m.mimecastprotect.com/s/jsXDCoV5?domain=company.zoom.us")
    assert (parsed.kind, parsed.value) == ("other_service", "Zoom")


def test_a_filters_own_site_hides_nothing():
    assert parse("https://www.mimecast.com/products/").kind == "bad"


# --- Other services ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://x.zoom.com.cn/j/2595518282", "Zoom"),
        ("zoom.com.cn/j/1", "Zoom"),
        ("https://app.zoom.us/wc/1/join", "Zoom"),
        ("zoommtg://zoom.us/join?confno=1", "Zoom"),
        ("会議https://x.zoom.com.cn/j/1です", "Zoom"),
        ("https://teams.cloud.microsoft/meet/1", "Microsoft Teams"),
        ("https://gov.teams.microsoft.us/l/meetup-join/x", "Microsoft Teams"),
        ("https://teams.microsoftonline.cn/l/meetup-join/x", "Microsoft Teams"),
        ("https://example.webex.com.cn/meet/x", "Webex"),
        ("https://meeting.tencent.com/dm/x", "Tencent Meeting"),
        ("https://meet.goto.com/123", "GoTo Meeting"),
        ("https://8x8.vc/company/room", "8x8 Meet"),
    ],
)
def test_other_service_is_named(text, name):
    parsed = parse(text)
    assert (parsed.kind, parsed.value) == ("other_service", name)
    assert name in parsed.sentence


@pytest.mark.parametrize(
    "text",
    [
        "https://zoom.us.evil.example/j/1",
        "https://myzoom.us/j/1",
        "https://evil.example/zoom.us/j/1",
        "x@zoom.us",
    ],
)
def test_host_that_only_looks_like_another_service_is_none(text):
    assert parse(text).kind == "bad"


# --- Words, and the output of tools --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("our two-year-old laptop is stuck in Berlin 1.01", ("two-year-old",)),
        ("Lab-West-One", ("lab-west-one",)),
        ("ten-year-old laptop, the code is abc-mnop-xyz", ("ten-year-old", CODE)),
        (f"{CODE} or {OTHER_CODE}, not {CODE}", (CODE, OTHER_CODE)),
        ("会議コードはabc-mnop-xyzです", (CODE,)),
        ("Berlin 1.01,abc-mnop-xyz,8", (CODE,)),
        ('{"meetingCode":"abc-mnop-xyz"}', (CODE,)),
        ("_abc-mnop-xyz_", (CODE,)),
        ("Meet – abc-mnop-xyz 🔴", (CODE,)),
        ("abc-mnop-xyz.Bitte", (CODE,)),
    ],
)
def test_loose_codes_are_candidates_in_order(text, candidates):
    assert parse(text) == Parsed("code", candidates[0], loose=True, candidates=candidates)


@pytest.mark.parametrize(
    "text",
    ["see abc-mnop-xyz.pdf", "x_abc-mnop-xyz", "PC-abc-mnop-xyz", "wiki/abc-mnop-xyz", "äbc-mnop-xyz", "abc-mnop-xyzß",
     "abc-mnop-xyz-def", "https://example.com/?x=1&code=abc-mnop-xyz"],
)  # fmt: skip
def test_part_of_a_name_or_path_is_no_code(text):
    assert parse(text).kind == "bad"


@pytest.mark.parametrize(
    "text",
    [
        f"Meet Space: {SPACE}",
        f"Berlin 1.01,{SPACE},8",
        f"{SPACE}.",
        f"({SPACE})",
        f"`{SPACE}`",
        f'"{SPACE}"',
        f"name: {SPACE}\nconfig:\n  accessType: TRUSTED",
        json.dumps({"name": SPACE}).replace("/", "\\/"),
        f"スペース{SPACE}です",
        f"https://meet.googleapis.com/v2/{SPACE}:endActiveConference",
        f"//meet.googleapis.com/{SPACE}",
        f"GET /v2/{SPACE}/members?pageSize=100 403",
        f"{SPACE}/members/1234567890",
        encoded(SPACE),
        f"ten-year-old {SPACE}",
    ],
)
def test_space_name_in_the_output_of_a_tool_is_read(text):
    assert parse(text) == Parsed("space", SPACE)


@pytest.mark.parametrize(
    "text",
    [
        "free spaces/parking-lots",
        "https://x.example/wiki/spaces/TEAMROOMS01/pages/1",
        "workspaces/94r-Po-Zd7MB",
    ],
)
def test_other_words_with_spaces_are_no_space_names(text):
    assert parse(text).kind == "bad"


def test_several_space_names_are_refused():
    parsed = parse(f"{SPACE},1\nspaces/jQCFfuBOdN5z,2")
    assert (parsed.kind, parsed.value) == ("two_codes", f"{SPACE}, spaces/jQCFfuBOdN5z")


# --- Spelled out ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "S, K, X, M, W, K, V, Y, Y, Y",
        "s k x m w k v y y y",
        "S.K.X.M.W.K.V.Y.Y.Y.",
        "S-K-X-M-W-K-V-Y-Y-Y",
        "s-k-x m-w-k-v y-y-y",
        "S/K/X/M/W/K/V/Y/Y/Y",
        "It is S, K, X, then M, W, K, V, and Y, Y, Y, thanks",
        "S K X, Bindestrich, M W K V, Bindestrich, Y Y Y",
        "S K X - M W K V - triple Y",
        "the code is SKXMWKVYYY",
        "der Code lautet skxmwkvyyy.",
        "skxmwkvyyy ist der Code",
        "Room 12 says SKXMWKVYYY",
        "Go to meet.google.com and enter SKXMWKVYYY",
        "the code is skx mwkv yyy, please help",
        "code: skx, mwkv, yyy",
        "skx dash mwkv dash yyy",
        "skx minus mwkv minus yyy please",
        "skx Bindestrich mwkv Bindestrich yyy",
        "skx hyphen m w k v hyphen y y y",
        "skx (dash) mwkv (dash) yyy",
        "skx.mwkv.yyy",
        "it was skx.mwkv.yyy I think",
        "skx_mwkv_yyy",
        "skx/mwkv/yyy",
        "sierra kilo xray mike whiskey kilo victor yankee yankee yankee",
        "Sierra Kilo X-ray, dash, Mike Whiskey Kilo Victor, dash, Yankee Yankee Yankee",
        "S as in Sierra, K as in kilo, X as in X-ray, M, W, K, V, Y, Y, Y",
        "S wie Siegfried, K wie Kaufmann, X wie Xanthippe, M wie Martha, W wie Wilhelm, K, V wie Viktor, Y, Y, Y",
        "Samuel Kaufmann Xanthippe Martha Wilhelm Konrad Viktor Ypsilon Ypsilon Ypsilon",
        "Salzwedel Köln Xanten München Wuppertal Köln Völklingen Ypsilon Ypsilon Ypsilon",
        "ＳＫＸ－ＭＷＫＶ－ＹＹＹ",
    ],
)
def test_spelled_code_is_read(text):
    assert parse(text) == Parsed("code", "skx-mwkv-yyy", loose=True, candidates=("skx-mwkv-yyy",))


def test_spelled_code_after_a_word_that_spells_too_is_among_the_candidates():
    spelled = "Berlin: echo tango india juliett bravo charlie tango tango lima november"
    assert "eti-jbct-tln" in parse(spelled).candidates


@pytest.mark.parametrize(
    "text",
    [
        "Join www.acme.com now",
        "See you at 5. The rest is a joke",
        "Berlin Essen Frankfurt",
        "a b c",
        "red. Then the end",
    ],
)
def test_ordinary_words_spell_no_code(text):
    assert parse(text).kind == "bad"
