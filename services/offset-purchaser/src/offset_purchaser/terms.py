"""What a campaign is made of: who buys, provider legs with shares and ceilings, guards, what must have arrived.

Pure; ``campaign`` puts the pieces together.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.numbers import is_currency
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from offset_purchaser.documents.parts import Agreement, Party, Payment, Vat
from offset_purchaser.documents.values import Effect

BuyMode = Literal["per_day", "per_campaign"]
PER_CAMPAIGN_PROVIDERS = frozenset({"manual"})
"""Providers bought once per campaign unless the campaign says otherwise: nobody mails a partner every night."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name} is not a time zone of the IANA database (Europe/Paris is one)") from None
    return name


def _known_currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError(f"{code} is not an ISO 4217 currency")
    return code


Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Shop = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Zone = Annotated[str, AfterValidator(_known_zone)]
Currency = Annotated[str, AfterValidator(_known_currency)]
Price = Annotated[Decimal, Field(gt=0, max_digits=18, allow_inf_nan=False)]
DeviceKind = Literal["smartphone", "tablet", "laptop", "desktop"]
"""As in ``shared.avoided``."""
MAIL_ADDRESS = r"^[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,190}$"
MailAddress = Annotated[str, Field(pattern=MAIL_ADDRESS)]
Percent = Annotated[Decimal, Field(gt=0, le=100, allow_inf_nan=False)]


class Strict(BaseModel):
    """Base of everything in the campaign file: frozen, and an unknown key is an error, not a silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Ceiling(Strict):
    """From a campaign day on, the most a tonne may cost at a leg: net of VAT, fees included, in the leg's currency."""

    from_day: date
    price_per_tonne: Price


class Leg(Strict):
    """A share of what is owed, bought at one provider. ``price_per_tonne`` is the configured price and ceiling."""

    provider: str
    name: str = ""
    share: Percent = Decimal(100)
    price_per_tonne: Price
    currency: Currency
    ceilings: tuple[Ceiling, ...] = ()
    lot_g: Annotated[int, Field(ge=1)] | None = None
    """Smallest quantity; the provider's own lot when left out."""
    buy: BuyMode | None = None
    fallback: str | None = None
    product: str = ""
    """What to buy there, where the provider sells several things (a Stripe Climate product id)."""
    effect: Effect = ""
    """What its credits do (``reduction`` or ``removal``), where neither provider nor certificate says so."""
    document: Literal["statement", "self_billed", "provider_invoice"] = "statement"
    vat: Vat | None = None
    supplier: Party | None = None
    """Who sells, as a document must name it; the sandbox names itself."""
    fallback_supplier: Party | None = None
    """Who sells where the fallback does, on a statement; left out: the same seller."""
    agreement: Agreement | None = None
    payment: Payment = Payment()
    mail_to: str = ""
    """Where a partner without an API receives its order documents; empty: the folder only."""

    @model_validator(mode="after")
    def _documented(self) -> Self:
        needed = {"self_billed": ("vat", "supplier", "agreement"), "provider_invoice": ("vat", "supplier")}
        for name in needed.get(self.document, ()):
            if getattr(self, name) is None:
                raise ValueError(f"document: a {self.document} needs {name}; there is no default")
        if self.fallback_supplier is not None and (self.fallback is None or self.document != "statement"):
            raise ValueError("fallback_supplier: belongs to a fallback and a statement; an invoice names one seller")
        return self

    def seller(self, provider: str) -> Party | None:
        """Who sells what is bought at ``provider``, be it the leg's own or its fallback."""
        return self.fallback_supplier or self.supplier if provider == self.fallback else self.supplier

    @property
    def key(self) -> str:
        """The leg's name in orders and ledgers."""
        return self.name or self.provider

    def ceiling(self, day: date) -> Decimal:
        """The most a tonne may cost on a campaign day."""
        dated = [c for c in self.ceilings if c.from_day <= day]
        return max(dated, key=lambda c: c.from_day).price_per_tonne if dated else self.price_per_tonne


class Passed(Strict):
    """A position in a source topic that must be counted before the campaign settles (replays, demonstrations)."""

    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]


class Expected(Strict):
    """What must have arrived before a day freezes: at least so many events, and files by name."""

    events_per_day: Annotated[int, Field(ge=0)] = 0
    total_kg_per_day: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    """The forecast of one day, for approval and to compare with while it runs."""
    total_kg: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    """The same for the whole campaign; its days are then weighed as those of the last campaign were."""

    @model_validator(mode="after")
    def _one_total(self) -> Self:
        if self.total_kg and self.total_kg_per_day:
            raise ValueError("total_kg: give it for the campaign or per day, not both")
        return self


class Caps(Strict):
    """Guards on quantity: more than this is held, not bought."""

    per_day_t: Annotated[Decimal, Field(gt=0)] | None = None
    per_campaign_t: Annotated[Decimal, Field(gt=0)] | None = None


class Approval(Strict):
    """When people must say yes: an amount per order above the limit, or a day above N times its forecast."""

    above_amount: Annotated[Decimal, Field(ge=0)] | None = None
    above_forecast_times: Annotated[Decimal, Field(gt=0)] | None = None
    people: Annotated[int, Field(ge=1, le=2)] = 1


class BookAccount(Strict):
    """An account of the chart of accounts."""

    number: Annotated[str, Field(pattern=r"^[0-9A-Z]{1,20}$")]
    name: str


class AccountMap(Strict):
    """Where the ledger's money accounts stand in the entity's books; the defaults are the French general plan's."""

    journal: str = "CO2"
    journal_name: str = "Contributions climat"
    currency: Currency = "EUR"
    rates: dict[Currency, Price] = Field(default_factory=dict)
    """What one unit of another currency is worth in the book's, for exports that want the book's currency only."""
    expense: BookAccount = BookAccount(number="6288", name="Autres charges externes")
    vat: BookAccount = BookAccount(number="44566", name="TVA déductible sur autres biens et services")
    payable: BookAccount = BookAccount(number="401", name="Fournisseurs")
    bank: BookAccount = BookAccount(number="512", name="Banque")
    accrual: BookAccount = BookAccount(number="4081", name="Fournisseurs - Factures non parvenues")

    def of(self, account: str) -> BookAccount:
        """The account of the books for one of the ledger's."""
        found: BookAccount = getattr(self, account)
        return found


class LegalEntity(Strict):
    """Who buys: the party on every document, and the language it reads."""

    id: Identifier
    short: Annotated[str, Field(pattern=r"^[A-Z0-9-]{0,12}$")] = ""
    """Stands in its document numbers; the first twelve characters of the id when left out."""
    party: Party
    language: Literal["fr", "en", "de"] = "en"
    accounts: AccountMap = AccountMap()
    documents_to: tuple[MailAddress, ...] = ()
    """Who receives every document by mail."""

    @property
    def series(self) -> str:
        """The entity's part of its document numbers."""
        return self.short or self.id.upper()[:12]


UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


LONGEST_SPAN = timedelta(days=3_660)
"""Ten years: a replay of old files waits as long as its days are old. More is a slip of the pen."""


def parse_span(text: str) -> timedelta:
    """A span of time as people write it: ``90s``, ``15m``, ``6h``, ``2d``. Raises ``ValueError``."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text[len(number) :].strip()
    if not (number.isascii() and number.isdecimal()) or unit not in UNITS:
        raise ValueError(f"{text!r} is not a span of time; write 90s, 15m, 6h or 2d")
    if len(number) > 9 or int(number) * UNITS[unit] > LONGEST_SPAN.total_seconds():
        raise ValueError(f"{text!r} is more than {LONGEST_SPAN.days}d")
    return timedelta(seconds=int(number) * UNITS[unit])
