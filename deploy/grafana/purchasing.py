"""Dashboard 3: what waits, what was bought, what nobody knows, and whether the books agree."""

from __future__ import annotations

from board import PURCHASER, RED_ABOVE_0, Dashboard, Panel

WAITING = """SELECT campaign, day, number AS "no", state, due_at AS "due",
  coalesce((SELECT string_agg(reason->>0 || ': ' || (reason->>1), '; ') FROM jsonb_array_elements(reasons) AS reason),
           CASE WHEN due_at > now() THEN 'not due yet' ELSE '' END) AS "waits for"
FROM settlements WHERE state IN ('waiting', 'held') ORDER BY due_at LIMIT 50"""

OPEN_ORDERS = """SELECT campaign, buy_day AS day, provider, state, quantity_g AS grams, amount, currency, reason,
  order_id::text AS "order"
FROM orders WHERE state NOT IN ('confirmed', 'rejected', 'cancelled') ORDER BY created_at LIMIT 50"""

WITHOUT_CERTIFICATE = """SELECT o.campaign, o.buy_day AS day, o.provider, o.confirmed_g - o.credited_g AS grams,
  o.reference, extract(epoch FROM now() - o.updated_at) AS "waits since"
FROM orders o WHERE o.state = 'confirmed' AND NOT o.certified ORDER BY o.updated_at LIMIT 50"""

LEDGER = """SELECT legal_entity AS "legal entity", account, unit, sum(amount) AS amount
FROM entries GROUP BY 1, 2, 3 ORDER BY 1, 3, 2"""

DOCUMENTS = """SELECT number, kind, mode, campaign, buy_day AS day, provider, issued_at AS issued
FROM documents ORDER BY issued_at DESC LIMIT 20"""

PURCHASING = Dashboard(
    uid="purchasing",
    title="Purchasing",
    description="Settlements and whom they wait for, orders, providers, certificates, documents and the ledger.",
    since="now-24h",
    panels=(
        Panel(
            "Instances that may act",
            "Exactly one instance of the purchaser acts; the others wait to take over.",
            "nobodybuys",
            "none",
            "sum(purchaser_leader)",
            kind="stat",
            width=4,
            height=5,
            thresholds=((None, "red"), (1, "green"), (2, "red")),
        ),
        Panel(
            "Settlements held",
            "Settlements that wait for a person's decision.",
            "settlementheld",
            "none",
            "SELECT count(*) AS held FROM settlements WHERE state = 'held'",
            kind="stat",
            width=4,
            height=5,
            data=PURCHASER,
            thresholds=((None, "green"), (1, "orange")),
        ),
        Panel(
            "Orders without an answer",
            "Orders of which nobody knows whether the provider took them. They count as bought until somebody looks.",
            "orderunknown",
            "none",
            "SELECT count(*) AS unknown FROM orders WHERE state = 'unknown'",
            kind="stat",
            width=4,
            height=5,
            data=PURCHASER,
            thresholds=RED_ABOVE_0,
        ),
        Panel(
            "Certificates missing",
            "Confirmed orders whose certificate has not arrived.",
            "certificates",
            "none",
            "SELECT count(*) AS missing FROM orders WHERE state = 'confirmed' AND NOT certified",
            kind="stat",
            width=4,
            height=5,
            data=PURCHASER,
            thresholds=((None, "green"), (1, "orange")),
        ),
        Panel(
            "Announcements waiting",
            "Orders and documents that are not on Kafka yet.",
            "announcementsstuck",
            "none",
            "max(purchaser_outbox)",
            kind="stat",
            width=4,
            height=5,
        ),
        Panel(
            "Books out of balance",
            "Postings of the ledger that do not add up to zero. The database refuses them; anything but 0 is damage.",
            "reconciliation",
            "none",
            "SELECT count(*) AS broken FROM"
            " (SELECT 1 FROM entries GROUP BY posting, unit HAVING sum(amount) <> 0) AS broken",
            kind="stat",
            width=4,
            height=5,
            data=PURCHASER,
            thresholds=RED_ABOVE_0,
        ),
        Panel(
            "Waiting settlements",
            "Campaign days that are not frozen yet, and whom or what they wait for, by name.",
            "settlementwaitingtoolong",
            "none",
            WAITING,
            kind="table",
            width=24,
            data=PURCHASER,
        ),
        Panel(
            "Open orders",
            "Orders that are neither confirmed nor refused.",
            "orderunknown",
            "none",
            OPEN_ORDERS,
            kind="table",
            width=24,
            data=PURCHASER,
            units=(("grams", "locale"),),
        ),
        Panel(
            "Calls to providers",
            "Calls by outcome and how long they took, over the last day; an empty outcome is a call without an answer.",
            "providerunanswered",
            "none",
            "SELECT o.provider, a.outcome, count(*) AS calls,"
            " avg(extract(epoch FROM a.finished_at - a.started_at)) AS seconds"
            " FROM order_attempts a JOIN orders o USING (order_id)"
            " WHERE a.started_at > now() - interval '1 day' GROUP BY 1, 2 ORDER BY 1, 2",
            kind="table",
            width=12,
            data=PURCHASER,
            units=(("seconds", "s"),),
        ),
        Panel(
            "Without certificate",
            "Confirmed orders whose certificate has not arrived, the oldest first.",
            "certificates",
            "none",
            WITHOUT_CERTIFICATE,
            kind="table",
            width=12,
            data=PURCHASER,
            units=(("grams", "locale"), ("waits since", "s")),
        ),
        Panel(
            "Ledger",
            "The accounts in grams and money: owed, committed, retired, paid by others, waived, carried.",
            "reconciliation",
            "none",
            LEDGER,
            kind="table",
            width=12,
            data=PURCHASER,
        ),
        Panel(
            "Newest documents",
            "The newest documents for finance.",
            "documents",
            "none",
            DOCUMENTS,
            kind="table",
            width=12,
            data=PURCHASER,
        ),
        Panel(
            "Things the books disagree about",
            "What reconciliation finds each minute: emitted, bought, documented and booked that are not the same.",
            "reconciliationoff",
            "none",
            "max(purchaser_reconciliation_broken)",
            kind="stat",
            width=6,
            height=5,
            thresholds=RED_ABOVE_0,
        ),
        Panel(
            "Settlements by state",
            "How many settlements of all campaigns are in which state.",
            "settlementwaitingtoolong",
            "none",
            "sum by (state) (purchaser_settlements)",
            legend="{{state}}",
            width=9,
            height=5,
        ),
        Panel(
            "Whom due settlements wait for",
            "Due settlements by the partition, file, channel or provider that they wait for or are held by.",
            "settlementwaitingtoolong",
            "none",
            "sum by (campaign, who) (purchaser_settlements_waiting_for)",
            legend="{{campaign}}: {{who}}",
            width=9,
            height=5,
        ),
        Panel(
            "One look at everything",
            "How long the purchaser takes to look at everything there is to do; it looks twice a second.",
            "nobodybuys",
            "s",
            "rate(purchaser_tick_seconds_sum[5m]) / rate(purchaser_tick_seconds_count[5m])",
            width=12,
        ),
        Panel(
            "Readings taken in",
            "Readings each second from the meters.",
            "readingsunreadable",
            "cps",
            "sum(rate(purchaser_readings_total[5m]))",
            width=12,
        ),
    ),
)
