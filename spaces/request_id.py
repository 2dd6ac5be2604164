"""The id of the request that is being answered: in the audit log, in log lines, and in the response."""

import logging
from contextvars import ContextVar

current: ContextVar[str] = ContextVar("request_id", default="")
"""Empty outside a request."""


class LogFilter(logging.Filter):
    """Adds `request_id` to log records: " [id]", or nothing outside a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True: every record is logged."""
        request_id = current.get()
        record.request_id = f" [{request_id}]" if request_id else ""
        return True
