"""What the purchaser announces on ``offset-orders`` and ``offset-documents`` (outbox; kept for ever)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict


class OffsetOrder(BaseModel):
    """One state of one order at one provider leg. Key: ``order_id``."""

    model_config = ConfigDict(frozen=True)

    schema_version: Literal[1] = 1
    event_id: UUID
    occurred_at: AwareDatetime
    mode: Literal["live", "rehearsal"]
    order_id: UUID
    legal_entity: str
    campaign: str
    day: date
    settlement: int
    leg: str
    attempt: int
    provider: str
    state: str
    quantity_g: int
    price_per_tonne: Decimal
    currency: str
    amount: Decimal
    provider_reference: str | None = None


class OffsetDocument(BaseModel):
    """One issued document. Key: ``number``.

    Of a credit note or correction (``credits`` names what it corrects) grams and amounts are what it takes back, not
    negative; 0 g when it corrects a price and the credits stay bought.
    """

    model_config = ConfigDict(frozen=True)

    schema_version: Literal[1] = 1
    event_id: UUID
    occurred_at: AwareDatetime
    mode: Literal["live", "rehearsal"]
    number: str
    kind: Literal["statement", "statement_correction", "self_billed", "self_billed_credit", "provider_invoice"]
    legal_entity: str
    campaign: str
    day: date
    settlement: int
    order_ids: tuple[UUID, ...]
    quantity_g: int
    currency: str
    net_amount: Decimal
    vat_amount: Decimal
    gross_amount: Decimal
    content_sha256: str
    credits: str | None = None
