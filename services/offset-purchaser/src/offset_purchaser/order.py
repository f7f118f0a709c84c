"""One order at one provider leg: its identity, and the next step from its state and the time. Pure.

Key and exact request bytes are fixed before the first call. The same bytes are sent again only within half the lifetime
that the provider declares for its keys; after that the order is looked up, and with no answer it stays unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from uuid import UUID, uuid5

NAMESPACE = UUID("6f1d2c1e-6a43-5a0e-9a55-3f5f0f0c7b11")
"""Root of all order ids. Never changes: the same purchase must have the same key for ever."""


class OrderState(StrEnum):
    """Where an order stands. ``confirmed``, ``rejected`` and ``cancelled`` are final."""

    PLANNED = "planned"
    HELD = "held"
    READY = "ready"
    """Request bytes are stored; no byte has left."""
    SENDING = "sending"
    """A byte may have left."""
    UNKNOWN = "unknown"
    PLACED = "placed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


NOT_LEFT = (OrderState.PLANNED, OrderState.HELD, OrderState.READY)
"""No byte has left, unless ``first_sent_at`` says otherwise."""
FINAL = frozenset({OrderState.CONFIRMED, OrderState.REJECTED, OrderState.CANCELLED})


def order_id(legal_entity: str, campaign: str, day: date, number: int, leg: str, attempt: int) -> UUID:
    """The order's identity and idempotency key: the same purchase always has the same one."""
    return uuid5(NAMESPACE, "|".join((legal_entity, campaign, day.isoformat(), str(number), leg, str(attempt))))


@dataclass(frozen=True, slots=True)
class Order:
    """An order as stored."""

    order_id: UUID
    mode: Literal["live", "rehearsal"]
    legal_entity: str
    campaign: str
    buy_day: date
    number: int
    leg: str
    attempt: int
    provider: str
    state: OrderState
    quantity_g: int
    price_per_tonne: Decimal
    currency: str
    amount: Decimal
    request: bytes | None
    first_sent_at: datetime | None
    reference: str | None
    certified: bool
    find_only: bool
    """Known from elsewhere to have left: looked up, never sent."""
    reminders: int
    """How often a partner who cannot be asked was reminded."""
    tries: int
    last_sent_at: datetime | None
    """When the newest attempt began."""
    refusal: str
    """What the provider said when it refused a later attempt: whether an earlier one succeeded is not known yet."""
    last_deadline: datetime | None
    """Until when an attempt of ours, or of an instance before us, may still be on its way."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a provider declares about itself; every rule of buying from it follows from these."""

    name: str
    key_lifetime: timedelta | None
    """How long it remembers a key; ``None``: it has no keys, so a request is sent at most once."""
    find: Literal["key", "metadata", "none"]
    visibility_delay: timedelta
    """How late its listing may show an order."""
    lot_g: int
    cancel_window: timedelta
    document_kind: Literal["statement", "self_billed", "provider_invoice"]
    certificates: bool
    """Whether it sends retirement certificates that a settlement waits for before it is complete."""


@dataclass(frozen=True, slots=True)
class Prepare:
    """Ask for the price and store the request bytes."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send the stored bytes."""


@dataclass(frozen=True, slots=True)
class Find:
    """Look the order up; sending it again is no longer safe."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask how a placed order stands."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing to do before this moment."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing to do until a person acts, or ever."""


Step = Prepare | Send | Find | Ask | Pause | Leave


def next_step(order: Order, traits: Traits, now: datetime) -> Step:  # noqa: PLR0911  (one return per state)
    """What to do with an order now. Never says ``Send`` when a second effect is possible."""
    if order.last_deadline is not None and now < order.last_deadline:
        return Pause(order.last_deadline)  # an attempt may still be on its way
    match order.state:
        case OrderState.PLANNED | OrderState.HELD:
            return Prepare()
        case OrderState.READY:
            return Send()
        case OrderState.SENDING | OrderState.UNKNOWN:
            return _again(order, traits, now)
        case OrderState.PLACED:
            return Ask()
        case OrderState.CONFIRMED:
            return Leave() if order.certified else Ask()
        case OrderState.REJECTED | OrderState.CANCELLED:
            return Leave()


def _again(order: Order, traits: Traits, now: datetime) -> Step:
    """Never sent again before the provider's own listing would show the last attempt."""
    if order.first_sent_at is None and not order.find_only:
        return Send()  # every try failed before a byte left
    if traits.find != "none":
        last = order.last_sent_at or order.first_sent_at
        if last is not None and now < last + traits.visibility_delay:
            return Pause(last + traits.visibility_delay)
    if may_resend(order, traits, now):
        return Send()
    return Leave() if traits.find == "none" else Find()


def may_resend(order: Order, traits: Traits, now: datetime) -> bool:
    """Whether the same bytes under the same key are still sure to have one effect."""
    if order.find_only or order.refusal or order.first_sent_at is None or traits.key_lifetime is None:
        return False
    return now < order.first_sent_at + traits.key_lifetime / 2


def refusal_stands(order: Order, traits: Traits, now: datetime) -> bool:
    """Whether a refusal is definitive after a lookup saw nothing.

    It is at once when no earlier attempt may have succeeded. Otherwise an earlier request may still be on its way to
    the provider's books, so the refusal stands only when half the key lifetime has passed and nothing has shown up.
    """
    if not order.refusal or order.first_sent_at is None or traits.key_lifetime is None:
        return False
    return now >= order.first_sent_at + traits.key_lifetime / 2 + traits.visibility_delay


REMIND_EVERY = timedelta(days=3)
"""A partner who answers by hand is reminded this often; nothing waits for the answer but the order itself."""


def reminder_due(order: Order, now: datetime) -> int:
    """The number of the reminder to send now; 0 when none is due."""
    if order.first_sent_at is None:
        return 0
    number = (now - order.first_sent_at) // REMIND_EVERY
    return number if number > order.reminders else 0


def back_off(tries: int, first_s: float, most_s: float) -> timedelta:
    """How long to wait after so many tries: doubling, with a ceiling."""
    return timedelta(seconds=min(first_s * 2 ** min(tries, 20), most_s))
