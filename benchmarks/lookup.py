"""Lookup at 10,000 rooms over HTTP, while another process needs a core as a busy worker does: how long each kind of text takes."""

from benchmarks import fill, ready  # noqa: F401

# isort: split
import http.client
import statistics
import sys
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

from benchmarks.overview import LIVE, ROOMS, STUCK, UNKNOWN, cookie_of
from benchmarks.stage import Stage, percentile, say, table
from meetadmin.monitoring import heartbeat
from spaces.google.codes import LONGEST_INPUT

ROUNDS, ROUNDS_OF_LONG = 20, 4
BOUNDARY = "measured"


@dataclass
class Text:
    """A text that is looked up, and how many milliseconds each answer took."""

    name: str
    text: str
    took: list[float] = field(default_factory=list)

    @property
    def is_long(self) -> bool:
        """Whether it is sent in a form, as the page does with every text."""
        return len(self.text) > 1000


def texts() -> list[Text]:
    """Return what is looked up."""
    code = fill.code_of(4321)
    link = f" https://meet.google.com/{code} "
    slip = code[:-1] + ("a" if code[-1] != "a" else "b")
    long = LONGEST_INPUT - 100
    return [
        Text("code", code),
        Text("link", link.strip()),
        Text("code with a slip", slip),
        Text("room's name", "Room 04321"),
        Text("building and floor", "Building 07 floor 2"),
        Text("owner", "facility-3@example.com"),
        Text("sentence", "The Berlin room Humboldt on floor 3 is blocked since this morning please help"),
        Text("no match", "zebra crossing"),
        Text("1 MB of words", _repeated("lorem ipsum dolor ", long)),
        Text(
            "1 MB with a link within",
            _repeated("lorem ipsum ", long // 2) + link + _repeated("dolor ", long // 2),
        ),
        Text("1 MB of %25", _repeated("%25", long)),
        Text("1 MB of mixed escapes", _repeated("%2541&amp;amp;\\u0041=3D%C3%A4 ", long)),
        Text("1 MB of broken lines", _repeated("=3D=\n", long)),
    ]


def _repeated(part: str, length: int) -> str:
    return (part * (length // len(part) + 1))[:length]


class Visitor:
    """One connection to the web server, kept open, signed in as somebody, asking as the page's script does."""

    def __init__(self, address: str, cookie: str) -> None:
        self.connection = http.client.HTTPConnection(address, timeout=60)
        self.headers = {"Cookie": cookie, "HX-Request": "true"}
        self.connection.request("GET", "/lookup/", headers={"Cookie": cookie})
        page = self.connection.getresponse()
        token = page.read().decode().split('name="csrfmiddlewaretoken" value="', 1)[1].split('"', 1)[0]
        cookies = [value.split(";", 1)[0] for name, value in page.getheaders() if name == "set-cookie"]
        self.headers |= {
            "Cookie": "; ".join([cookie, *cookies]),
            "X-CSRFToken": token,
            "Origin": f"http://{address}",
        }

    def look_up(self, text: Text) -> float:
        """Look a text up. Return how many milliseconds passed until the whole answer was here."""
        headers, body = self.headers, None
        method, path = "GET", f"/lookup/?{urlencode({'q': text.text})}"
        if text.is_long:
            part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="q"\r\n\r\n{text.text}\r\n--{BOUNDARY}--\r\n'
            headers = headers | {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
            method, path, body = "POST", "/lookup/", part.encode()
        began = time.perf_counter()
        self.connection.request(method, path, body=body, headers=headers)
        answer = self.connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{text.name} was answered with {answer.status}")
        return (time.perf_counter() - began) * 1000


def main() -> None:
    """Fill, measure, print."""
    say(f"Lookup: {ROOMS:,} rooms; SQLite; another process keeps one core busy.")
    cast = fill.fill(ROOMS, live=LIVE, stuck=STUCK, unknown=UNKNOWN)
    heartbeat.record("worker")
    heartbeat.record("beat")
    measured = texts()
    with Stage.inherited() as place:
        place.application("web")
        visitor = Visitor(place.env["MEETADMIN_BASE_URL"].removeprefix("http://"), cookie_of(cast.helpdesk))
        for text in measured:
            visitor.look_up(text)
        place.start("busy", [sys.executable, "-c", "while True: pass"])
        for number in range(ROUNDS):
            for text in measured:
                if number < ROUNDS_OF_LONG or not text.is_long:
                    text.took.append(visitor.look_up(text))
    say("  Over loopback from granian, one visitor, the texts taking turns; milliseconds.")
    table(
        ("text", "p50", "p95", "slowest", "answers"),
        [
            (
                text.name,
                f"{statistics.median(text.took):.1f}",
                f"{percentile(text.took, 0.95):.1f}",
                f"{max(text.took):.1f}",
                str(len(text.took)),
            )
            for text in measured
        ],
    )


if __name__ == "__main__":
    main()
