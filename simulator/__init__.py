"""Google, pretended: Meet, sign-in and a living world of rooms, for demos and tests."""
