"""What a campaign file may not say although every value of it can be read. Pure.

Not part of the models: versions stored by an older release stay readable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from babel.core import get_global

from offset_purchaser.campaign import Campaign
from offset_purchaser.documents.content import INVOICES, unlawful
from offset_purchaser.documents.parts import Party
from offset_purchaser.terms import LONGEST_SPAN, LegalEntity

FIRST_YEAR, LAST_YEAR = 1970, 2999
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

COUNTRIES = frozenset(get_global("territory_currencies"))
"""ISO 3166-1 codes of countries and territories, and a few that were."""

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
    for n, country in enumerate(campaign.countries if campaign.countries != "*" else ()):
        if country not in COUNTRIES:
            hint = " (the United Kingdom is GB)" if country == "UK" else ""
            yield ("countries", n), f"{country} is no country of ISO 3166-1{hint}"
    for n, leg in enumerate(campaign.legs):
        if leg.fallback == leg.provider:
            yield ("legs", n, "fallback"), f"{leg.fallback} is the provider itself; name another one or none"
        yield from (((*("legs", n), *path), why) for path, why in currency_faults({("currency",): leg.currency}))
    if campaign.forecast_from == campaign.id:
        yield ("forecast_from",), "a campaign cannot shape its own forecast"


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
