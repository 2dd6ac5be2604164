"""`manage.py audit verify` and `manage.py audit grants ROLE`."""

from argparse import ArgumentTypeError
from itertools import islice
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.db import transaction

from spaces.audit import grants
from spaces.audit.verify import Verification

MOST_FINDINGS = 20
PROBLEMS = {
    "not_postgresql": "The database is not PostgreSQL, so there are no roles.",
    "no_such_role": "This role does not exist.",
    "owner": "This role owns the audit log or is a superuser, so it could give itself every right.",
}


def numbered_hash(text: str) -> tuple[int, str]:
    """Return row number and hash of "number:hash"."""
    number, colon, digits = text.partition(":")
    if not colon or not number.isdecimal() or len(digits) != 64:
        raise ArgumentTypeError("expected NUMBER:HASH as a verification prints it")
    return int(number), digits.lower()


class Command(BaseCommand):
    help = "Check the hash chain of the audit log, or protect the log by database rights."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        verify = actions.add_parser("verify", help="find changed, missing, inserted and moved rows")
        verify.add_argument(
            "--expect",
            type=numbered_hash,
            metavar="NUMBER:HASH",
            help="a row as an earlier verification printed it: shows that everything up to it is the same",
        )
        rights = actions.add_parser(
            "grants", help="print the SQL that forbids a PostgreSQL role to change the log"
        )
        rights.add_argument("role", help="the role with which Meetadmin runs")
        rights.add_argument("--apply", action="store_true", help="execute it; connect as the tables' owner")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        if action == "verify":
            self.verify(options["expect"])
        else:
            self.grants(options["role"], apply=options["apply"])

    def verify(self, expected: tuple[int, str] | None) -> None:
        """Print every finding; raises CommandError (exit code 1) when there is one."""
        verification = Verification(expected=expected)
        found = list(islice(verification.findings(), MOST_FINDINGS + 1))
        for finding in found[:MOST_FINDINGS]:
            self.stdout.write(f"Row {finding.seq}: {finding.problem}.")
        if len(found) > MOST_FINDINGS:
            self.stdout.write(f"Stopped after {MOST_FINDINGS} findings.")
        if found:
            raise CommandError("The audit log was changed outside Meetadmin.")
        self.stdout.write(
            f"The audit log is complete: {verification.checked} rows. Last row: {verification.seq}:{verification.last}"
        )

    def grants(self, role: str, *, apply: bool) -> None:
        """Print the statements, or execute them. Raises CommandError when they would protect nothing."""
        if problem := grants.problem_with(role):
            raise CommandError(PROBLEMS[problem])
        if apply:
            with transaction.atomic():
                grants.apply(role)
            self.stdout.write(f"{role} can read and append to the audit log, but not change it.")
        else:
            self.stdout.write("".join(f"{statement};\n" for statement in grants.statements(role)))
