"""Which permissions of an account have been tried one by one, and how that went."""

from datetime import datetime
from typing import ClassVar

from django.db import models


class ScopeCheck(models.Model):
    """The last time Google's token endpoint was asked for this one scope in the name of this account. `problem`: why it refused,
    in words with the cure; empty when it gave a token."""

    account = models.ForeignKey("spaces.Account", on_delete=models.CASCADE, related_name="checks")
    scope = models.CharField(max_length=200)
    works = models.BooleanField()
    problem = models.TextField(blank=True)
    at = models.DateTimeField()

    objects: ClassVar[models.Manager["ScopeCheck"]] = models.Manager()

    class Meta:
        ordering = ["scope"]
        constraints = [models.UniqueConstraint(fields=["account", "scope"], name="check_once_a_scope")]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.scope}"

    @classmethod
    def remember(cls, account_id: int, scope: str, *, problem: str, at: datetime) -> None:
        """Keep how it went, in place of the time before."""
        cls.objects.update_or_create(
            account_id=account_id,
            scope=scope,
            defaults={"works": not problem, "problem": problem, "at": at},
        )
