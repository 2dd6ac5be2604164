"""The Admin SDK's Directory API: rooms, buildings, features, users and groups."""
