"""People of the organisation: who signs in, and who has been given a role before the first sign-in."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from spaces.words import text

LONGEST_LABEL = 300
"""Characters of `Person.label`; what the audit log has room for."""


class Role(models.TextChoices):
    """What somebody is for the whole installation. Owning a room is not a role but an Ownership."""

    COLLEAGUE = "colleague", _("Colleague")
    HELPDESK = "helpdesk", _("Helpdesk")
    ADMIN = "admin", _("Admin")


class PersonManager(BaseUserManager["Person"]):
    """Finds and makes people by e-mail."""

    def by_address(self, email: str) -> "Person | None":
        """Return the person with this address or alias; None when there is nobody."""
        address = email.strip().lower()
        return self.filter(email=address).first() or self.filter(aliases__address=address).first()

    def named(self, email: str) -> "Person":
        """Return the person with this address or alias, made when missing: roles and rooms are given before the first sign-in."""
        person = self.by_address(email)
        if person is None:
            person = self.model(email=email.strip().lower())
            person.set_unusable_password()
            person.save()
        return person


class Person(AbstractBaseUser):
    """A human being with a Google account of an allowed domain.

    `google_id` is Google's `sub`: it identifies the person for ever, while addresses move. It is empty until the first
    sign-in; from then on a different `sub` with the same address is a different person, until an admin says otherwise.

    - `email` is empty while the person has no address: another Google account uses it now, or this row was merged.
      `former_email` is the address that was given up. It is shown with the word "formerly" and never mailed.
    - `address_taken_by`: the Google account that uses this person's address now. An admin still has to settle whether it is
      the same person.
    - `merged_into`: this row is the same human being as that one and was merged into it. It stays for the audit log.
    """

    email = models.EmailField(unique=True, null=True, blank=True)
    former_email = models.EmailField(blank=True)
    google_id = models.CharField(max_length=255, unique=True, null=True, blank=True)
    name = models.CharField(max_length=200, blank=True)
    role = models.CharField(max_length=20, choices=Role, default=Role.COLLEAGUE)
    buildings = models.ManyToManyField("spaces.Building", blank=True, related_name="admins")
    is_active = models.BooleanField(default=True)
    language = models.CharField(max_length=10, blank=True)  # empty: what the browser asks for
    time_zone = models.CharField(max_length=60, blank=True)  # empty: that of the installation
    address_taken_by = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="addresses_taken"
    )
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "email"

    class Meta:
        ordering = ["email", "former_email", "pk"]
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.handle

    @property
    def mail_address(self) -> str | None:
        """The address at which the person can be mailed; None when they have none."""
        return self.email or None

    @property
    def handle(self) -> str:
        """The address, or which one the person had: what tells people apart on screens."""
        return self.email or text("formerly %(address)s") % {"address": self.former_email}

    @property
    def display_name(self) -> str:
        """What the person is called where there is room for one word."""
        return self.name or self.handle

    @property
    def label(self) -> str:
        """What the person is called in the audit log: name and address, the name cut where both are too long."""
        handle = str(self.handle)
        if not self.name:
            return handle[:LONGEST_LABEL]
        room = LONGEST_LABEL - len(handle) - len(" ()")
        name = self.name if len(self.name) <= room else f"{self.name[: room - 1]}…"
        return f"{name} ({handle})"

    @property
    def has_signed_in(self) -> bool:
        """Whether somebody has signed in as this person. An alias, a group or a mistyped address never does."""
        return self.google_id is not None


class PersonAlias(models.Model):
    """Another address of a person, learnt when two rows were merged. Entered for a room or a role, it means the person."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="aliases")
    address = models.EmailField(unique=True)

    objects: ClassVar[models.Manager["PersonAlias"]] = models.Manager()

    class Meta:
        ordering = ["address"]
        verbose_name_plural = "person aliases"

    def __str__(self) -> str:
        return self.address
