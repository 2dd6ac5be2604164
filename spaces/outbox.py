"""Delivery of domain events to the consumers in `spaces.registry`: each has a cursor, and each event comes at least once and in order.

A consumer begins with events that are written after its first delivery. It runs in a transaction together with its cursor: what it
writes to the database happens once, other effects at least once.
"""

import logging
from collections.abc import Sequence

from django.db import connection, transaction

from spaces import access, registry
from spaces.access import Actor, Permission
from spaces.models import DomainEvent, EventCursor

logger = logging.getLogger(__name__)

BATCH = 200
"""Events that a consumer gets at once."""


def log_events(events: Sequence[DomainEvent]) -> None:
    """Write events to the log, as ids only."""
    for event in events:
        logger.info(
            "%s room=%s space=%s conference=%s account=%s",
            *(event.kind, event.room, event.space, event.conference, event.account),
        )


def deliver(*, actor: Actor) -> int:
    """Deliver new events to all consumers. Return how many deliveries were made.

    A consumer that fails gets the same events again at the next tick and does not stop the others.
    """
    access.require(actor, Permission.EVENTS_TAKE)
    complete_to = DomainEvent.complete_to()
    if complete_to is None:
        return 0  # a transaction is writing events: they are delivered at the next tick
    delivered = 0
    positions = dict(EventCursor.objects.values_list("consumer", "position"))
    for name, consumer in registry.consumers.items():
        if positions.get(name, -1) >= complete_to:
            continue  # without a transaction: mostly there is nothing new
        try:
            delivered += _deliver_to(name, consumer, complete_to)
        except Exception:
            logger.exception("consumer %s", name)
    return delivered


def _deliver_to(name: str, consumer: registry.Consumer, complete_to: int) -> int:
    """Deliver one batch after another, each in a transaction with the cursor."""
    delivered = 0
    EventCursor.objects.get_or_create(consumer=name, defaults={"position": complete_to})
    while True:
        with transaction.atomic():
            skip_locked = connection.features.has_select_for_update_skip_locked
            cursor = (
                EventCursor.objects.select_for_update(skip_locked=skip_locked).filter(consumer=name).first()
            )
            if cursor is None:
                return delivered  # another process delivers to it
            events = list(DomainEvent.objects.filter(pk__gt=cursor.position, pk__lte=complete_to)[:BATCH])
            if not events:
                return delivered
            consumer(events)
            EventCursor.objects.filter(pk=cursor.pk).update(position=events[-1].pk)
        delivered += len(events)
