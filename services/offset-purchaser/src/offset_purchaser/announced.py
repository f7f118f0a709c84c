"""Whether our tables are behind what was announced: the sign of a restore from a backup. Pure.

An announcement is published only after its row is committed, so in normal life the topics are never ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.offset_events import OffsetDocument, OffsetOrder

RANK = {"planned": 0, "held": 0, "ready": 1, "sending": 2, "unknown": 2, "placed": 3}
"""How far an order is; what is not listed has ended (4)."""


@dataclass(frozen=True, slots=True)
class Behind:
    """What was announced and is not in our tables."""

    orders: tuple[OffsetOrder, ...]
    documents: tuple[OffsetDocument, ...]

    @property
    def sentence(self) -> str:
        """For logs and health; ``""`` when nothing is missing."""
        if not self.orders and not self.documents:
            return ""
        return (
            f"the tables are behind what was announced ({len(self.orders)} orders, {len(self.documents)} documents): "
            "nothing is bought or numbered until `offset-purchaser import-announcements`"
        )


def newest(events: Iterable[OffsetOrder]) -> dict[UUID, OffsetOrder]:
    """The last state announced of each order; of two at the same moment the further one.

    Not the furthest of all: an order whose bytes were ready may be held again before they leave.
    """
    found: dict[UUID, OffsetOrder] = {}
    for event in events:
        old = found.get(event.order_id)
        if old is None or _order(event) >= _order(old):
            found[event.order_id] = event
    return found


def _order(event: OffsetOrder) -> tuple[datetime, int]:
    return event.occurred_at, RANK.get(event.state, 4)


def behind(
    announced: Mapping[UUID, OffsetOrder],
    documents: Mapping[str, OffsetDocument],
    our_orders: Mapping[UUID, str],
    our_documents: Iterable[str],
) -> Behind:
    """Compare. An order that was only planned or held when announced has bought nothing and is not missed."""
    known = set(our_documents)
    return Behind(
        tuple(
            event
            for key, event in announced.items()
            if (rank := RANK.get(event.state, 4)) >= 1 and rank > RANK.get(our_orders.get(key, "planned"), 4)
        ),
        tuple(event for number, event in documents.items() if number not in known),
    )
