"""Manual lines: a figure in kilograms, an evidence file, an author. Never beside events of the same format."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid5

from offset_purchaser.campaign import Campaign, timetable
from offset_purchaser.order import NAMESPACE
from offset_purchaser.store import campaigns, manual
from offset_purchaser.store.campaigns import Rules
from offset_purchaser.store.manual import ManualLine
from shared.clock import day_bounds, quarter_of, system_clock
from shared.errors import Rejected
from shared.estimate import ChannelName
from shared.postgres import Connection, Pool, transaction

FORMAT = r"[a-z0-9_-]{0,63}"
"""An advertising format as registers have it; anything else would stand beside its events unseen."""
LIMIT_BYTES = 20_000_000
"""An invoice or an agency's report is below 20 MB; more belongs elsewhere, with its hash here."""


MOST_KG, DECIMALS = 10**9, 6
"""As the API takes them: more does not fit into a register, finer is nobody's figure."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a person states."""

    campaign: str
    day: date
    channel: str
    format: str
    kg: Decimal
    low_kg: Decimal | None
    high_kg: Decimal | None
    description: str
    author: str


async def add_line(pool: Pool, figure: Figure, filename: str, evidence: bytes) -> UUID:
    """Keep a manual line; returns its id. The same figure with the same evidence is kept once."""
    _check(figure, evidence)
    text = unicodedata.normalize("NFKC", " ".join(figure.description.split()))
    kg, digest = f"{figure.kg.normalize():f}", hashlib.sha256(evidence).hexdigest()
    key = "|".join((figure.campaign, figure.day.isoformat(), figure.channel, figure.format, kg, text, digest))
    line = ManualLine(
        line=uuid5(NAMESPACE, f"line|{key}"),
        campaign=figure.campaign,
        day=figure.day,
        channel=figure.channel,
        format=figure.format,
        low_kg=figure.kg if figure.low_kg is None else figure.low_kg,
        central_kg=figure.kg,
        high_kg=figure.kg if figure.high_kg is None else figure.high_kg,
        description=figure.description.strip(),
        author=figure.author.strip(),
        filename=filename,
        evidence=evidence,
    )
    if not line.low_kg <= line.central_kg <= line.high_kg or line.low_kg < 0:
        side = "high_kg" if 0 <= line.low_kg <= line.central_kg else "low_kg"
        why = f"range out of order: {line.low_kg} <= {line.central_kg} <= {line.high_kg} kg"
        raise Rejected(why, field=side)
    async with transaction(pool) as connection:
        if not await campaigns.in_force(connection, figure.campaign):
            raise Rejected(f"there is no campaign {figure.campaign}", field="campaign")
        await _insert(connection, await campaigns.rules(connection, figure.campaign), line)
    return line.line


def _check(figure: Figure, evidence: bytes) -> None:
    _check_kg(figure)
    if figure.channel not in list(ChannelName):
        raise Rejected(f"there is no channel {figure.channel}; there are {', '.join(ChannelName)}", field="channel")
    for name, text in (("description", figure.description), ("author", figure.author)):
        if not text.strip():
            raise Rejected("a manual line needs a description and an author", field=name)
    if not re.fullmatch(FORMAT, figure.format):
        why = f"{figure.format!r} is no advertising format; write it as events do: ooh_poster, display, tv"
        raise Rejected(why, field="format")
    if figure.channel == ChannelName.ADS and not figure.format:
        why = "a line of ads names the format it stands for (ooh_poster, tv ...), so that it is counted once"
        raise Rejected(why, field="format")
    if not 0 < len(evidence) <= LIMIT_BYTES:
        why = f"the evidence file has {len(evidence)} bytes; between 1 and {LIMIT_BYTES} are accepted"
        raise Rejected(why, field="evidence")


def _check_kg(figure: Figure) -> None:
    if not figure.kg.is_finite() or figure.kg <= 0:
        raise Rejected(f"{figure.kg} kg: a manual line is above zero", field="kg")
    for name, amount in (("kg", figure.kg), ("low_kg", figure.low_kg), ("high_kg", figure.high_kg)):
        if amount is None:
            continue
        if not amount.is_finite():
            raise Rejected(f"{amount} kg is not a number", field=name)
        if amount > MOST_KG:
            raise Rejected(f"{amount} kg is above {MOST_KG} kg, a million tonnes", field=name)
        if round(amount, DECIMALS) != amount:
            raise Rejected(f"{amount} kg is finer than a milligram; write at most {DECIMALS} decimals", field=name)


async def withdraw_line(pool: Pool, line: str, *, by: str, reason: str) -> None:
    """Take a manual line back, for as long as a settlement of its day is still to come."""
    who, why = " ".join(by.split()), " ".join(reason.split())
    for name, text in (("by", who), ("reason", why)):
        if not text:
            raise Rejected("taking a line back needs a name and a reason", field=name)
    try:
        key = UUID(line)
    except ValueError:
        raise Rejected(f"{line} is not the id of a line", field="line") from None
    async with transaction(pool) as connection:
        found = await manual.of_line(connection, key)
        if found is None:
            raise Rejected(f"there is no line {line}")
        campaign, day, withdrawn = found
        if withdrawn:
            raise Rejected(f"line {line} was taken back before")
        if not await _settled_later(connection, (await campaigns.in_force(connection, campaign))[0].campaign, day):
            raise Rejected(f"every settlement of {day} has frozen with this line; no later one would see the change")
        await manual.withdraw(connection, key, by=who, reason=why, now=system_clock())


async def _insert(connection: Connection, rules: Rules, line: ManualLine) -> None:
    """By the rules of the line's day, which is what its settlement is made by."""
    if line.day not in set(rules.current.campaign.days()):
        raise Rejected(f"campaign {line.campaign} has no {line.channel} on {line.day}", field="day")
    found = rules.on(line.day)
    campaign = found.campaign
    if line.channel not in campaign.channels:
        raise Rejected(f"campaign {campaign.id} has no {line.channel} on {line.day}", field="channel")
    start, end = day_bounds(line.day, campaign.tz)
    if line.format:
        events = await manual.events_of(connection, campaign, line.channel, f"format={line.format}", start, end)
        if events:
            raise Rejected(
                f"{line.channel} of format {line.format} has {events} events on {line.day}: a manual line beside them "
                "would count it twice"
            )
    if await connection.fetchval("SELECT 1 FROM manual_lines WHERE line = $1", line.line):
        raise Rejected("this line was added before")
    if not await _settled_later(connection, rules.current.campaign, line.day):
        raise Rejected(f"every settlement of {line.day} has frozen; no later one would see the line")
    shop = "default" if campaign.shops == "*" else campaign.shops[0]
    country = found.entity.party.country if campaign.countries == "*" else campaign.countries[0]
    noon = quarter_of(start + (end - start) / 2)
    await manual.insert_line(connection, line, quarter=noon, shop=shop, country=country, now=system_clock())


async def _settled_later(connection: Connection, campaign: Campaign, day: date) -> bool:
    wanted = {due.number for due in timetable(campaign) if due.day == day}
    rows = await connection.fetch(
        "SELECT number FROM frozen_settlements WHERE campaign = $1 AND day = $2", campaign.id, day
    )
    return bool(wanted - {row["number"] for row in rows})
