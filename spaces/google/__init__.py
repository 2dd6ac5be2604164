"""Google as plain Python: no Django, no settings, no models.

`rest` holds what all clients have in common, and one file each is a client of an API (`meet`, `events`, `pubsub`). `refusals` says what
errors mean, `network` how this machine is left.
"""
