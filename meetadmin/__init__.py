"""Meetadmin: the project around the application `spaces`."""
