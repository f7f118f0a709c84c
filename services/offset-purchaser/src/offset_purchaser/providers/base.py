"""What every provider must offer, and what it says back. One file per provider; ``providers/__init__.py`` lists them.

A provider raises ``Rejected`` (definitively refused, nothing bought), ``Transient`` (no effect, try again) or
``OutcomeUnknown`` (a byte left and no answer can be trusted). Nothing else crosses this boundary: an answer that cannot
be read is one of these too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from offset_purchaser.certificate import G_MAX, Certificate
from offset_purchaser.documents.values import Effect, Told, Word
from offset_purchaser.order import Order, Traits
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.terms import Leg


class Progress(StrEnum):
    """How far a provider is with an order, in the words every provider is translated into."""

    PLACED = "placed"
    CONFIRMED = "confirmed"
    PARTLY_FILLED = "partly_filled"
    DELAYED = "delayed"
    SUBSTITUTED = "substituted"
    RETIRED = "retired"
    CANCELLED = "cancelled"


BOUGHT = frozenset({Progress.CONFIRMED, Progress.PARTLY_FILLED, Progress.SUBSTITUTED, Progress.RETIRED})
"""The provider stands for the grams it states: the purchase is real and payable."""


Money = Annotated[Decimal, Field(ge=0, le=10**12, max_digits=40, allow_inf_nan=False)]
"""Beyond a trillion it is a mistake, and more digits could not be rounded."""


class Answer(BaseModel):
    """What a provider says about an order."""

    model_config = ConfigDict(frozen=True)

    reference: Word
    order_id: UUID | None = None
    """Which of our orders it is about, where the provider says so."""
    progress: Progress
    filled_g: Annotated[int, Field(ge=0, le=G_MAX)]
    price_per_tonne: Money
    currency: Annotated[str, Field(pattern=r"^[A-Za-z]{3}$")]
    amount: Money
    project: Told = ""
    project_id: Told = ""
    project_country: Told = ""
    project_type: Told = ""
    methodology: Told = ""
    effect: Effect = ""
    vintage: Told = ""
    registry: Told = ""
    standard: Told = ""
    certificates: tuple[Certificate, ...] = ()
    expected_on: date | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a provider would charge now, net of VAT, fees included."""

    price_per_tonne: Decimal
    currency: str


class Provider(Protocol):
    """A seller of credits, reached the way it wants."""

    @property
    def traits(self) -> Traits:
        """What it declares about keys, lookup, lots and documents."""

    async def quote(self, order: Order, leg: Leg) -> Quote | None:
        """The price now; ``None`` when the configured price is the price.

        Raises ``Rejected`` when it cannot be bought as it is, which holds the order and loses nothing.
        """

    def request(self, order: Order, leg: Leg, beneficiary: str) -> bytes:
        """The exact bytes to store and send. Pure: equal orders give equal bytes."""

    async def place(self, order: Order, body: bytes) -> Answer:
        """Send the stored bytes under the order's key."""

    async def find(self, order: Order) -> Answer | None:
        """Look an order up by its key or metadata; ``None`` says "not seen", never "does not exist"."""

    async def status(self, order: Order) -> Answer | None:
        """How a placed order stands; ``None`` when only a person or a certificate can tell."""

    async def cancel(self, order: Order) -> Answer | None:
        """Ask to cancel within the declared window, and say how the order stands then; ``None``: only people can."""

    async def remind(self, order: Order, number: int) -> None:
        """Remind a partner who cannot be asked. Raises ``Transient`` when that did not work."""

    async def close(self) -> None:
        """Give connections back."""


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """A line of the tuple in ``providers/__init__.py``."""

    traits: Traits
    open: Callable[[PurchaserSettings], Provider]
    lacks: Callable[[PurchaserSettings], str]
    """What an installation still has to configure before it can buy here; ``""`` when nothing."""


def order_key(order_id: UUID) -> str:
    """The idempotency key as sent."""
    return str(order_id)
