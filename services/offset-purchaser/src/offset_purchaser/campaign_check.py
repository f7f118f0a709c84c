"""What a campaign file may not say although every value of it can be read. Pure.

Not part of the models: versions stored by an older release stay readable.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from email.errors import MessageError
from email.headerregistry import Address

from babel.core import get_global
from babel.numbers import get_currency_precision

from offset_purchaser.campaign import Campaign
from offset_purchaser.documents.content import INVOICES, unlawful
from offset_purchaser.documents.parts import Party
from offset_purchaser.documents.values import NOT_PRINTED
from offset_purchaser.terms import LONGEST_SPAN, MAIL_ADDRESS, Leg, LegalEntity
from shared.clock import FIRST_YEAR, LAST_YEAR
from shared.fields import COUNTRY_CODES

LONGEST_DAYS = 36_525
"""A sales event takes days, a replay of old files ten years, one of a log whose clock was reset half a century. What is
longer is a slip of the pen, and every day would be a line of the timetable."""

CURRENT_CURRENCIES = frozenset(
    code
    for spans in get_global("territory_currencies").values()
    for code, _, until, tender in spans
    if until is None and tender
)
"""ISO 4217 codes that are legal tender somewhere, as the CLDR of babel lists them: no FRF, no gold, no test code."""

NO_ZONES = re.compile(r"(localtime|Factory|posixrules|(posix|right)/.*)")
"""Files beside the zones of the IANA database that are none: this machine's own, a placeholder, other countings."""

LONGEST_NAME, LONGEST_TEXT = 200, 1000
"""Characters: of a name that stands in titles and tables, and of every other text."""

LARGEST_LOT_G = 10**12
"""A million tonnes: more than any provider asks for at least."""

Fault = tuple[tuple[str | int, ...], str]
"""(path of keys inside the campaign, sentence)."""


def faults(campaign: Campaign) -> Iterator[Fault]:
    """What is wrong with one campaign by itself."""
    yield from _calendar(campaign)
    for key in ("shops", "countries"):
        if not getattr(campaign, key):
            yield (key,), 'the list is empty; name them, or write "*" for all'
    for channel in campaign.expected:
        if channel not in campaign.channels:
            yield ("expected", channel), f"{channel} is not among the campaign's channels"
    yield from _approval(campaign)
    yield from _countries(campaign)
    for n, leg in enumerate(campaign.legs):
        yield from ((("legs", n, *path), why) for path, why in _leg(leg))
    if campaign.forecast_from == campaign.id:
        yield ("forecast_from",), "a campaign cannot shape its own forecast"
    if NO_ZONES.fullmatch(campaign.zone):
        yield ("zone",), f"{campaign.zone} names no place; write one of the IANA database (Europe/Paris)"
    yield from unprintable(campaign.model_dump(exclude={"legal_entity"}))


def invoice_faults(campaign: Campaign, buyer: Party) -> Iterator[Fault]:
    """Terms that no invoice may state: said before a day begins, for a day's documents keep its terms."""
    for n, leg in enumerate(campaign.legs):
        if leg.document not in INVOICES or leg.vat is None or leg.supplier is None:
            continue
        if why := unlawful(leg.vat, leg.supplier, buyer, leg.currency):
            yield ("legs", n, "vat"), why


def entity_faults(entity: LegalEntity) -> Iterator[Fault]:
    """What is wrong with one legal entity by itself."""
    books: dict[tuple[str | int, ...], str] = {("accounts", "currency"): entity.accounts.currency}
    yield from currency_faults(books | {("accounts", "rates", code): code for code in entity.accounts.rates})
    for n, address in enumerate(entity.documents_to):
        if not is_mail_address(address):
            yield ("documents_to", n), f"{address} is not one mail address"
    yield from unprintable(entity.model_dump())


def unprintable(value: object, *path: str | int) -> Iterator[Fault]:
    """Texts, wherever they stand, that no table can hold or no page can print: control characters, halves of
    characters, more than anybody reads."""
    if isinstance(value, str):
        if wrong := next((c for c in value if unicodedata.category(c) in NOT_PRINTED), ""):
            yield path, f"contains the character U+{ord(wrong):04X}, which no document can print"
        elif len(value) > (most := LONGEST_NAME if path[-1:] == ("name",) else LONGEST_TEXT):
            yield path, f"has {len(value)} characters; at most {most} are printed"
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from unprintable(inner, *path, str(key))
    elif isinstance(value, list | tuple):
        for n, inner in enumerate(value):
            yield from unprintable(inner, *path, n)


def is_mail_address(text: str) -> bool:
    """Whether a mail's header can name it as its one recipient."""
    try:
        return bool(re.fullmatch(MAIL_ADDRESS, text)) and Address(addr_spec=text).addr_spec == text
    except (ValueError, IndexError, MessageError):
        return False


def _leg(leg: Leg) -> Iterator[Fault]:
    if leg.fallback == leg.provider:
        yield ("fallback",), f"{leg.fallback} is the provider itself; name another one or none"
    yield from currency_faults({("currency",): leg.currency})
    if leg.mail_to and not is_mail_address(leg.mail_to):
        yield ("mail_to",), "is not one mail address; write orders@partner.example"
    if leg.lot_g and leg.lot_g > LARGEST_LOT_G:
        yield ("lot_g",), f"{leg.lot_g} g is more than {LARGEST_LOT_G} g"
    least = Decimal(1).scaleb(-get_currency_precision(leg.currency))
    prices: dict[tuple[str | int, ...], Decimal] = {("price_per_tonne",): leg.price_per_tonne}
    prices |= {("ceilings", n, "price_per_tonne"): one.price_per_tonne for n, one in enumerate(leg.ceilings)}
    for path, price in prices.items():
        if price < least:
            yield path, f"{price} is below {least} {leg.currency}, the least that can be paid"
    days = [one.from_day for one in leg.ceilings]
    for n, day in enumerate(days):
        if day in days[:n]:
            yield ("ceilings", n, "from_day"), f"there is a ceiling from {day} on above"


def currency_faults(codes: Mapping[tuple[str | int, ...], str]) -> Iterator[Fault]:
    """Currencies that nobody pays with any more; ``codes`` by where they stand."""
    for path, code in codes.items():
        if code not in CURRENT_CURRENCIES:
            yield path, f"{code} is no currency that is in use (EUR, GBP, USD are)"


def _calendar(campaign: Campaign) -> Iterator[Fault]:
    for key in ("first_day", "last_day"):
        day: date = getattr(campaign, key)
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            yield (key,), f"{day} is not between {FIRST_YEAR} and {LAST_YEAR}"
    if (campaign.last_day - campaign.first_day).days >= LONGEST_DAYS:
        yield ("last_day",), f"a campaign has at most {LONGEST_DAYS} days"
    for key in ("grace", "wait_at_most"):
        if getattr(campaign, key) > LONGEST_SPAN:
            yield (key,), f"is more than {LONGEST_SPAN.days}d"


def _countries(campaign: Campaign) -> Iterator[Fault]:
    for n, country in enumerate(campaign.countries if campaign.countries != "*" else ()):
        if country not in COUNTRY_CODES:
            hint = {"UK": " (the United Kingdom is GB)", "EU": " (name its countries)"}.get(country, "")
            yield ("countries", n), f"{country} is no country of ISO 3166-1{hint}"


def _approval(campaign: Campaign) -> Iterator[Fault]:
    approval = campaign.approval
    limits = (approval.above_amount, approval.above_forecast_times)
    if approval.people > 1 and limits == (None, None):
        yield ("approval", "people"), "nothing waits for people without above_amount or above_forecast_times"
    if approval.above_forecast_times is not None and not any(
        one.total_kg or one.total_kg_per_day for one in campaign.expected.values()
    ):
        why = "there is no forecast: give total_kg or total_kg_per_day under expected"
        yield ("approval", "above_forecast_times"), why
