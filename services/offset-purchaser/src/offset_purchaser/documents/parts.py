"""The parts of a document: parties, what was emitted, what was bought, VAT. Masses are grams of CO2e."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, field_validator, model_validator

from offset_purchaser.documents.values import (
    Amount,
    CountryCode,
    Currency,
    Effect,
    Grams,
    OptionalText,
    Part,
    Sha256,
    Text,
)
from shared.estimate import ChannelName

Count = Annotated[int, Field(ge=0)]


class Party(Part):
    """A seller or buyer as an invoice must name it.

    ``registration_scheme`` is an ISO 6523 code (0002 = SIREN), ``electronic_scheme`` an EAS code (0225 = French
    e-invoicing address, EM = e-mail).
    """

    name: Text
    address_lines: tuple[Text, ...] = Field(min_length=1, max_length=3)
    postal_code: OptionalText = ""
    city: OptionalText = ""
    country: CountryCode
    vat_id: OptionalText = ""
    registration_id: OptionalText = ""
    registration_scheme: OptionalText = ""
    electronic_address: OptionalText = ""
    electronic_scheme: OptionalText = ""


class Range(Part):
    """Grams of CO2e with the 95 % interval; ``low <= central <= high``."""

    low: Grams
    central: Grams
    high: Grams

    @model_validator(mode="after")
    def _in_order(self) -> Range:
        if not self.low <= self.central <= self.high:
            raise ValueError(f"range out of order: {self.low} <= {self.central} <= {self.high}")
        return self


class Measure(Part):
    """One measured activity of a channel, e.g. ``bytes`` 123456789: the meter's name and integer."""

    name: Text
    value: int


class ChannelRow(Range):
    """What one channel emitted. ``share`` is the fraction (0 to 1) of the total's central value."""

    channel: ChannelName
    events: Count
    share: Annotated[Grams, Field(ge=-1, le=1)]
    activity: tuple[Measure, ...] = ()


class MethodRef(Part):
    """Which method and which factor set produced a channel's estimate."""

    channel: ChannelName
    method: Text
    version: Text
    factor_set: Text
    factor_set_sha256: Sha256


class Exclusion(Part):
    """Something seen and not bought, with how many events and grams where that is known (None = not known)."""

    reason: Literal[
        "paid_by_others",
        "waived",
        "late_unprovable",
        "bots",
        "outside",
        "duplicates",
        "rejected",
        "lost",
        "not_estimated",
    ]
    events: Count | None = None
    grams: Grams | None = None
    note: OptionalText = ""


class Gap(Part):
    """A source that had not arrived when the settlement was released without it."""

    missing: Text
    reason: Text
    released_by: OptionalText = ""


class Emissions(Part):
    """The estimate of the campaign days: one figure, never netted with what was bought."""

    total: Range
    channels: tuple[ChannelRow, ...]
    methods: tuple[MethodRef, ...]
    exclusions: tuple[Exclusion, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @field_validator("channels")
    @classmethod
    def _once_each(cls, rows: tuple[ChannelRow, ...]) -> tuple[ChannelRow, ...]:
        if len({row.channel for row in rows}) != len(rows):
            raise ValueError("a channel appears twice")
        return rows


class Project(Part):
    """Where the credits come from. Empty = the provider has not said, and the page says so."""

    name: OptionalText = ""
    id: OptionalText = ""
    country: OptionalText = ""
    type: OptionalText = ""
    methodology: OptionalText = ""
    effect: Effect = ""


class Certificate(Part):
    """A retirement at a registry: one project, one vintage; tonnes. ``None`` and ``""`` print as not stated."""

    reference: Text
    serials: tuple[Text, ...] = ()
    quantity_t: Annotated[Grams, Field(ge=0)] | None = None
    retired_on: date | None = None
    retiring_account: OptionalText = ""
    beneficiary: OptionalText = ""
    reason: OptionalText = ""
    ccp_approved: bool | None = None
    host_country_authorised: bool | None = None
    url: OptionalText = ""
    sha256: Sha256 | None = None


class OrderLine(Part):
    """One priced line: one order at one provider leg. ``net_amount`` is what the provider charges, before VAT."""

    order_id: UUID
    provider: Text
    leg: OptionalText = ""
    provider_reference: OptionalText = ""
    project: Project = Project()
    vintage: OptionalText = ""
    registry: OptionalText = ""
    standard: OptionalText = ""
    certificates: tuple[Certificate, ...] = ()
    quantity_g: Annotated[int, Field(gt=0)]
    lot_g: Annotated[int, Field(gt=0)] | None = None
    price_per_tonne: Annotated[Amount, Field(ge=0)]
    currency: Currency
    net_amount: Annotated[Amount, Field(ge=0)]


class Quantity(Part):
    """How the ordered grams follow from the owed ones; all values are >= 0.

    ``owed + drawn - paid_by_others - waived - committed - carry_in = ordered + unordered - carry_out``: ``drawn`` was
    owed before and too little to order then, ``carry_in`` was bought before and is used now, ``carry_out`` is bought
    now and kept for later, ``unordered`` lies below a lot or one minor unit now.
    """

    owed_g: Count
    drawn_g: Count = 0
    paid_by_others_g: Count = 0
    waived_g: Count = 0
    committed_g: Count = 0
    carry_in_g: Count = 0
    carry_out_g: Count = 0
    unordered_g: Count = 0

    @property
    def ordered_g(self) -> int:
        """The grams that this settlement's orders must add up to."""
        needed = self.owed_g + self.drawn_g - self.paid_by_others_g - self.waived_g - self.committed_g - self.carry_in_g
        return needed + self.carry_out_g - self.unordered_g


class Vat(Part):
    """EN 16931 VAT category (BT-151), rate in per cent, and the exemption text: all required, no default.

    ``exemption_text`` is ``""`` for S and Z and must say why for E, AE, K, G and O.
    """

    category: Literal["S", "Z", "E", "AE", "K", "G", "O"]
    rate: Annotated[Amount, Field(ge=0, le=100)]
    exemption_text: OptionalText

    @model_validator(mode="after")
    def _consistent(self) -> Vat:
        if (self.category == "S") != (self.rate > 0):
            raise ValueError(f"VAT category {self.category} does not go with a rate of {self.rate} %")
        if (self.category in {"S", "Z"}) == bool(self.exemption_text):
            raise ValueError(f"VAT category {self.category}: exemption text is {self.exemption_text!r}")
        return self


class Totals(Part):
    """Net, VAT and gross in major units; ``gross = net + vat`` to the cent."""

    currency: Currency
    net: Annotated[Amount, Field(ge=0)]
    vat: Annotated[Amount, Field(ge=0)]
    gross: Annotated[Amount, Field(ge=0)]


class NamedHash(Part):
    """SHA-256 of something the reader can hold against the record."""

    name: Text
    sha256: Sha256


class Verify(Part):
    """How a reader checks the document: the command, and the hashes it must print."""

    command: Text
    hashes: tuple[NamedHash, ...] = ()


Correction = Literal["cancellation", "price"]
"""What a credit note does: it takes a purchase back, or only money of it."""


class Repricing(Part):
    """What a price correction does to the net price of a tonne of one order, in the document's currency."""

    order_id: UUID
    before: Annotated[Amount, Field(ge=0)]
    after: Annotated[Amount, Field(ge=0)]


class DocumentRef(Part):
    """An earlier document, e.g. the invoice that a credit note corrects."""

    number: Text
    issued_on: date


class Agreement(Part):
    """The self-billing agreement between buyer and supplier."""

    reference: Text
    signed_on: date | None = None


class ProviderInvoice(Part):
    """The provider's own invoice, attached unchanged."""

    number: Text
    issued_on: date
    filename: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    sha256: Sha256


class LegalNote(Part):
    """A sentence the law asks for on an invoice. ``code`` is UNTDID 4451, ``""`` for a plain note.

    French e-invoicing asks for PMT (recovery charge), PMD (late payment) and AAB (discount): their wording is the
    supplier's, so there is no default.
    """

    code: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""
    text: Text


class Payment(Part):
    """When an invoice is due (a date, or terms in words), what is paid already, and the legal notes."""

    due_on: date | None = None
    terms: OptionalText = ""
    notes: tuple[LegalNote, ...] = ()
    paid: Annotated[Amount, Field(ge=0)] = Decimal(0)
