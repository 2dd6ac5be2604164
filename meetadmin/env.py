"""The only place that reads the environment: typed readers that collect every problem and tell the operator what to write instead."""

import difflib
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from django.core.exceptions import ImproperlyConfigured

from spaces.google.addresses import PRIVATE

_SEPARATORS = re.compile(r"[,;\s]+")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
_MAILBOX = re.compile(r"[^\s@,;:<>\"()\[\]\\]{1,64}")


class Environment:
    """Reads settings from a mapping such as os.environ.

    A reader that cannot use a value notes a sentence in `problems` and returns a harmless value, so that one start reports all
    problems. `check` raises them.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.problems: list[str] = []

    def refuse(self, sentence: str) -> None:
        """Note a problem; the start fails in `check`."""
        self.problems.append(sentence)

    def check(self) -> None:
        """Raise ImproperlyConfigured with all problems found so far, if any."""
        if len(self.problems) == 1:
            raise ImproperlyConfigured(self.problems[0])
        if self.problems:
            raise ImproperlyConfigured(
                f"{len(self.problems)} settings are wrong:" + "".join(f"\n- {one}" for one in self.problems)
            )

    def text(self, name: str, default: str | None = None, *, help_text: str = "") -> str:
        """Return the value of `name`; `default` if it is unset or empty. Without a default a missing value is a problem."""
        value = self._values.get(name, "").strip()
        if value:
            return value
        if default is None:
            self.refuse(f"The environment variable {name} is not set. {help_text}".strip())
            return ""
        return default

    def first(self, *names: str) -> str:
        """Return the value of the first of these variables that is set, or an empty text."""
        return next((value for name in names if (value := self.text(name, ""))), "")

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a switch: 1, true, yes, on; 0, false, no, off."""
        value = self._values.get(name, "").strip().lower()
        if value in {"1", "true", "yes", "on"}:
            return True
        if value and value not in {"0", "false", "no", "off"}:
            self.refuse(f"The environment variable {name} is {value!r}; write 1 or 0.")
        return default if not value else False

    def number(self, name: str, default: int, *, least: int = 0, most: int = 1_000_000_000) -> int:
        """Return a whole number from `least` to `most`."""
        value = self._values.get(name, "").strip()
        if not value:
            return default
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", value, re.ASCII):
            self.refuse(f"The environment variable {name} is {value!r}; write a whole number.")
            return default
        if not least <= int(value) <= most:
            self.refuse(f"{name} is {value}; write a whole number from {least} to {most}.")
            return default
        return int(value)

    def items(self, name: str, default: str = "") -> list[str]:
        """Return a list separated by commas, semicolons or white space."""
        return [part for part in _SEPARATORS.split(self.text(name, default)) if part]

    def choice(self, name: str, default: str, choices: Collection[str]) -> str:
        """Return one of `choices`, in their spelling, whatever the case."""
        value = self.text(name, default)
        for known in choices:
            if known.lower() == value.lower():
                return known
        near = difflib.get_close_matches(value, choices, n=1, cutoff=0.5)
        self.refuse(
            f"{name} is {value!r}; "
            + (f"did you mean {near[0]}?" if near else f"write {', '.join(choices)}.")
        )
        return default

    def secret(self, name: str, default: str | None = None, *, help_text: str = "") -> str:
        """Return a secret from `name`, or from the file that `name`_FILE points to (as Docker and systemd pass secrets)."""
        path = self._values.get(f"{name}_FILE", "").strip()
        if not path:
            return self.text(name, default, help_text=help_text)
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            self.refuse(f"{name}_FILE points to {path}, which cannot be read: {why}.")
            return ""

    def base_url(self, name: str, default: str) -> str:
        """Return the address of a site: scheme, host and port, without a slash at the end."""
        value = self.text(name, default)
        try:
            parts = urlsplit(value)
            host, port = (parts.hostname or "").rstrip("."), parts.port
            if ":" not in host:
                host = host.encode("idna").decode("ascii")
        except (ValueError, UnicodeError):
            self.refuse(f"{name} is not an address. Write https://host or https://host:port.")
            return default
        if parts.scheme not in {"http", "https"} or not host:
            self.refuse(
                f"{name} does not begin with http:// or https:// and a host name. Write https://host or https://host:port."
            )
            return default
        if parts.username is not None or parts.password is not None:
            self.refuse(f"{name} contains a user name or password. Write https://{host} only.")
            return default
        if parts.path.strip("/") or parts.query or parts.fragment:
            self.refuse(
                f"{name} is {value!r}: Meetadmin needs a host name of its own and cannot be served below a path. Write "
                f"{parts.scheme}://{host} and give it that host name in the proxy."
            )
            return default
        host = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{host}" + (f":{port}" if port else "")

    def domains(self, name: str) -> frozenset[str]:
        """Return hosted domains in ASCII lower case. `@example.com` and `https://example.com/` are understood."""
        found = set()
        for item in self.items(name):
            domain = re.sub(r"^(?:https?://|[^@\s]*@)", "", item.lower()).strip("/").rstrip(".")
            try:
                domain = domain.encode("idna").decode("ascii")
            except UnicodeError:
                domain = ""
            if not _DOMAIN.fullmatch(domain):
                self.refuse(
                    f"{name} contains {item!r}, which is not a domain. List each Google Workspace domain: example.com,example.org."
                )
            elif domain in PRIVATE:
                self.refuse(
                    f"{name} contains {domain}: private Google accounts belong to no Workspace domain and cannot sign in."
                )
            else:
                found.add(domain)
        return frozenset(found)

    def addresses(self, name: str) -> list[str]:
        """Return e-mail addresses in lower case, each once, in their order."""
        found: dict[str, None] = {}
        for item in self.items(name):
            mailbox, _, domain = item.lower().rpartition("@")
            try:
                domain = domain.encode("idna").decode("ascii")
            except UnicodeError:
                domain = ""
            if _MAILBOX.fullmatch(mailbox) and _DOMAIN.fullmatch(domain):
                found[f"{mailbox}@{domain}"] = None
            else:
                self.refuse(f"{name} contains {item!r}; write e-mail addresses separated by commas.")
        return list(found)

    def time_zone(self, name: str, default: str) -> str:
        """Return an IANA time zone such as Europe/Berlin."""
        value, zones = self.text(name, default), available_timezones()
        if value in zones:
            return value
        plain = value.replace(" ", "_").lower()
        same = [zone for zone in sorted(zones) if plain in (zone.lower(), zone.rpartition("/")[2].lower())]
        near = same or difflib.get_close_matches(value, zones, n=1, cutoff=0.7)
        self.refuse(
            f"{name} is {value!r}, which is not an IANA time zone. "
            + (f"Did you mean {near[0]}?" if near else "Write one such as Europe/Berlin or America/New_York.")
        )
        return default


def is_random(key: bytes) -> bool:
    """Return whether bytes that should come from a random generator can do so: half of them differ."""
    return len(set(key)) * 2 >= len(key)


def is_weak_secret(secret: str, *, least: int) -> bool:
    """Return whether a secret is short, repetitive or one of the examples that documents use."""
    plain = secret.lower()
    return (
        len(secret) < least
        or len(set(secret)) < min(8, least // 2)
        or plain.startswith("django-insecure")
        or plain.strip("-_ !0123456789")
        in {"changeme", "change-me", "secret", "secretkey", "password", "anything"}
    )
