"""What a campaign's report shows beside its days: hours, countries, methods, and what was counted apart.

Every day shows its newest settlement; a day that has not frozen yet shows the meters' newest readings.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from offset_purchaser.campaign import Campaign, Due, timetable
from offset_purchaser.campaign_report.facts import Apart, Facts, merged
from offset_purchaser.store import campaigns
from offset_purchaser.store.totals import BELONGS, DAYS, filters
from shared.postgres import Connection, Pool

Reader = Connection | Pool

_SHOWN = "quarter, channel, country, unprovable, bot, estimated, events, central_ug, method, method_version, factor_set"
_NEWEST = f"""
WITH newest AS (SELECT day, max(number) AS number FROM frozen_settlements WHERE campaign = $8 AND day = ANY($11)
    GROUP BY day),
lines AS (
    SELECT {", ".join(f"f.{name}" for name in _SHOWN.split(", "))}
    FROM frozen_lines f JOIN newest n ON n.day = f.day AND n.number = f.number WHERE f.campaign = $8
    UNION ALL
    SELECT {", ".join(f"r.{name}" for name in _SHOWN.split(", "))} FROM {DAYS} WHERE {BELONGS}
), counted AS (SELECT * FROM lines WHERE estimated AND NOT (bot AND $9) AND NOT (unprovable AND $10))
"""  # noqa: S608  (names are the constants above)


async def facts(reader: Reader, campaign: Campaign, others: Sequence[Campaign]) -> Facts:
    """Read everything about one campaign, each day by its own rules; ``others`` are all other campaigns in force."""
    rules = await campaigns.rules(reader, campaign.id)
    frozen = {row["day"] for row in await reader.fetch(_FROZEN_DAYS, campaign.id)}
    by_version: dict[int, list[Due]] = {}
    for due in timetable(campaign):
        if due.number == 1:
            by_version.setdefault(rules.version_on(due.day), []).append(due)
    return merged(
        [await _facts(reader, rules.on(dues[0].day).campaign, dues, frozen, others) for dues in by_version.values()]
    )


async def _facts(
    reader: Reader, campaign: Campaign, dues: Sequence[Due], frozen: Collection[date], others: Sequence[Campaign]
) -> Facts:
    """The days that share a version of the campaign."""
    live = filters(campaign, [due for due in dues if due.day not in frozen])
    rules = (campaign.bots == "record", campaign.late_unprovable == "record")
    chosen = (*live, campaign.id, *rules, [due.day for due in dues])
    hours = await reader.fetch(_HOURS, *chosen, campaign.zone)
    countries = await reader.fetch(_COUNTRIES, *chosen)
    methods = await reader.fetch(_METHODS, *chosen)
    apart = await reader.fetch(_APART, *filters(campaign, dues))
    return Facts(
        hours=tuple((row["hour"], row["channel"], int(row["ug"])) for row in hours),
        countries=tuple((row["country"], row["events"], int(row["ug"])) for row in countries),
        methods=tuple((row["channel"], row["method"], row["method_version"], row["factor_set"]) for row in methods),
        apart=tuple(Apart(**dict(row)) for row in apart),
        outside=await _outside(reader, campaign, dues, others),
        not_estimated=await reader.fetchval(_NOT_ESTIMATED, *chosen),
    )


_FROZEN_DAYS = "SELECT DISTINCT day FROM frozen_settlements WHERE campaign = $1"
_HOURS = f"""{_NEWEST}
SELECT date_trunc('hour', quarter AT TIME ZONE $12) AS hour, channel, sum(central_ug) AS ug
FROM counted GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608
_COUNTRIES = f"""{_NEWEST}
SELECT country, sum(events)::bigint AS events, sum(central_ug) AS ug FROM counted GROUP BY 1 ORDER BY ug DESC, country
"""  # noqa: S608
_METHODS = f"""{_NEWEST}
SELECT DISTINCT channel, method, method_version, factor_set FROM counted WHERE method <> '' ORDER BY 1, 2, 3, 4
"""  # noqa: S608
_NOT_ESTIMATED = f"""{_NEWEST}
SELECT coalesce(sum(events), 0)::bigint FROM lines WHERE NOT estimated AND NOT (bot AND $9) AND NOT (unprovable AND $10)
"""  # noqa: S608
# Rejected records have no shop that could be trusted, so they count for every campaign of the channel.
_APART = f"""
SELECT d.day, r.channel, sum(CASE WHEN {BELONGS} THEN r.duplicates ELSE 0 END)::bigint AS duplicates,
       sum(r.rejected)::bigint AS rejected
FROM {DAYS} WHERE r.channel = ANY($4) AND r.duplicates + r.rejected > 0 GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608
_OUTSIDE = f"""
SELECT d.day, r.channel, r.shop, r.country, sum(r.events)::bigint AS events
FROM {DAYS} WHERE r.channel = ANY($4) AND NOT ({BELONGS}) AND r.events > 0 GROUP BY 1, 2, 3, 4
"""  # noqa: S608


async def _outside(reader: Reader, campaign: Campaign, dues: Sequence[Due], others: Sequence[Campaign]) -> int:
    rows = await reader.fetch(_OUTSIDE, *filters(campaign, dues))
    return sum(row["events"] for row in rows if not any(_claims(other, row) for other in others))


def _claims(campaign: Campaign, row: Any) -> bool:
    country = row["country"]
    return (
        campaign.first_day <= row["day"] <= campaign.last_day
        and row["channel"] in campaign.channels
        and (campaign.shops == "*" or row["shop"] in campaign.shops)
        and (
            campaign.unknown_country == "include"
            if not country
            else campaign.countries == "*" or country in campaign.countries
        )
    )


async def modes(reader: Reader, campaign: str) -> str:
    """In which mode a campaign's days were settled; ``""`` when none has been."""
    mode: str | None = await reader.fetchval("SELECT max(mode) FROM frozen_settlements WHERE campaign = $1", campaign)
    return mode or ""
