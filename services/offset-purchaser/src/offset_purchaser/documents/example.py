"""An example document of every kind, with invented parties: to look at a layout, and for tests."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from offset_purchaser.documents.catalogue import statement_vat
from offset_purchaser.documents.content import CREDITS, INVOICES, STATEMENTS, DocumentContent, Kind, Language, totals
from offset_purchaser.documents.parts import OrderLine, Party, Vat
from offset_purchaser.documents.values import line_amount

PROVIDER_INVOICE = b"%PDF-1.4\n% the provider's invoice, for the example\n"
_DAY = date(2026, 11, 27)

_SELLER = {
    "name": "Example Climate Foundation",
    "address_lines": ["1 allée de l'Exemple"],
    "postal_code": "75000",
    "city": "Paris",
    "country": "FR",
    "vat_id": "FR11000000001",
    "registration_id": "000000001",
    "registration_scheme": "0002",
    "electronic_address": "000000001",
    "electronic_scheme": "0225",
}
_BUYER = {
    **_SELLER,
    "name": "Example Marketplace SAS",
    "address_lines": ["2 rue de l'Exemple", "Bâtiment B"],
    "vat_id": "FR22000000002",
    "registration_id": "000000002",
    "electronic_address": "000000002",
}
_CHANNELS = (
    ("site", 204_133, "1934221.1", "4012345.5", "7523001.2", "swd-v4", {"bytes_transferred": 412_233_901_222}),
    ("email", 61_202, "612001", "1204512.25", "2501200", "ademe-email", {"recipients": 8_120_339}),
    ("ads", 20_011, "3541022", "8120334", "16220000", "iab-display", {"impressions": 44_120_339}),
    ("delivery", 3_004, "18220114", "28102331", "39120000", "ademe-parcel", {"parcels": 3_004, "weight_g": 1_211_900}),
)
_NOTES = (
    ("PMT", "Indemnité forfaitaire pour frais de recouvrement en cas de retard de paiement : 40 €."),
    ("PMD", "Pénalités de retard : trois fois le taux d'intérêt légal."),
    ("AAB", "Pas d'escompte pour paiement anticipé."),
)


def example_content(
    kind: Kind = "statement", language: Language = "en", mode: Literal["live", "rehearsal"] = "live", **changes: Any
) -> DocumentContent:
    """A complete content of a kind; ``changes`` replace top-level fields, ``ValueError`` when they do not fit."""
    lines = example_lines()
    vat = statement_vat(language) if kind in STATEMENTS else Vat(category="S", rate=Decimal(20), exemption_text="")
    data: dict[str, Any] = {
        "number": f"{'SB-EX' if kind in INVOICES else 'ST'}-2026-000{'43' if kind in CREDITS else '42'}",
        "kind": kind,
        "mode": mode,
        "language": language,
        "issued_on": date(2026, 12, 1),
        "legal_entity": "FR",
        "seller": _SELLER,
        "buyer": _BUYER,
        "campaign_id": "black-friday-2026",
        "campaign_name": "Black Friday 2026",
        "days": [_DAY],
        "settlements": [1],
        "emissions": _emissions(),
        "quantity": {"owed_g": 41_439_523, "paid_by_others_g": 10_233, "carry_in_g": 300_000, "carry_out_g": 870_710},
        "lines": lines,
        "vat": vat,
        "totals": totals(lines, vat, "EUR"),
        "verify": _verify(),
    }
    return DocumentContent.model_validate({**data, **_of_kind(kind), **changes})


def example_lines() -> tuple[OrderLine, ...]:
    """Two orders: 41 t with a certificate, and a lot of 1 t with fees, whose provider has stated nothing yet."""
    first = {
        "order_id": UUID("6b1f0c1e-8a50-5d2e-9a55-0c7a7a1d0001"),
        "provider": "Example Climate",
        "leg": "first",
        "provider_reference": "EX-7781",
        "project": {"name": "Biogas for households", "id": "EX-2277", "country": "IN", "type": "Methane avoidance"},
        "vintage": "2024",
        "registry": "Example Registry",
        "standard": "EX-VCS",
        "certificates": [_certificate()],
        "quantity_g": 41_000_000,
        "price_per_tonne": "22",
        "currency": "EUR",
        "net_amount": line_amount(41_000_000, Decimal(22), "EUR"),
    }
    second = {
        "order_id": UUID("6b1f0c1e-8a50-5d2e-9a55-0c7a7a1d0002"),
        "provider": "Example Climate",
        "leg": "second",
        "quantity_g": 1_000_000,
        "lot_g": 1_000_000,
        "price_per_tonne": "25.5",
        "currency": "EUR",
        "net_amount": "26.10",
    }
    return (OrderLine.model_validate(first), OrderLine.model_validate(second))


def example_party(**changes: Any) -> Party:
    """The example's supplier with other fields."""
    return Party.model_validate({**_SELLER, **changes})


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _emissions() -> dict[str, Any]:
    total = sum(Decimal(central) for *_, central, _high, _method, _activity in _CHANNELS)
    return {
        "total": {"low": "28120034.1", "central": total, "high": "59220114.3"},
        "channels": [
            {
                **{"channel": name, "events": events, "low": low, "central": central, "high": high},
                "share": round(Decimal(central) / total, 6),
                "activity": [{"name": measure, "value": value} for measure, value in activity.items()],
            }
            for name, events, low, central, high, _, activity in _CHANNELS
        ],
        "methods": [
            {
                "channel": row[0],
                "method": row[5],
                "version": "1.0.0",
                "factor_set": "2026.1",
                "factor_set_sha256": _hash("f"),
            }
            for row in _CHANNELS
        ],
        "exclusions": [
            {"reason": "paid_by_others", "events": 12, "grams": "10233"},
            {"reason": "bots", "events": 40_233, "grams": "81233.5"},
            {"reason": "late_unprovable", "events": 3, "grams": "2.2"},
            {"reason": "rejected", "events": 271},
        ],
        "gaps": [
            {"missing": "partner file of 27 November", "reason": "the partner was closed", "released_by": "c.martin"}
        ],
    }


def _certificate() -> dict[str, Any]:
    return {
        "reference": "RET-2026-1187",
        "serials": ["EX-0001-000001-000041"],
        "quantity_t": 41,
        "retired_on": date(2026, 12, 1),
        "retiring_account": "Example Climate",
        "beneficiary": "Example Marketplace SAS",
        "reason": "Black Friday 2026, 27 November",
        "ccp_approved": False,
        "url": "https://registry.example/RET-2026-1187",
        "sha256": _hash("certificate"),
    }


def _verify() -> dict[str, Any]:
    return {
        "command": "offset-purchaser settlements verify black-friday-2026 2026-11-27 1",
        "hashes": [{"name": "registers 2026-11-27 (1)", "sha256": _hash("registers")}],
    }


def _of_kind(kind: Kind) -> dict[str, Any]:
    if kind == "provider_invoice":
        invoice = {"number": "F-2026-7", "issued_on": _DAY, "filename": "F-2026-7.pdf"}
        return {"provider_invoice": {**invoice, "sha256": hashlib.sha256(PROVIDER_INVOICE).hexdigest()}}
    if kind == "statement_correction":
        previous = {"number": "ST-2026-00042", "issued_on": _DAY}
        return {"previous": previous, "correction": "cancellation", "note": "Another supplier delivers"}
    if kind not in INVOICES:
        return {}
    return {
        "agreement": {"reference": "AG-2026-07", "signed_on": date(2026, 7, 1)},
        "supplied_on": date(2026, 12, 1),
        "payment": {"due_on": date(2026, 12, 31), "notes": [{"code": code, "text": text} for code, text in _NOTES]},
        "previous": {"number": "SB-EX-2026-00042", "issued_on": _DAY} if kind == "self_billed_credit" else None,
    }
