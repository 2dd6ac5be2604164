"""People of the organisation: who signs in, and who has been given a role before the first sign-in."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What somebody is for the whole installation. Owning a room is not a role but an Ownership."""

    COLLEAGUE = "colleague", _("Colleague")
    HELPDESK = "helpdesk", _("Helpdesk")
    ADMIN = "admin", _("Admin")


class PersonManager(BaseUserManager["Person"]):
    """Finds and makes people by e-mail."""

    def named(self, email: str) -> "Person":
        """The person with this address, made when missing: roles and rooms are given before the first sign-in."""
        address = email.strip().lower()
        person = self.filter(email=address).first()
        if person is None:
            person = self.model(email=address)
            person.set_unusable_password()
            person.save()
        return person


class Person(AbstractBaseUser):
    """A human being with a Google account of an allowed domain.

    `google_id` is Google's `sub`: it identifies the person for ever, while addresses move. It is empty until the first
    sign-in; from then on a different `sub` with the same address is a different person.
    """

    email = models.EmailField(unique=True)
    google_id = models.CharField(max_length=255, unique=True, null=True, blank=True)
    name = models.CharField(max_length=200, blank=True)
    role = models.CharField(max_length=20, choices=Role, default=Role.COLLEAGUE)
    buildings = models.ManyToManyField("spaces.Building", blank=True, related_name="admins")
    is_active = models.BooleanField(default=True)
    language = models.CharField(max_length=10, blank=True)  # empty: what the browser asks for
    time_zone = models.CharField(max_length=60, blank=True)  # empty: that of the installation
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "email"

    class Meta:
        ordering = ["email"]
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.email

    @property
    def label(self) -> str:
        """How the person is called on screens and in the audit trail."""
        return f"{self.name} ({self.email})" if self.name else self.email
