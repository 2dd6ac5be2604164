"""Refusals that faults can order, described by their parts or literally."""

import json
from dataclasses import dataclass, field
from typing import Any

from simulator.errors import MESSAGES, STATUS_WORDS, project_number
from simulator.world import OUR_PROJECT

JSON = dict[str, Any]
GOOGLE_JSON = "application/json; charset=UTF-8"
SERVICES = {
    "workspaceevents": ("workspaceevents.googleapis.com", "Google Workspace Events API"),
    "pubsub": ("pubsub.googleapis.com", "Cloud Pub/Sub API"),
    "directory": ("admin.googleapis.com", "Admin SDK API"),
    "reports": ("admin.googleapis.com", "Admin SDK API"),
}
"""First part of a method's name -> host and title of its API; everything else is Meet."""
MEET = ("meet.googleapis.com", "Google Meet API")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer, described by its parts or given literally.

    ``word`` None leaves ``error.status`` out. ``reason`` adds an ErrorInfo with ``domain`` and ``metadata``; ``errors`` adds
    the older ``errors[]`` with that reason. ``body`` replaces everything: text, sent as ``content_type``. In messages,
    metadata and texts, ``{service}``, ``{title}``, ``{method}`` and ``{number}`` (of the project) are filled in.
    """

    status: int
    word: str | None = ""
    message: str = ""
    reason: str = ""
    domain: str = ""
    metadata: JSON = field(default_factory=dict)
    details: tuple[JSON, ...] = ()
    errors: str = ""
    body: str | None = None
    content_type: str = GOOGLE_JSON
    headers: dict[str, str] = field(default_factory=dict)

    def text_for(self, method: str, rpc: str) -> str:
        """The body as it goes out for a method (its name here, and its name in Google's RPC system)."""
        host, title = SERVICES.get(method.split(".", maxsplit=1)[0], MEET)
        places = {
            "{service}": host,
            "{title}": title,
            "{method}": rpc,
            "{number}": project_number(OUR_PROJECT),
        }
        text = json.dumps(self._envelope()) if self.body is None else self.body
        for place, value in places.items():
            text = text.replace(place, value)
        return text

    def _envelope(self) -> JSON:
        message = self.message or MESSAGES.get(self.status, "Unknown error.")
        error: JSON = {"code": self.status, "message": message}
        if self.errors:
            error["errors"] = [{"message": message, "domain": self.domain or "global", "reason": self.errors}]
        if self.word is not None:
            error["status"] = self.word or STATUS_WORDS.get(self.status, "UNKNOWN")
        details = list(self.details)
        if self.reason:
            metadata = {"service": "{service}", "method": "{method}"} | self.metadata
            details.append(
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": self.reason,
                    "domain": self.domain or "googleapis.com",
                    "metadata": metadata,
                }
            )
        if details:
            error["details"] = details
        return {"error": error}
