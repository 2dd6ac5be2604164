"""Meeting spaces: the persistent links, what is known of them, and how old that knowledge is."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from spaces import live
from spaces.google import resources
from spaces.google.errors import GoogleError, NotFound
from spaces.message import Message
from spaces.models import stuck
from spaces.models.accounts import Account
from spaces.models.conferences import Conference, Participant
from spaces.models.sentences import in_english, pack
from spaces.models.state import FollowedModel, FollowedQuerySet, states_following

if TYPE_CHECKING:
    from spaces.models.rooms import Room

AGEING_CODE = timedelta(days=300)  # a code dies 365 days after its last use
CONFIRM_AFTER = timedelta(minutes=2)
"""One refusal of Google says nothing for good: a space counts as hidden, or as somebody else's, when the same answer comes again this
much later and none in between said otherwise."""


class Liveness(models.TextChoices):
    """Whether a conference is on. Unknown is not a state of the room but of our knowledge: Google shows a running call
    to the owner and to those in it, so for anybody else "no call in the answer" says nothing."""

    ACTIVE = "active", _("Live")
    IDLE = "idle", _("Idle")
    UNKNOWN = "unknown", _("Unknown")


class SpaceQuerySet(FollowedQuerySet["Space"]):
    """The questions asked about spaces."""

    def in_use(self) -> Self:
        """Mapped to a room now."""
        return self.filter(retired_at=None)

    def stale(self, before: datetime) -> Self:
        """Whose settings and code were last asked for before that moment, oldest first."""
        asked = self.annotate(asked_at=Coalesce("doubted_at", "checked_at"))
        return asked.filter(Q(asked_at=None) | Q(asked_at__lt=before)).order_by(
            F("asked_at").asc(nulls_first=True)
        )

    def doubtful(self, now: datetime) -> Self:
        """Of which Google's last answer contradicts what we know, to be asked again; those asked longest ago first. A contradiction that
        was confirmed is asked about five times less often."""
        unconfirmed = Q(trouble="", doubted_at__lte=now - CONFIRM_AFTER)
        return self.filter(unconfirmed | Q(doubted_at__lte=now - 5 * CONFIRM_AFTER)).order_by("doubted_at")


MIDDLE, END = (5, 4), (10, 3)
"""Groups of a code such as abc-mnop-xyz: the first letter's place, from 1, and how many letters there are."""


def code_part(group: tuple[int, int]) -> models.Func:
    """Return a group of the code. The numbers are written out, because SQLite takes no index for an expression with parameters."""
    template = f"%(function)s(%(expressions)s, {group[0]}, {group[1]})"
    return models.Func(
        "meeting_code", function="SUBSTR", template=template, output_field=models.CharField(max_length=10)
    )


class Space(FollowedModel):
    """A persistent Meet link. `name` (`spaces/{id}`) is the key: it is immutable and case sensitive. The code is an
    alias that Google may take away and give to another space, so it is kept with the time it was last confirmed.

    An answer that contradicts what is known (hidden all at once, or shown as to a stranger) opens a doubt, from `doubted_since` to
    the last such answer at `doubted_at`; until it is confirmed (`CONFIRM_AFTER`) nothing else changes. Any other answer ends it.
    """

    class Origin(models.TextChoices):
        """Which Cloud project made it; only the one that did may end its calls."""

        OURS = "ours", _("Created by this dashboard")
        FOREIGN = "foreign", _("Created elsewhere")
        UNTESTED = "untested", _("Not known")

    class Trouble(models.TextChoices):
        NONE = "", "None"
        NOT_FOUND = "not_found", _("Not found at Google")
        NOT_PERMITTED = "not_permitted", _("No access")

    state_facts = frozenset({"account", "owned", "trouble", "liveness", "conference"})
    way_from_room = "space"

    name = models.CharField(max_length=200, unique=True)
    account = models.ForeignKey("spaces.Account", on_delete=models.PROTECT, related_name="spaces")
    owned = models.BooleanField(
        default=False, help_text="Google showed the settings, so the account is the owner."
    )
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.UNTESTED)
    created_here = models.BooleanField(
        default=False, help_text="We made it ourselves, so no refusal makes its origin foreign."
    )
    meeting_code = models.CharField(max_length=128, blank=True, db_index=True)
    meeting_uri = models.URLField(blank=True)
    code_confirmed_at = models.DateTimeField(null=True, blank=True)
    settings = models.JSONField(default=dict)
    refused = models.JSONField(
        default=dict,
        blank=True,
        help_text="Settings that Google did not take when last asked: path to the wanted value, the reason and the time.",
    )
    phone_access = models.JSONField(default=list)
    sip_access = models.JSONField(default=list)
    checked_at = models.DateTimeField(
        null=True, blank=True, help_text="When code and settings were last read."
    )
    liveness = models.CharField(max_length=10, choices=Liveness, default=Liveness.UNKNOWN)
    conference = models.OneToOneField(
        "spaces.Conference", on_delete=models.SET_NULL, null=True, blank=True, related_name="running_in"
    )
    seen_at = models.DateTimeField(
        null=True, blank=True, help_text="The moment before liveness was last asked."
    )
    trouble = models.CharField(max_length=20, choices=Trouble, default=Trouble.NONE, blank=True)
    trouble_text = models.TextField(blank=True)
    google_says = models.TextField(
        blank=True, default="", help_text="Google's own sentence about its last refusal, for admins."
    )
    doubted_since = models.DateTimeField(null=True, blank=True)
    doubted_at = models.DateTimeField(null=True, blank=True)
    former_room = models.ForeignKey(
        "spaces.Room", on_delete=models.SET_NULL, null=True, blank=True, related_name="former_spaces"
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager["Space"]] = SpaceQuerySet.as_manager()

    if TYPE_CHECKING:
        room: "Room"

    class Meta:
        ordering = ["name"]
        indexes = [
            models.Index(fields=["account", "liveness"]),
            models.Index(fields=["checked_at"]),
            models.Index(fields=["code_confirmed_at"], name="space_code_age"),
            # By which codes with a slip in another group are found.
            models.Index(code_part(MIDDLE), name="space_code_middle"),
            models.Index(code_part(END), name="space_code_end"),
        ]

    def __str__(self) -> str:
        return self.meeting_code or self.name

    @property
    def can_be_ended(self) -> bool:
        """Whether Google would let us end a call here: the account owns it and our own project made it. An untested
        origin counts as yes, so that Google is asked once and its answer remembered."""
        return self.owned and self.origin != self.Origin.FOREIGN

    def verdict(self, now: datetime) -> stuck.Verdict:
        """How forgotten the running call looks, 0 to 100, and why in words."""
        call = self.conference
        if self.liveness != Liveness.ACTIVE or call is None:
            return stuck.Verdict()
        room = getattr(self, "room", None)  # a list has loaded it; the call's way to it would ask again
        limits = stuck.Limits.configured().but(room.stuck_limits if room else {})
        return stuck.verdict(call, limits, now)

    def stuck_reasons(self, now: datetime) -> list[str]:
        """Why the running call looks forgotten, in words; empty when it does not."""
        return list(self.verdict(now).reasons)

    def code_is_ageing(self, now: datetime) -> bool:
        """Whether the code was last confirmed so long ago that Google may have taken it away."""
        return self.code_confirmed_at is not None and self.code_confirmed_at < now - AGEING_CODE

    def absorb(self, seen: resources.Space, *, seen_at: datetime) -> bool:
        """Take in Google's answer to `spaces.get` or `create`, asked at `seen_at`, or to `patch`, answered then: a reading that was
        on its way meanwhile may hold the settings from before.

        Safe to repeat and in any order: an answer older than what is known changes nothing. Returns whether it counted; this
        object shows what is stored in either case.
        """
        with states_following():
            known = Space.objects.select_for_update().get(pk=self.pk)
            if any(moment and moment > seen_at for moment in (known.checked_at, known.doubted_at)):
                self.refresh_from_db()
                return False
            # The owner is shown the settings. Without them the account may have lost the space: believed when it is said twice.
            changes = Space.columns_of(seen, read_at=seen_at)
            if known.owned and not seen.asked_by_owner and not known._is_confirmed(seen_at):
                changes |= {
                    "owned": True,
                    "doubted_since": known.doubted_since or seen_at,
                    "doubted_at": seen_at,
                }
            if known.meeting_code and known.meeting_code != seen.meeting_code:
                PastCode.remember(known)
            Space.objects.filter(pk=self.pk).update(**changes)
            if any(
                getattr(known, name) != value
                for name, value in changes.items()
                if name not in {"checked_at", "code_confirmed_at", "doubted_since", "doubted_at"}
            ):
                live.spaces_changed([self.pk], moved=bool(known.trouble))
            if seen.liveness == "unknown":
                # Asked by somebody who may not know: no news about the room. But an account that was its owner and is not
                # any more will never know again, so what it saw last does not stand for the present.
                if known.owned and not changes["owned"] and known.liveness != Liveness.UNKNOWN:
                    Space.objects.filter(pk=self.pk).update(liveness=Liveness.UNKNOWN)
                    live.spaces_changed([self.pk], moved=True)
                Space.objects.filter(pk=self.pk, seen_at=None).update(seen_at=seen_at)
            else:
                known.see_call(seen.active_record, seen_at=seen_at)
        self.refresh_from_db()
        return True

    @staticmethod
    def columns_of(seen: resources.Space, *, read_at: datetime) -> dict[str, Any]:
        """Return the columns that Google's answer to `spaces.get` fills, all but whether a call is on."""
        columns: dict[str, Any] = {
            "checked_at": read_at,
            "meeting_code": seen.meeting_code,
            "meeting_uri": seen.meeting_uri,
            "owned": seen.settings is not None,
            "trouble": Space.Trouble.NONE,
            "trouble_text": "",
            "google_says": "",
            "doubted_since": None,
            "doubted_at": None,
        }
        if seen.meeting_code:
            columns["code_confirmed_at"] = read_at
        if seen.settings is not None:
            columns["settings"] = dict(seen.settings)
            columns["phone_access"] = [asdict(phone) for phone in seen.phone_access]
            columns["sip_access"] = [asdict(sip) for sip in seen.sip_access]
        return columns

    def see_call(self, record: str | None, *, seen_at: datetime, started_at: datetime | None = None) -> bool:
        """Note that this record is the running conference (None: there is none), as asked at `seen_at`.

        An older answer never overwrites a newer one. Returns whether it counted.
        """
        with states_following():
            known = Space.objects.select_for_update().get(pk=self.pk)
            if known.seen_at and known.seen_at > seen_at:
                return False  # nor does it open a call that nobody would close again
            running = None
            if record is not None:
                running, new = Conference.objects.get_or_create(
                    record=record, defaults={"space_id": self.pk, "started_at": started_at}
                )
                if started_at and running.started_at is None:
                    running.started_at, new = started_at, True
                    Conference.objects.filter(pk=running.pk).update(started_at=started_at)
                if new:
                    running.judge()
            Space.objects.filter(pk=self.pk).update(
                liveness=Liveness.ACTIVE if running else Liveness.IDLE, conference=running, seen_at=seen_at
            )
            over = Conference.objects.filter(space=self.pk, ended_at=None)
            if running:
                over = over.exclude(pk=running.pk)
                Conference.objects.filter(pk=running.pk).update(ended_at=None, settled_at=None)
            gone = list(over.values_list("pk", flat=True))
            if gone:
                Participant.objects.filter(conference__in=gone).delete()
                Conference.objects.filter(pk__in=gone).update(ended_at=seen_at)
            if known.seen_at is None or (known.liveness, known.conference_id) != (
                Liveness.ACTIVE if running else Liveness.IDLE,
                running.pk if running else None,
            ):
                live.spaces_changed([self.pk], moved=True)
        return True

    def remember_refusals(self, asked: Mapping[str, str], refused: Mapping[str, str | Message]) -> None:
        """Keep which of the settings `asked` for (path to value) Google did not take, and why (path to reason), until it takes
        them: the room's page shows it beside the setting, long after the message is gone."""
        at = timezone.now().isoformat()
        with transaction.atomic():
            known = Space.objects.select_for_update().get(pk=self.pk).refused
            kept = {path: one for path, one in known.items() if path not in asked}
            kept |= {
                path: {"wanted": asked[path], "why": pack(why), "at": at} for path, why in refused.items()
            }
            Space.objects.filter(pk=self.pk).update(refused=kept)
        self.refused = kept

    def _is_confirmed(self, now: datetime) -> bool:
        """Whether an answer at this moment confirms the doubt there is."""
        return self.doubted_since is not None and self.doubted_since <= now - CONFIRM_AFTER

    def record_refusal(self, error: GoogleError, *, seen_at: datetime) -> bool:
        """Note that Google did not show this space (NotFound, NotPermitted) when asked at `seen_at`.

        What was known stays, and so does its age. The first refusal only opens a doubt; one that comes `CONFIRM_AFTER` later, with
        no other answer between, marks the space. Returns whether it is marked.
        """
        trouble = Space.Trouble.NOT_FOUND if isinstance(error, NotFound) else Space.Trouble.NOT_PERMITTED
        with states_following():
            known = Space.objects.select_for_update().get(pk=self.pk)
            if any(moment and moment > seen_at for moment in (known.checked_at, known.doubted_at)):
                return bool(known.trouble)
            changes: dict[str, Any] = {
                "doubted_since": known.doubted_since or seen_at,
                "doubted_at": seen_at,
                "google_says": error.google_says,
            }
            marked = bool(known.trouble) or known._is_confirmed(seen_at)
            if marked:
                changes |= {"trouble": trouble, "trouble_text": in_english(error.sentence)}
                if not (known.seen_at and known.seen_at > seen_at):
                    changes["liveness"] = Liveness.UNKNOWN
            Space.objects.filter(pk=self.pk).update(**changes)
            if marked and known.trouble != trouble:
                live.spaces_changed([self.pk], moved=True)
        return marked

    @classmethod
    def record_access(cls, account: Account, names: Iterable[str], *, seen_at: datetime) -> list["Space"]:
        """Note that Google listed running calls in these spaces for this account, which it does for the owner only: doubts and troubles
        from before that moment are over. Returns those that had any, or do not count as owned; they are to be read again."""
        doubted = Q(doubted_at__lte=seen_at)
        found = cls.objects.filter(doubted | Q(owned=False), account=account, name__in=list(names))
        freed = list(found.select_related("conference"))
        keys = [space.pk for space in freed]
        if not keys:
            return []
        cls.objects.filter(doubted, pk__in=keys).update(
            trouble=Space.Trouble.NONE,
            trouble_text="",
            google_says="",
            doubted_since=None,
            doubted_at=None,
        )
        live.spaces_changed(keys, moved=True)
        return freed


class PastCode(models.Model):
    """A code that a space had. People keep old links for years, so lookups know them."""

    space = models.ForeignKey(Space, on_delete=models.CASCADE, related_name="past_codes")
    code = models.CharField(max_length=128, db_index=True)
    last_confirmed_at = models.DateTimeField(null=True, blank=True)
    replaced_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-replaced_at"]
        constraints = [models.UniqueConstraint(fields=["space", "code"], name="past_code_once_a_space")]

    def __str__(self) -> str:
        return self.code

    @classmethod
    def remember(cls, space: Space) -> None:
        """Keep the code that the space has until now."""
        cls.objects.update_or_create(
            space=space,
            code=space.meeting_code,
            defaults={"last_confirmed_at": space.code_confirmed_at, "replaced_at": timezone.now()},
        )


class Member(models.Model):
    """Somebody with a lasting place in a space: joins without knocking, a co-host helps to run its calls."""

    space = models.ForeignKey(Space, on_delete=models.CASCADE, related_name="members")
    email = models.EmailField()
    role = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["email"]
        constraints = [models.UniqueConstraint(fields=["space", "email"], name="member_once_a_space")]
        indexes = [models.Index(fields=["email"], name="member_email")]

    def __str__(self) -> str:
        return self.email

    @classmethod
    def replace(cls, space: Space, members: Iterable[resources.Member]) -> None:
        """Make the stored list equal to Google's."""
        listed = {member.email.lower(): member.role for member in members if member.email}
        with transaction.atomic():
            cls.objects.filter(space=space).exclude(email__in=listed).delete()
            for email, role in listed.items():
                cls.objects.update_or_create(space=space, email=email, defaults={"role": role})
