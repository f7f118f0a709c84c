"""Register sums of campaign days: the one place that says which registers belong to a campaign."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from offset_purchaser.campaign import Campaign, Due
from offset_purchaser.store.readings import NAMES
from offset_purchaser.totals import Sums
from shared.clock import QUARTER_S, quarter_of
from shared.estimate import ChannelName
from shared.postgres import Connection, Pool

BELONGS = """
    r.channel = ANY($4) AND ($5::text[] IS NULL OR r.shop = ANY($5))
    AND CASE WHEN r.country = '' THEN $7 ELSE $6::text[] IS NULL OR r.country = ANY($6) END
"""
# By equality on the quarter, not by range: PostgreSQL then joins ten years of days in one pass.
DAYS = """
    unnest($1::date[], $2::timestamptz[], $3::timestamptz[]) AS d(day, day_start, day_end)
    CROSS JOIN generate_series(d.day_start, d.day_end - interval '1 second', interval '15 minutes') AS q(quarter)
    JOIN readings r ON r.quarter = q.quarter
"""
GROUPED = """
    r.channel, r.factor_group, r.payer <> '' AS paid, r.unprovable, r.bot, r.estimated,
    sum(r.events)::bigint AS events, sum(r.late)::bigint AS late, sum(r.low_ug) AS low_ug,
    sum(r.central_ug) AS central_ug, sum(r.high_ug) AS high_ug,
    min(r.detail) FILTER (WHERE NOT r.estimated) AS example
"""


def filters(campaign: Campaign, dues: Sequence[Due]) -> tuple[object, ...]:
    """The arguments of ``DAYS`` and ``BELONGS``."""
    return (
        [due.day for due in dues],
        [_first_quarter(due.start) for due in dues],
        [due.end for due in dues],
        [channel.value for channel in campaign.channels],
        None if campaign.shops == "*" else list(campaign.shops),
        None if campaign.countries == "*" else list(campaign.countries),
        campaign.unknown_country == "include",
    )


def _first_quarter(start: datetime) -> datetime:
    """The first quarter-hour that begins in the day (zones of the past were not always on a quarter)."""
    quarter = quarter_of(start)
    return quarter if quarter == start else quarter + timedelta(seconds=QUARTER_S)


async def day_sums(connection: Connection | Pool, campaign: Campaign, dues: Sequence[Due]) -> dict[date, list[Sums]]:
    """The campaign's registers of some days, added up by treatment."""
    rows = await connection.fetch(
        f"SELECT d.day, {GROUPED} FROM {DAYS} WHERE {BELONGS} GROUP BY 1, 2, 3, 4, 5, 6, 7",  # noqa: S608
        *filters(campaign, dues),
    )
    found: dict[date, list[Sums]] = {}
    for row in rows:
        found.setdefault(row["day"], []).append(sums_of(row))
    return found


async def newest_quarters(connection: Connection | Pool, campaign: Campaign, due: Due) -> dict[ChannelName, datetime]:
    """The newest quarter-hour of a day with events, by channel of the campaign."""
    rows = await connection.fetch(
        f"SELECT r.channel, max(r.quarter) AS newest FROM {DAYS} WHERE r.events > 0 AND {BELONGS} GROUP BY 1",  # noqa: S608
        *filters(campaign, [due]),
    )
    return {ChannelName(row["channel"]): row["newest"] for row in rows}


async def frozen_sums(connection: Connection | Pool, campaign: str, day: date, number: int) -> list[Sums]:
    """The same from the lines that a settlement froze."""
    rows = await connection.fetch(
        f"""
        SELECT {GROUPED} FROM frozen_lines r WHERE campaign = $1 AND day = $2 AND number = $3
        GROUP BY 1, 2, 3, 4, 5, 6
        """,  # noqa: S608
        campaign,
        day,
        number,
    )
    return [sums_of(row) for row in rows]


def sums_of(row: Any) -> Sums:
    """A row of ``GROUPED`` as the pure modules know it."""
    return Sums(
        channel=ChannelName(row["channel"]),
        factor_group=row["factor_group"],
        paid=row["paid"],
        unprovable=row["unprovable"],
        bot=row["bot"],
        estimated=row["estimated"],
        events=row["events"],
        late=row["late"],
        low_ug=int(row["low_ug"]),
        central_ug=int(row["central_ug"]),
        high_ug=int(row["high_ug"]),
        example=row["example"] or "",
    )


async def freeze_lines(connection: Connection, campaign: Campaign, dues: Sequence[Due], number: int) -> None:
    """Copy the registers of some days as they stand in this transaction."""
    await connection.execute(
        f"""
        INSERT INTO frozen_lines (campaign, day, number, {NAMES})
        SELECT $8, d.day, $9, {", ".join(f"r.{name}" for name in NAMES.split(", "))} FROM {DAYS} WHERE {BELONGS}
        """,  # noqa: S608
        *filters(campaign, dues),
        campaign.id,
        number,
    )


IN_REGISTER = ("topic", "partition", "log_epoch", "quarter", "channel", "shop", "country", "payer", "detail")
"""Columns that a register's name spells out already."""
APART = ("duplicates", "rejected")
"""Columns that no total is made of."""
DERIVED = ("unprovable", "bot", *APART)
LINE = " || '|' || ".join(f"{name}::text" for name in NAMES.split(", ") if name not in (*IN_REGISTER, *DERIVED))
LINES_SHA256 = f"""
    encode(sha256(convert_to(coalesce(string_agg({LINE}, E'\\n' ORDER BY register COLLATE "C"), ''), 'UTF8')), 'hex')
"""
NO_LINES_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


async def frozen_hashes(
    connection: Connection | Pool, campaign: str, days: Sequence[date], number: int
) -> dict[date, tuple[int, str]]:
    """(number of lines, SHA-256 over them) of some settlements."""
    rows = await connection.fetch(
        f"""
        SELECT day, count(*)::int AS lines, {LINES_SHA256} AS sha256 FROM frozen_lines
        WHERE campaign = $1 AND day = ANY($2) AND number = $3 GROUP BY day
        """,  # noqa: S608
        campaign,
        list(days),
        number,
    )
    return {row["day"]: (row["lines"], row["sha256"]) for row in rows}


async def frozen_evidence(
    connection: Connection, campaign: str, days: Sequence[date], number: int
) -> dict[date, dict[str, Any]]:
    """Per day: the activity of each channel and the methods and factor sets used."""
    found: dict[date, dict[str, Any]] = {day: {"activity": {}, "methods": []} for day in days}
    activity = await connection.fetch(
        """
        SELECT day, channel, a.key, sum(a.value::numeric)::text AS value
        FROM frozen_lines, jsonb_each_text(activity) AS a
        WHERE campaign = $1 AND day = ANY($2) AND number = $3 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """,
        *(campaign, list(days), number),
    )
    for row in activity:
        found[row["day"]]["activity"].setdefault(row["channel"], {})[row["key"]] = int(row["value"])
    methods = await connection.fetch(
        """
        SELECT DISTINCT day, channel, method, method_version, factor_set, factor_set_sha256 FROM frozen_lines
        WHERE method <> '' AND campaign = $1 AND day = ANY($2) AND number = $3 AND estimated ORDER BY 1, 2, 3, 4, 5
        """,
        *(campaign, list(days), number),
    )
    for row in methods:
        found[row["day"]]["methods"].append({name: row[name] for name in row.keys() if name != "day"})  # noqa: SIM118
    return found


def as_json(value: Any) -> str:
    """Stored JSON: sorted keys, so that equal values have equal text."""
    return json.dumps(value, sort_keys=True, default=str)
