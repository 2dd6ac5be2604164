"""The audit log. Actions write it with `attempt` and `note`; `verify` checks the chain."""

from spaces.audit.actions import Action
from spaces.audit.recording import ActionRejected, DuplicateRequest, attempt, note

__all__ = ["Action", "ActionRejected", "DuplicateRequest", "attempt", "note"]
