"""Dashboard 1: a campaign day while it happens, in tonnes and money, for people who do not know the code.

Totals come from the purchaser's own tables with the campaign's own rules (shops, countries, zone, bots, what is late),
so that panel, settlement and document show the same number. A test compares them. Masses are in tonnes: Grafana's unit
for grams shows tonnes as megagrams. Settlements and orders keep the whole grams that were decided.
"""

from __future__ import annotations

from board import PROMETHEUS, PURCHASER, RED_ABOVE_0, Dashboard, Panel

# The registers of the chosen day, by the rules of the campaign in force. The same choice as the settlement's.
CHOSEN = """WITH rules AS (
  SELECT v.content->'campaign' AS c FROM campaigns k JOIN campaign_versions v USING (campaign, version)
  WHERE k.campaign = '$campaign'
), chosen AS (
  SELECT r.*, coalesce((l.leg->>'price_per_tonne')::numeric, 0) AS price, l.leg->>'currency' AS currency,
    CASE WHEN r.bot AND c->>'bots' = 'record' THEN 'robots'
         WHEN r.unprovable AND c->>'late_unprovable' = 'record' THEN 'too late to prove'
         WHEN r.payer <> '' THEN 'paid by others' ELSE '' END AS apart
  FROM rules CROSS JOIN LATERAL (SELECT c->'legs'->0 AS leg) AS l, readings r
  WHERE r.quarter >= ('$day'::date)::timestamp AT TIME ZONE (c->>'zone')
    AND r.quarter < ('$day'::date + 1)::timestamp AT TIME ZONE (c->>'zone')
    AND c->'channels' ? r.channel
    AND (c->>'shops' = '*' OR c->'shops' ? r.shop)
    AND CASE WHEN r.country = '' THEN c->>'unknown_country' = 'include'
             ELSE c->>'countries' = '*' OR c->'countries' ? r.country END
)"""

# Linear inside a factor group, whose errors are common to its registers; quadrature between groups.
RANGES = """
, grouped AS (
  SELECT {by}, factor_group, sum(events) AS events, sum(low_ug) AS low, sum(central_ug) AS central,
    sum(high_ug) AS high, max(price) AS price, max(currency) AS currency
  FROM chosen WHERE apart IN ('', 'paid by others') AND estimated GROUP BY {by}, factor_group
)
SELECT {by}, sum(events) AS events,
  (sum(central) - sqrt(sum((central - low)^2))) * 1e-12 AS low,
  sum(central) * 1e-12 AS central,
  (sum(central) + sqrt(sum((high - central)^2))) * 1e-12 AS high,
  sum(central) * 1e-12 * max(price) AS "about, at the configured price", max(currency) AS currency
FROM grouped GROUP BY {by} ORDER BY central DESC LIMIT 30"""

TOTAL = (
    CHOSEN
    + """
SELECT coalesce(sum(central_ug), 0) * 1e-12 AS tonnes FROM chosen
WHERE apart IN ('', 'paid by others') AND estimated"""
)

SHARE = (
    CHOSEN
    + """
SELECT coalesce(sum(central_ug) FILTER (WHERE channel = 'delivery') / nullif(sum(central_ug), 0), 0)::float8 AS share
FROM chosen WHERE apart IN ('', 'paid by others') AND estimated"""
)

MONEY = (
    CHOSEN
    + """
SELECT round(coalesce(sum(central_ug) * 1e-12 * max(price), 0), 2) AS about, max(currency) AS currency
FROM chosen WHERE apart = '' AND estimated"""
)

HOURS = (
    CHOSEN
    + """
SELECT date_trunc('hour', quarter) AS time, channel AS metric, sum(central_ug) * 1e-12 AS value
FROM chosen WHERE apart IN ('', 'paid by others') AND estimated GROUP BY 1, 2 ORDER BY 1, 2"""
)

APART = (
    CHOSEN
    + """
SELECT CASE WHEN NOT estimated THEN 'no method: ' || detail ELSE apart END AS reason, channel,
  sum(events) AS events, sum(central_ug) * 1e-12 AS tonnes
FROM chosen WHERE apart <> '' OR NOT estimated GROUP BY 1, 2 ORDER BY 1, 2"""
)

NOT_ESTIMATED = (
    CHOSEN
    + """
SELECT coalesce(sum(events) FILTER (WHERE NOT estimated), 0)::bigint AS events FROM chosen"""
)

COMMITTED = """SELECT
  (coalesce(sum(coalesce(o.confirmed_g - o.credited_g, o.quantity_g)), 0) * 1e-6)::float8 AS bought,
  (SELECT (v.content->'campaign'->'caps'->>'per_campaign_t')::numeric
   FROM campaigns k JOIN campaign_versions v USING (campaign, version) WHERE k.campaign = '$campaign')::float8 AS cap
FROM orders o WHERE o.campaign = '$campaign' AND o.state NOT IN ('rejected', 'cancelled')"""

# One line for each of them in one chart, told apart by a label of our own.
RUNNING_DAY = " or ".join(
    f'label_replace(sum by (campaign) ({series}) / 1e6, "what", "{what}", "", "")'
    for series, what in (
        ("purchaser_counted_grams", "counted"),
        ('purchaser_forecast_grams{at="now"}', "forecast by now"),
        ('purchaser_forecast_grams{at="day_end"}', "forecast to day end"),
        ('purchaser_cap_grams{cap="day"}', "cap per day"),
    )
)

SETTLEMENTS = """SELECT s.day, s.number AS "no", s.state, f.owed_g AS "owed, g", f.need_g AS "to buy, g",
  f.frozen_at AS frozen
FROM settlements s LEFT JOIN frozen_settlements f USING (campaign, day, number)
WHERE s.campaign = '$campaign' ORDER BY s.day DESC, s.number DESC LIMIT 20"""

ORDERS = """SELECT o.buy_day AS day, o.provider, o.state, coalesce(o.confirmed_g - o.credited_g, o.quantity_g) AS grams,
  o.price_per_tonne AS "per tonne", o.amount - o.credited_amount AS amount, o.currency, o.document
FROM orders o WHERE o.campaign = '$campaign' ORDER BY o.created_at DESC LIMIT 20"""


def _mass(title: str, description: str, by: str, width: int) -> Panel:
    return Panel(
        title,
        description,
        "reading-the-numbers",
        "none",
        CHOSEN + RANGES.format(by=by),
        kind="table",
        width=width,
        data=PURCHASER,
        units=tuple((name, "masst") for name in ("low", "central", "high")),
    )


CAMPAIGN_DAY = Dashboard(
    uid="campaign-day",
    title="Campaign day, live",
    description="What a campaign day has emitted so far, by channel, shop and country, and what was bought for it.",
    since="now-24h",
    variables=(
        ("campaign", "SELECT campaign FROM campaigns WHERE NOT stopped ORDER BY campaign DESC"),
        (
            "day",
            "SELECT DISTINCT day::text FROM settlements WHERE campaign = '$campaign'"
            " AND day <= current_date ORDER BY 1 DESC",
        ),
    ),
    panels=(
        Panel(
            "Emitted on this day",
            "Central estimate of what the campaign's events of this day have emitted so far (CO2e).",
            "reading-the-numbers",
            "masst",
            TOTAL,
            kind="stat",
            width=6,
            height=5,
            data=PURCHASER,
        ),
        Panel(
            "About this much money",
            "The same at the first leg's price per tonne, in its currency; what others pay for is left out.",
            "reading-the-numbers",
            "none",
            MONEY,
            kind="table",
            width=6,
            height=5,
            data=PURCHASER,
        ),
        Panel(
            "Share of deliveries",
            "The part of the day's emissions that comes from deliveries.",
            "deliveryshareunusual",
            "percentunit",
            SHARE,
            kind="stat",
            width=6,
            height=5,
            data=PURCHASER,
            thresholds=((None, "orange"), (0.3, "green"), (0.95, "orange")),
        ),
        Panel(
            "Events without an estimate",
            "Counted events of this day for which no method is in force. They hold the settlement; they are never 0 g.",
            "settlementheld",
            "none",
            NOT_ESTIMATED,
            kind="stat",
            width=6,
            height=5,
            data=PURCHASER,
            thresholds=RED_ABOVE_0,
        ),
        Panel(
            "By hour and channel",
            "Central estimate of each hour of the day, by channel.",
            "reading-the-numbers",
            "masst",
            HOURS,
            width=12,
            data=PURCHASER,
        ),
        Panel(
            "Now, by channel",
            "Central estimate of the newest quarter-hour, straight from the meters.",
            "reading-the-numbers",
            "masst",
            "sum by (channel) (meter_reading_emissions_grams) / 1e6",
            legend="{{channel}}",
            width=12,
            data=PROMETHEUS,
        ),
        _mass("By channel", "Events and tonnes with their range, about what they cost, by channel.", "channel", 8),
        _mass("By shop", "Events and tonnes with their range, about what they cost, by shop.", "shop", 8),
        _mass(
            "By country",
            "Events and tonnes with their range, about what they cost, by country (empty: unknown).",
            "country",
            8,
        ),
        Panel(
            "Counted, not bought",
            "Events recorded apart: robots, too late to prove, paid by others, no method.",
            "reading-the-numbers",
            "none",
            APART,
            kind="table",
            width=12,
            data=PURCHASER,
            units=(("tonnes", "masst"),),
        ),
        Panel(
            "Bought, against the campaign's cap",
            "Tonnes ordered and not refused for the whole campaign, and its cap. Above the cap orders are held.",
            "caps",
            "masst",
            COMMITTED,
            kind="stat",
            width=12,
            data=PURCHASER,
        ),
        Panel(
            "Counted and forecast",
            "The running day so far, what was forecast up to now, and to the day's end, for each running campaign.",
            "dayfarfromforecast",
            "masst",
            RUNNING_DAY,
            legend="{{campaign}} {{what}}",
            width=12,
        ),
        Panel(
            "Orders not shipped yet",
            "Expected deliveries of the running day: ordered and not shipped, so neither counted nor bought.",
            "reading-the-numbers",
            "none",
            "purchaser_expected_deliveries",
            legend="{{campaign}}",
            width=12,
        ),
        Panel(
            "Share of the caps used",
            "Ordered, about to be ordered, and emitted on open days, as a share of each cap. Above 100 % is held.",
            "capnear",
            "percentunit",
            "purchaser_cap_used_grams / purchaser_cap_grams",
            legend="{{campaign}} per {{cap}}",
            width=12,
            thresholds=((None, "green"), (0.8, "orange"), (1, "red")),
        ),
        Panel(
            "Silence of expected sources",
            "Time without an event on a channel of which the running campaign expects some today.",
            "expectedsourcesilent",
            "s",
            "purchaser_source_silent_seconds",
            legend="{{campaign}} {{channel}}",
            width=12,
            thresholds=((None, "green"), (1800, "orange"), (3600, "red")),
        ),
        Panel(
            "Settlements",
            "The campaign's settlements: state, grams owed and grams to buy.",
            "settlementwaitingtoolong",
            "none",
            SETTLEMENTS,
            kind="table",
            width=12,
            data=PURCHASER,
            units=(("owed, g", "locale"), ("to buy, g", "locale")),
        ),
        Panel(
            "Orders and documents",
            "The campaign's newest orders, what they cost, and their documents.",
            "documents",
            "none",
            ORDERS,
            kind="table",
            width=12,
            data=PURCHASER,
            units=(("grams", "locale"),),
        ),
    ),
)
