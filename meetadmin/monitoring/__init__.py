"""How the installation itself is doing: health, heartbeats, figures, metrics and the system page."""
