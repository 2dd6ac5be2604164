"""What Google told us, as frozen dataclasses. Names follow the Meet REST reference, times are aware datetimes in UTC."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Liveness = Literal["active", "idle", "unknown"]
ParticipantKind = Literal["signed_in", "guest", "phone"]


@dataclass(frozen=True, slots=True)
class PhoneAccess:
    """A dial-in number with the PIN that belongs to it. A joining secret: show it only to those who may join."""

    number: str
    pin: str
    region: str
    language: str


@dataclass(frozen=True, slots=True)
class SipAccess:
    """A SIP address with its 13-digit access code. A joining secret like the phone PIN."""

    uri: str
    access_code: str


@dataclass(frozen=True, slots=True)
class Space:
    """A meeting space as the caller is allowed to see it (Meet REST reference: `spaces`).

    `name` (`spaces/{id}`) is the only key worth storing; `meeting_code` can be detached from the space and reused.
    `settings` maps leaf paths without the `config.` prefix to values as Google names them, also those that the catalogue does not know
    (numbers as text); None when Google withheld the configuration.
    """

    name: str
    meeting_code: str
    meeting_uri: str
    settings: dict[str, str] | None = None
    active_record: str | None = None
    phone_access: tuple[PhoneAccess, ...] = ()
    sip_access: tuple[SipAccess, ...] = ()

    @property
    def asked_by_owner(self) -> bool:
        """Whether the caller owns the space: Google shows the configuration to nobody else."""
        return self.settings is not None

    @property
    def liveness(self) -> Liveness:
        """Whether a call is on, as far as this caller may know.

        To anyone but owner and participants Google hides a running call, so its absence says nothing then.
        """
        if self.active_record:
            return "active"
        return "idle" if self.asked_by_owner else "unknown"


@dataclass(frozen=True, slots=True)
class ConferenceRecord:
    """One call (Meet REST reference: `conferenceRecords`); `ended_at` is None while it runs.

    Google forgets the record at `expires_at`, 30 days after the end.
    """

    name: str
    space: str
    started_at: datetime
    ended_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Participant:
    """One person or room device in a call. `google_id` is the bare number, present for signed-in users only.

    A meeting-room device appears as a signed-in user under the device's name.
    """

    name: str
    kind: ParticipantKind
    google_id: str | None
    display_name: str
    joined_at: datetime
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording of a call (Meet REST reference: `conferenceRecords.recordings`); `ended_at` is None while it runs.

    `state`: STARTED, ENDED (its file is not written yet) or FILE_GENERATED, or a value that Google has added since.
    """

    name: str
    state: str
    started_at: datetime
    ended_at: datetime | None = None

    @property
    def is_running(self) -> bool:
        """Whether the recording is going on."""
        return self.ended_at is None and self.state not in {"ENDED", "FILE_GENERATED"}


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who joins a space without knocking; `role` is empty for plain members."""

    name: str
    email: str
    role: Literal["COHOST", ""] = ""


@dataclass(frozen=True, slots=True)
class EventSubscription:
    """A subscription to what happens in a user's spaces (Workspace Events REST reference: `subscriptions`).

    `target` is a full resource name, `state` ACTIVE, SUSPENDED or DELETED, `authority` the numeric id of the user who
    authorised it, empty when Google does not tell. `expires_at` is None only in a preview.
    """

    name: str
    target: str
    topic: str
    state: str
    suspension: str
    authority: str
    event_types: frozenset[str]
    expires_at: datetime | None
    created_at: datetime | None
