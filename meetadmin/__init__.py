"""Meetadmin: the project around the application `spaces`."""

from meetadmin.celery import app as celery_app

__all__ = ["celery_app"]  # loaded with the project, so that the web process sends its tasks to our broker
