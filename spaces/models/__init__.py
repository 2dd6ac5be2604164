"""What is stored. One file a noun; questions are QuerySet methods, the access policy is in spaces.access."""

from spaces.models.accounts import Account
from spaces.models.checks import ScopeCheck
from spaces.models.conferences import Conference, Participant, Participation
from spaces.models.devices import DeviceIdentity
from spaces.models.history import AuditEntry, AuditHead
from spaces.models.outbox import DomainEvent, EventCursor
from spaces.models.people import Person, PersonAlias, Role
from spaces.models.preferences import Favourite, Preferences, SavedFilter
from spaces.models.rooms import Building, Ownership, Room
from spaces.models.spaces import Member, PastCode, Space
from spaces.models.subscriptions import Event, Subscription
from spaces.models.wordindex import RoomWord, SearchWord

__all__ = [
    "Account",
    "AuditEntry",
    "AuditHead",
    "Building",
    "Conference",
    "DeviceIdentity",
    "DomainEvent",
    "Event",
    "EventCursor",
    "Favourite",
    "Member",
    "Ownership",
    "Participant",
    "Participation",
    "PastCode",
    "Person",
    "PersonAlias",
    "Preferences",
    "Role",
    "Room",
    "RoomWord",
    "SavedFilter",
    "ScopeCheck",
    "SearchWord",
    "Space",
    "Subscription",
]
