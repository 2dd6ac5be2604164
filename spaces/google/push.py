"""How pushed events are to reach us: names, and the way. Light enough for the settings, which check it at start."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_PROJECT = r"[a-z0-9][a-z0-9.:-]{4,80}"
_NAME = r"[A-Za-z][A-Za-z0-9._~+%-]{2,254}"
_TOPIC = re.compile(f"projects/{_PROJECT}/topics/{_NAME}")
_SUBSCRIPTION = re.compile(f"projects/{_PROJECT}/subscriptions/{_NAME}")


@dataclass(frozen=True, slots=True)
class Arrangement:
    """One topic to which Google publishes, and how its messages come to us: pushed to our address, or pulled by us.

    `subscriptions` are those of Pub/Sub (not of Workspace Events) that are believed. `account` is the service account that signs
    the pushes and `audience` what its tokens must be made for (Pub/Sub guide, "Authenticate push subscriptions"); both
    are empty when we pull. Raises ValueError with a sentence for the operator when anything is missing or misspelt.
    """

    topic: str
    subscriptions: tuple[str, ...]
    account: str = ""
    audience: str = ""
    pull: bool = False

    def __post_init__(self) -> None:
        if not _TOPIC.fullmatch(self.topic):
            raise ValueError(
                f"MEETADMIN_PUSH_TOPIC is {self.topic!r}; write the topic's full name: projects/PROJECT/topics/NAME."
            )
        if not self.subscriptions:
            raise ValueError(
                "MEETADMIN_PUSH_SUBSCRIPTIONS is empty, so no event would be believed. Write the full name of the topic's "
                "Pub/Sub subscription: projects/PROJECT/subscriptions/NAME."
            )
        for name in self.subscriptions:
            if not _SUBSCRIPTION.fullmatch(name):
                raise ValueError(
                    f"MEETADMIN_PUSH_SUBSCRIPTIONS has {name!r}; write projects/PROJECT/subscriptions/NAME."
                )
        if self.pull:
            if len(self.subscriptions) != 1:
                raise ValueError(
                    "MEETADMIN_PUSH_PULL is on and MEETADMIN_PUSH_SUBSCRIPTIONS names several; events are fetched from one."
                )
            if self.account or self.audience:
                raise ValueError(
                    "MEETADMIN_PUSH_PULL is on, and MEETADMIN_PUSH_ACCOUNT or MEETADMIN_PUSH_AUDIENCE is set. Events are "
                    "either pulled or pushed: take the one or the others away."
                )
            return
        if "@" not in self.account:
            raise ValueError(
                "MEETADMIN_PUSH_ACCOUNT must be the address of the service account with which Pub/Sub signs its pushes "
                "(NAME@PROJECT.iam.gserviceaccount.com). Without it anybody could send us events. Or set MEETADMIN_PUSH_PULL=1."
            )
        if not self.audience:
            raise ValueError("MEETADMIN_PUSH_AUDIENCE is empty; write the audience of the push subscription.")


def reachable(address: str) -> bool:
    """Whether Google could push to this address of ours: https, under a name of its own."""
    parts = urlsplit(address)
    return parts.scheme == "https" and bool(parts.hostname)
