"""What reconciliation and accounting read, and payments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from offset_purchaser.allocation import allocated
from offset_purchaser.campaign import Campaign
from offset_purchaser.documents.content import CREDITS
from offset_purchaser.journal import MoneyEntry, accrual, carried_accrual
from offset_purchaser.reconcile import CreditFact, DayLine, DocumentFact, Findings, OrderFact, PurchaseFact, reconcile
from shared.clock import day_bounds
from shared.errors import Rejected
from shared.postgres import Connection, Pool, transaction

Reader = Connection | Pool


@dataclass(frozen=True, slots=True)
class Payment:
    """One line of a payments file."""

    reference: str
    document: str
    paid_on: date
    amount: Decimal
    currency: str


async def reconciled(pool: Pool, campaign: str | None) -> Findings:
    """Everything, or one campaign, judged in one snapshot: an order booked meanwhile does not look like a fault."""
    async with transaction(pool) as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return reconcile(
            await day_lines(connection, campaign),
            await frozen(connection, campaign),
            await order_facts(connection, campaign),
            await document_facts(connection, campaign),
            await carried(connection),
            await credit_facts(connection, campaign),
            purchases=await purchase_facts(connection, campaign),
            together=await together(connection, campaign),
        )


async def day_lines(reader: Reader, campaign: str | None) -> list[DayLine]:
    """Gram balances by day."""
    rows = await reader.fetch(
        """
        SELECT legal_entity, campaign, day, account, sum(amount)::bigint AS grams FROM entries
        WHERE unit = 'g' AND ($1::text IS NULL OR campaign = $1) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3
        """,
        campaign,
    )
    found: dict[tuple[str, str, date], dict[str, int]] = {}
    for row in rows:
        found.setdefault((row["legal_entity"], row["campaign"], row["day"]), {})[row["account"]] = row["grams"]
    return [DayLine(*key, grams) for key, grams in found.items()]


async def purchase_facts(reader: Reader, campaign: str | None) -> list[PurchaseFact]:
    """Every purchase with the shares of the settlements that it stands for."""
    rows = await reader.fetch(
        """
        SELECT campaign, buy_day, number, leg, p.need_g AS planned_g, sum(l.need_g)::bigint AS shares_g
        FROM purchases p JOIN settlement_legs l USING (campaign, buy_day, number, leg)
        WHERE $1::text IS NULL OR campaign = $1 GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4
        """,
        campaign,
    )
    return [PurchaseFact(**dict(row)) for row in rows]


async def together(reader: Reader, campaign: str | None) -> dict[tuple[str, date], date]:
    """Under which other day a campaign day's shares are bought, for days that are bought with others."""
    rows = await reader.fetch(
        """
        SELECT campaign, day, max(buy_day) AS buy_day FROM settlement_legs
        WHERE buy_day <> day AND ($1::text IS NULL OR campaign = $1) GROUP BY 1, 2
        """,
        campaign,
    )
    return {(row["campaign"], row["day"]): row["buy_day"] for row in rows}


async def frozen(reader: Reader, campaign: str | None) -> dict[tuple[str, date], tuple[int, int, int]]:
    """Newest (owed, paid by others, waived) by (campaign, day)."""
    rows = await reader.fetch(
        """
        SELECT DISTINCT ON (campaign, day) campaign, day, owed_g, paid_by_others_g, waived_g FROM frozen_settlements
        WHERE $1::text IS NULL OR campaign = $1 ORDER BY campaign, day, number DESC
        """,
        campaign,
    )
    return {(r["campaign"], r["day"]): (r["owed_g"], r["paid_by_others_g"], r["waived_g"]) for r in rows}


async def order_facts(reader: Reader, campaign: str | None) -> list[OrderFact]:
    """Every order with what the ledger has for it."""
    rows = await reader.fetch(
        """
        SELECT o.*, (SELECT coalesce(sum(e.amount), 0)::bigint FROM entries e
                     WHERE e.order_id = o.order_id AND e.account = 'bought') AS booked_g,
               (SELECT coalesce(sum(l.cancelled_g), 0)::bigint FROM credit_lines l JOIN credits c USING (credit)
                WHERE l.order_id = o.order_id AND c.number IS NOT NULL AND c.document = o.document) AS noted_g
        FROM orders o WHERE $1::text IS NULL OR o.campaign = $1 ORDER BY created_at, order_id
        """,
        campaign,
    )
    return [
        OrderFact(
            str(r["order_id"]), r["state"], r["quantity_g"], r["confirmed_g"], r["booked_g"], r["amount"],
            r["currency"], r["document"], r["provider_state"], r["credited_g"], r["noted_g"],
        )
        for r in rows
    ]  # fmt: skip


async def document_facts(reader: Reader, campaign: str | None) -> list[DocumentFact]:
    """Every document with its orders, ledger entries and payments.

    Not one from before a restore that was taken back as a whole: its orders are cancelled, and nothing is booked here.
    """
    rows = await reader.fetch(
        """
        SELECT d.number, d.content #>> '{totals,currency}' AS currency,
               (d.content #>> '{totals,net}')::numeric AS net, (d.content #>> '{totals,gross}')::numeric AS gross,
               (SELECT sum((line ->> 'quantity_g')::bigint)::bigint
                FROM jsonb_array_elements(d.content -> 'lines') AS line) AS quantity_g,
               o.ordered_g, o.net AS ordered_net,
               (SELECT coalesce(-sum(e.amount), 0) FROM entries e JOIN postings p USING (posting)
                WHERE e.account = 'payable' AND p.note = 'document ' || d.number) AS booked,
               (SELECT sum(amount) FROM payments p WHERE p.document = d.number) AS paid,
               EXISTS (SELECT 1 FROM payments) AS known, k.credited, k.refunded
        FROM documents d JOIN LATERAL (
            SELECT sum(confirmed_g)::bigint AS ordered_g, sum(amount) AS net FROM orders WHERE document = d.number
        ) o ON true JOIN LATERAL (
            SELECT coalesce(sum((n.content #>> '{totals,gross}')::numeric), 0) AS credited,
                   coalesce(sum((SELECT sum(amount) FROM payments p WHERE p.document = n.number)), 0) AS refunded
            FROM credits c JOIN documents n ON n.number = c.number WHERE c.document = d.number
        ) k ON true
        WHERE NOT d.kind = ANY($2) AND ($1::text IS NULL OR d.campaign = $1)
        AND NOT (d.imported AND o.ordered_g IS NULL AND k.credited = (d.content #>> '{totals,gross}')::numeric)
        ORDER BY d.number
        """,
        *(campaign, sorted(CREDITS)),
    )
    return [
        DocumentFact(
            r["number"], r["quantity_g"], r["ordered_g"], r["net"], r["ordered_net"], r["gross"], r["booked"],
            r["currency"], (r["paid"] or Decimal(0)) if r["known"] else None, r["credited"], r["refunded"],
        )
        for r in rows
    ]  # fmt: skip


async def credit_facts(reader: Reader, campaign: str | None) -> list[CreditFact]:
    """Every credit note with its lines, ledger entries and the payments that came back for it."""
    rows = await reader.fetch(
        """
        SELECT d.number, c.document, d.content #>> '{totals,currency}' AS currency,
               (d.content #>> '{totals,net}')::numeric AS net, (d.content #>> '{totals,gross}')::numeric AS gross,
               CASE WHEN c.correction = 'price' THEN 0 ELSE (
                   SELECT coalesce(sum((line ->> 'quantity_g')::bigint), 0)::bigint
                   FROM jsonb_array_elements(d.content -> 'lines') AS line) END AS quantity_g,
               l.lines_g, l.lines_net,
               (SELECT coalesce(sum(e.amount), 0) FROM entries e JOIN postings p USING (posting)
                WHERE e.account = 'payable' AND p.note = 'document ' || d.number) AS booked,
               (SELECT coalesce(sum(amount), 0) FROM payments p WHERE p.document = d.number) AS refunded
        FROM documents d LEFT JOIN credits c ON c.number = d.number JOIN LATERAL (
            SELECT coalesce(sum(cancelled_g), 0)::bigint AS lines_g, coalesce(sum(net), 0) AS lines_net
            FROM credit_lines WHERE credit = c.credit
        ) l ON true
        WHERE d.kind = ANY($2) AND ($1::text IS NULL OR d.campaign = $1)
        AND NOT (d.imported AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.document = c.document)) ORDER BY d.number
        """,
        *(campaign, sorted(CREDITS)),
    )
    return [CreditFact(**dict(row)) for row in rows]


async def carried(reader: Reader) -> dict[tuple[str, str], tuple[int, int]]:
    """(surplus, carried) by (legal entity, provider)."""
    rows = await reader.fetch(
        """
        SELECT legal_entity, provider, coalesce(-sum(amount) FILTER (WHERE account = 'surplus'), 0)::bigint AS surplus,
               coalesce(sum(amount) FILTER (WHERE account = 'carried'), 0)::bigint AS carried
        FROM entries WHERE account IN ('surplus', 'carried') AND unit = 'g' GROUP BY 1, 2
        """
    )
    return {(r["legal_entity"], r["provider"]): (r["surplus"], r["carried"]) for r in rows}


async def money_entries(reader: Reader, legal_entity: str) -> list[MoneyEntry]:
    """All money entries in the order in which they were booked; their days are those of the campaign's zone, like the
    dates on its documents."""
    rows = await reader.fetch(
        """
        SELECT e.posting, on_day.booked_on, e.account, e.amount, e.unit, e.provider, p.note, e.campaign, e.day,
               coalesce(d.number, y.document, e.posting) AS piece,
               coalesce((d.issued_at AT TIME ZONE z.zone)::date, on_day.booked_on) AS piece_on
        FROM entries e JOIN postings p USING (posting)
        LEFT JOIN documents d ON p.note = 'document ' || d.number
        LEFT JOIN payments y ON e.posting = 'payment|' || y.reference
        CROSS JOIN LATERAL (
            SELECT coalesce((SELECT v.content->'campaign'->>'zone' FROM campaigns c JOIN campaign_versions v
                             USING (campaign, version) WHERE campaign = e.campaign), 'UTC') AS zone) AS z
        CROSS JOIN LATERAL (SELECT coalesce(y.paid_on, (p.at AT TIME ZONE z.zone)::date) AS booked_on) AS on_day
        WHERE e.unit <> 'g' AND e.legal_entity = $1 ORDER BY e.id
        """,
        legal_entity,
    )
    return [
        MoneyEntry(
            r["posting"], r["booked_on"], r["account"], r["amount"], r["unit"], r["provider"], r["piece"],
            r["piece_on"], r["note"], r["campaign"], r["day"],
        )
        for r in rows
    ]  # fmt: skip


async def open_grams(reader: Reader, campaign: Campaign, until: date) -> dict[str, int]:
    """Grams by leg that were owed and neither bought nor carried at the end of a day in the campaign's zone.

    What a refused order gave back and a later settlement took again counts for the leg that took it.
    """
    end = day_bounds(until, campaign.tz)[1]
    needs = await reader.fetch(NEEDS, campaign.id, end)
    booked = {row["leg"]: row for row in await reader.fetch(BOOKED, campaign.id, end)}
    net: int = await reader.fetchval(NET, campaign.id, end)
    back = {leg: max(int(row["returned_g"]), 0) for leg, row in booked.items()}
    taken = sum(row["need_g"] for row in needs) - net
    again = dict(zip(back, allocated(Decimal(max(taken, 0)), list(back.values())), strict=True)) if back else {}
    found = {row["leg"]: int(row["need_g"] + row["planned_g"]) for row in needs}
    for leg, row in booked.items():
        found[leg] = found.get(leg, 0) + int(row["moved_g"]) - int(again.get(leg, 0))
    return found


async def accrued(reader: Reader, legal_entity: str, campaigns: Sequence[Campaign], on: date) -> list[MoneyEntry]:
    """The accrual of a legal entity's campaigns at the end of a day."""
    found: list[MoneyEntry] = []
    for one in campaigns:
        found += accrual(one, await open_grams(reader, one, on), await undocumented(reader, one, on), on)
    carried = await carried_at(reader, legal_entity, day_bounds(on, campaigns[0].tz)[1])
    return found + carried_accrual(campaigns, carried, on)


NEEDS = """
    SELECT leg, sum(l.need_g)::bigint AS need_g, coalesce((
        SELECT sum(p.surplus_added_g - p.surplus_used_g + p.carry_drawn_g - p.carry_added_g) FROM purchases p
        WHERE p.campaign = $1 AND p.leg = l.leg AND p.planned_at < $2), 0)::bigint AS planned_g
    FROM settlement_legs l JOIN frozen_settlements f USING (campaign, day, number)
    WHERE l.campaign = $1 AND f.frozen_at < $2 GROUP BY leg
"""
BOOKED = """
    SELECT o.leg, sum(e.amount)::bigint AS moved_g,
           coalesce(sum(e.amount) FILTER (WHERE e.account = 'owed'), 0)::bigint AS returned_g
    FROM entries e JOIN postings p USING (posting) JOIN orders o USING (order_id)
    WHERE e.campaign = $1 AND e.unit = 'g' AND e.account IN ('owed', 'committed') AND p.at < $2 GROUP BY o.leg
"""
NET = """
    SELECT coalesce(sum(owed_g - paid_by_others_g - waived_g), 0)::bigint FROM (
        SELECT DISTINCT ON (day) * FROM frozen_settlements WHERE campaign = $1 AND frozen_at < $2
        ORDER BY day, number DESC) AS newest
"""


async def carried_at(reader: Reader, legal_entity: str, end: datetime) -> dict[str, tuple[int, int]]:
    """(surplus, carried) by provider as they stood at a moment."""
    rows = await reader.fetch(
        """
        SELECT provider, coalesce(-sum(amount) FILTER (WHERE account = 'surplus'), 0)::bigint AS surplus,
               coalesce(sum(amount) FILTER (WHERE account = 'carried'), 0)::bigint AS carried
        FROM entries e JOIN postings p USING (posting)
        WHERE account IN ('surplus', 'carried') AND unit = 'g' AND e.legal_entity = $1 AND p.at < $2 GROUP BY 1
        """,
        *(legal_entity, end),
    )
    return {row["provider"]: (row["surplus"], row["carried"]) for row in rows}


async def undocumented(reader: Reader, campaign: Campaign, until: date) -> dict[str, tuple[Decimal, str]]:
    """(amount, currency) of orders that were bought by the end of a day in the campaign's zone and had no document
    then."""
    rows = await reader.fetch(
        """
        SELECT o.order_id, o.amount, o.currency FROM orders o
        WHERE o.campaign = $1 AND o.state = 'confirmed' AND EXISTS (
            SELECT 1 FROM postings p WHERE p.posting = 'order|' || o.order_id || '|confirmed'
            AND p.at < $2)
        AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.number = o.document AND d.issued_at < $2)
        """,
        campaign.id,
        day_bounds(until, campaign.tz)[1],
    )
    return {str(row["order_id"]): (row["amount"], row["currency"]) for row in rows}


@dataclass(frozen=True, slots=True)
class Head:
    """What a payment needs to know of its document; for a credit note, money comes back."""

    legal_entity: str
    campaign: str
    day: date
    provider: str
    currency: str
    comes_back: bool
    unpaid: Decimal
    """What it asks for and no payment has covered."""


async def document_heads(connection: Connection, numbers: Sequence[str]) -> dict[str, Head]:
    """What payments need to know of documents, by number."""
    rows = await connection.fetch(
        """
        SELECT number, kind, legal_entity, campaign, buy_day, provider, content #>> '{totals,currency}' AS currency,
               (content #>> '{totals,gross}')::numeric - coalesce((
                   SELECT sum(amount) FROM payments p WHERE p.document = d.number), 0) AS unpaid
        FROM documents d WHERE number = ANY($1)
        """,
        list(numbers),
    )
    return {
        row["number"]: Head(
            row["legal_entity"],
            row["campaign"],
            row["buy_day"],
            row["provider"],
            row["currency"],
            comes_back=row["kind"] in CREDITS,
            unpaid=row["unpaid"],
        )
        for row in rows
    }


async def insert_payment(connection: Connection, payment: Payment, now: datetime) -> bool:
    """Keep a payment; false when it was imported before. Raises ``Rejected`` when its reference names another one."""
    done = await connection.execute(
        "INSERT INTO payments VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        *(payment.reference, payment.document, payment.paid_on, payment.amount, payment.currency, now),
    )
    if done.endswith(" 1"):
        return True
    row = await connection.fetchrow("SELECT * FROM payments WHERE reference = $1", payment.reference)
    assert row is not None
    known = Payment(row["reference"], row["document"], row["paid_on"], row["amount"], row["currency"])
    if known != payment:
        raise Rejected(
            f"payment {payment.reference} was imported as {known.amount} {known.currency} of {known.document} on "
            f"{known.paid_on}: another payment needs another reference"
        )
    return False
