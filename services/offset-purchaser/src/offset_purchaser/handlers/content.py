"""What a document says, from the frozen settlements and the confirmed orders it covers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from offset_purchaser.campaign import Campaign
from offset_purchaser.documents import DocumentContent, statement_vat, totals
from offset_purchaser.documents.content import HASHES_MAX, Language
from offset_purchaser.documents.parts import (
    Certificate,
    ChannelRow,
    Emissions,
    Exclusion,
    Gap,
    Measure,
    MethodRef,
    NamedHash,
    OrderLine,
    Party,
    Project,
    ProviderInvoice,
    Quantity,
    Range,
    Vat,
    Verify,
)
from offset_purchaser.store import certificates, documents
from offset_purchaser.store.campaigns import InForce
from offset_purchaser.store.documents import Undocumented
from offset_purchaser.terms import Leg
from shared.errors import Rejected
from shared.estimate import ChannelName
from shared.postgres import Connection, Pool

SANDBOX_PARTY = Party(name="Sandbox provider (no real credits)", address_lines=("sandbox",), country="FR")


async def build_content(
    connection: Connection,
    found: InForce,
    what: Undocumented,
    orders: Sequence[Mapping[str, Any]],
    number: str,
    issued_on: date,
) -> DocumentContent:
    """The content of one document. Raises ``Rejected`` when something that must be stated is not configured."""
    campaign = found.campaign
    frozen = await _frozen(connection, what)
    purchases = await _purchases(connection, what, [row["leg"] for row in orders])
    lines = await order_lines(connection, campaign, orders)
    leg = next(leg for leg in campaign.legs if leg.key == orders[0]["leg"])
    vat = vat_of(leg, found.entity.language)
    invoices = await documents.provider_invoices(connection, [row["order_id"] for row in orders])
    return DocumentContent(
        number=number,
        kind=leg.document,
        mode=orders[0]["mode"],
        language=found.entity.language,
        issued_on=issued_on,
        legal_entity=campaign.entity_id,
        seller=leg.seller(orders[0]["provider"]) or SANDBOX_PARTY,
        buyer=found.entity.party,
        campaign_id=campaign.id,
        campaign_name=campaign.title,
        days=tuple(row["day"] for row in frozen),
        settlements=tuple(row["number"] for row in frozen),
        emissions=emissions(frozen),
        quantity=_quantity(frozen, purchases, orders),
        lines=tuple(lines),
        vat=vat,
        totals=totals(lines, vat, leg.currency),
        payment=leg.payment,
        agreement=leg.agreement,
        provider_invoice=_invoice(invoices[0]) if invoices else None,
        verify=Verify(
            command=f"offset-purchaser settlements verify {campaign.id} {what.buy_day} {what.number}",
            hashes=tuple(
                NamedHash(name=f"registers {row['day']} ({row['number']})", sha256=row["lines_sha256"])
                for row in frozen[:HASHES_MAX]
            ),
        ),
    )


def vat_of(leg: Leg, language: Language) -> Vat:
    """The leg's VAT; a statement has none. Raises ``Rejected`` for an invoice without one: there is no default."""
    if leg.document == "statement":
        return statement_vat(language)
    if leg.vat is not None:
        return leg.vat
    raise Rejected(f"leg {leg.key}: a {leg.document} needs vat (category, rate, exemption_text)", field="vat")


def _invoice(row: Mapping[str, Any]) -> ProviderInvoice:
    return ProviderInvoice(
        number=row["number"], issued_on=row["issued_on"], filename=row["filename"], sha256=row["sha256"]
    )


async def _frozen(connection: Connection, what: Undocumented) -> list[Mapping[str, Any]]:
    rows = await connection.fetch(
        """
        SELECT f.* FROM frozen_settlements f WHERE (f.campaign, f.day, f.number) IN (
            SELECT l.campaign, l.day, l.number FROM settlement_legs l
            WHERE l.campaign = $1 AND l.buy_day = $2 AND l.number = $3) ORDER BY day
        """,
        *(what.campaign, what.buy_day, what.number),
    )
    return [dict(row) | {"result": json.loads(row["result"]), "gaps": json.loads(row["gaps"])} for row in rows]


async def _purchases(connection: Connection, what: Undocumented, legs: Sequence[str]) -> list[Mapping[str, Any]]:
    rows = await connection.fetch(
        "SELECT * FROM purchases WHERE campaign = $1 AND buy_day = $2 AND number = $3 AND leg = ANY($4)",
        *(what.campaign, what.buy_day, what.number, list(legs)),
    )
    return [dict(row) for row in rows]


async def order_lines(
    connection: Connection | Pool, campaign: Campaign, orders: Sequence[Mapping[str, Any]]
) -> list[OrderLine]:
    """One priced line for each confirmed order, with what provider and certificates state."""
    archived = await certificates.of_orders(connection, [row["order_id"] for row in orders])
    legs = {leg.key: leg for leg in campaign.legs}
    found = []
    for row in orders:
        mine = [c for c in archived if c["order_id"] == row["order_id"]]
        said = stated(json.loads(row["details"]), mine)
        found.append(
            OrderLine(
                order_id=row["order_id"],
                provider=row["provider"],
                leg=row["leg"],
                provider_reference=row["reference"] or "",
                project=Project(
                    name=said["project"],
                    id=said["project_id"],
                    country=said["project_country"],
                    type=said["project_type"],
                    methodology=said["methodology"],
                    effect=said["effect"] or (legs[row["leg"]].effect if row["leg"] in legs else ""),
                ),
                vintage=said["vintage"],
                registry=said["registry"],
                standard=said["standard"],
                certificates=tuple(certificate_of(c) for c in mine),
                quantity_g=row["confirmed_g"] - row["credited_g"],
                lot_g=legs[row["leg"]].lot_g if row["leg"] in legs else None,
                price_per_tonne=row["price_per_tonne"],
                currency=row["currency"],
                net_amount=row["amount"] - row["credited_amount"],
            )
        )
    return found


STATED = (
    *("project", "project_id", "project_country", "project_type", "methodology", "effect"),
    *("vintage", "registry", "standard"),
)


def stated(details: Mapping[str, Any], certificates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the provider said of the project; what it left out, as its first certificate states it."""
    first = json.loads(certificates[0]["content"]) if certificates else {}
    return {name: details.get(name) or first.get(name, "") for name in STATED}


def certificate_of(row: Mapping[str, Any]) -> Certificate:
    """A stored certificate as documents and exports state it."""
    said = json.loads(row["content"])
    return Certificate(
        reference=row["reference"],
        serials=(f"{row['serial_first']} – {row['serial_last']}",),
        quantity_t=Decimal(said["quantity_t"]),
        retired_on=said["retired_on"],
        retiring_account=said.get("retiring_account", ""),
        beneficiary=said["beneficiary"],
        reason=said["reason"],
        ccp_approved=said.get("ccp_label"),
        host_country_authorised=said.get("host_country_authorised"),
        url=said["url"],
        sha256=row["sha256"],
    )


def emissions(frozen: Iterable[Mapping[str, Any]]) -> Emissions:
    """The days' totals added up: the same factors served every day, so their errors add linearly."""
    rows = list(frozen)
    total = _add(row["result"]["total_g"] for row in rows)
    channels, methods, exclusions = [], [], []
    for channel in ChannelName:
        parts = [row["result"]["channels"][channel] for row in rows if channel in row["result"]["channels"]]
        if parts:
            channels.append(_channel(channel, parts, rows, total.central))
    for row in rows:
        methods += [_method(entry) for entry in row["result"]["methods"]]
    for reason in ("paid_by_others", "bots", "late_unprovable"):
        parts = [found[reason] for row in rows for found in row["result"]["not_bought"].values() if reason in found]
        if parts:
            grams = _add(part["emissions_g"] for part in parts).central
            events = sum(part["events"] for part in parts)
            exclusions.append(Exclusion.model_validate({"reason": reason, "events": events, "grams": grams}))
    gaps = [
        Gap(missing=f"{gap['who']}: {gap['why']}", reason=gap["reason"], released_by=gap["by"])
        for row in rows
        for gap in row["gaps"]
    ]
    return Emissions(
        total=total,
        channels=tuple(channels),
        methods=tuple(dict.fromkeys(methods)),
        exclusions=tuple(exclusions),
        gaps=tuple(dict.fromkeys(gaps)),
    )


def _channel(
    channel: ChannelName, parts: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], whole: Decimal
) -> ChannelRow:
    grams = _add(part["emissions_g"] for part in parts)
    activity: dict[str, int] = {}
    for row in rows:
        for name, value in row["result"]["activity"].get(channel, {}).items():
            activity[name] = activity.get(name, 0) + value
    return ChannelRow(
        low=grams.low,
        central=grams.central,
        high=grams.high,
        channel=channel,
        events=sum(part["events"] for part in parts),
        share=round(grams.central / whole, 6) if whole else Decimal(0),
        activity=tuple(Measure(name=name, value=value) for name, value in sorted(activity.items())),
    )


def _method(entry: Mapping[str, str]) -> MethodRef:
    return MethodRef(
        channel=ChannelName(entry["channel"]),
        method=entry["method"],
        version=entry["method_version"],
        factor_set=entry["factor_set"],
        factor_set_sha256=entry["factor_set_sha256"],
    )


def _add(ranges: Iterable[Mapping[str, str]]) -> Range:
    rows = list(ranges)
    low, central, high = (sum((Decimal(row[name]) for row in rows), Decimal(0)) for name in ("low", "central", "high"))
    return Range(low=low, central=central, high=high)


def _quantity(
    frozen: Sequence[Mapping[str, Any]], purchases: Sequence[Mapping[str, Any]], orders: Sequence[Mapping[str, Any]]
) -> Quantity:
    """How the grams of this document's orders follow from what the days owed."""
    paid, waived = sum(row["paid_by_others_g"] for row in frozen), sum(row["waived_g"] for row in frozen)
    drawn = sum(row["carry_drawn_g"] for row in purchases)
    need = sum(row["need_g"] for row in purchases)
    unfilled = sum(max(row["quantity_g"] - row["confirmed_g"], 0) for row in orders)
    beyond = sum(max(row["confirmed_g"] - row["quantity_g"], 0) for row in orders)
    owed = sum(row["owed_g"] for row in frozen)
    elsewhere = owed - paid - waived - need
    return Quantity(
        owed_g=owed + max(-elsewhere, 0),
        drawn_g=drawn,
        paid_by_others_g=paid,
        waived_g=waived,
        committed_g=max(elsewhere, 0),
        carry_in_g=sum(row["surplus_used_g"] for row in purchases),
        carry_out_g=beyond,
        unordered_g=sum(row["carry_added_g"] for row in purchases) + unfilled,
    )
