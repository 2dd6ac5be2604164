"""Checking the hash chain of the audit log."""

from collections.abc import Iterator
from dataclasses import dataclass

from spaces.models import AuditEntry, AuditHead
from spaces.models.chain import GENESIS, row_hash

BATCH = 2000
_COLUMNS = [field.attname for field in AuditEntry._meta.concrete_fields]


@dataclass(frozen=True, slots=True)
class Finding:
    """A place at which the chain does not hold: number of the row, and what is wrong with it."""

    seq: int
    problem: str


class Verification:
    """One walk along the chain, in constant memory. `checked` counts rows, `last` is the hash of the last one."""

    def __init__(self, *, expected: tuple[int, str] | None = None) -> None:
        """`expected`: number and hash of a row as they were written down outside the database."""
        self.expected = expected
        self.checked = 0
        self.seq, self.last = 0, GENESIS

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong, in the order of the chain. Rows that are appended meanwhile are checked, too."""
        below = AuditEntry.rows.filter(seq__lt=1).order_by("seq").values_list("seq", flat=True)
        yield from (Finding(seq, "inserted before the first row") for seq in below.iterator())
        while True:
            yield from self._rows()
            # The head is read after the rows: what was appended in between is behind `self.seq`.
            head = AuditHead.objects.first()
            if head and head.seq > self.seq and AuditEntry.rows.filter(seq__gt=self.seq).exists():
                continue
            yield from self._end(head)
            return

    def _rows(self) -> Iterator[Finding]:
        rows = AuditEntry.rows.order_by("seq").values(*_COLUMNS)
        while batch := list(rows.filter(seq__gt=self.seq)[:BATCH]):
            for row in batch:
                seq, stored = row["seq"], row.pop("hash")
                if seq > self.seq + 1:
                    first, missing = self.seq + 1, seq - self.seq - 1
                    yield Finding(
                        first, "missing" if missing == 1 else f"missing, with the {missing - 1} rows after it"
                    )
                follows, unchanged = row["prev_hash"] == self.last, row_hash(row) == stored
                if not unchanged:
                    yield Finding(seq, "changed" if follows else "inserted, moved or changed")
                elif not follows and seq == self.seq + 1:
                    yield Finding(seq, "does not follow the row before it")
                if self.expected and self.expected[0] == seq and self.expected[1] != stored:
                    yield Finding(seq, "not the row whose hash was written down")
                self.checked += 1
                self.seq, self.last = seq, stored

    def _end(self, head: AuditHead | None) -> Iterator[Finding]:
        if head is None:
            if self.seq:
                yield Finding(self.seq, "the last row, but the head of the chain is missing")
        elif head.seq > self.seq:
            yield Finding(self.seq + 1, f"missing, with every row up to {head.seq}")
        elif head.seq < self.seq:
            yield Finding(head.seq + 1, "inserted after the end of the chain")
        elif head.hash != self.last:
            yield Finding(self.seq, "not the row that the head of the chain names")
        if self.expected and self.expected[0] > self.seq:
            yield Finding(self.expected[0], "missing, but its hash was written down")
