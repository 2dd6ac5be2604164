"""The Admin SDK's Reports API: Meet's log."""
