"""Recomputing a frozen settlement from what it stored, years later: the same integers or a named difference."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from offset_purchaser.campaign import Campaign
from offset_purchaser.formulas import FORMULAS, number_of
from offset_purchaser.handlers.settle import result_json
from offset_purchaser.settlement import shared
from offset_purchaser.store import totals
from offset_purchaser.totals import day_total
from shared.errors import Rejected
from shared.postgres import Pool


@dataclass(frozen=True, slots=True)
class Check:
    """One value, stored and recomputed."""

    what: str
    stored: str
    recomputed: str

    @property
    def same(self) -> bool:
        """Whether they agree."""
        return self.stored == self.recomputed


async def verify_settlement(pool: Pool, campaign: str, day: date, number: int) -> list[Check]:
    """Recompute everything that follows from the frozen lines, the campaign version and the formula of that time.

    Raises ``Rejected`` when it has not frozen, or froze by a formula that this version does not know.
    """
    row = await pool.fetchrow(
        """
        SELECT f.*, v.content, v.sha256 AS campaign_sha256
        FROM frozen_settlements f JOIN campaign_versions v
        ON v.campaign = f.campaign AND v.version = f.campaign_version
        WHERE f.campaign = $1 AND f.day = $2 AND f.number = $3
        """,
        *(campaign, day, number),
    )
    if row is None:
        raise Rejected(f"settlement {number} of {day} in campaign {campaign} has not frozen")
    content, result = json.loads(row["content"]), json.loads(row["result"])
    formula = number_of(result["formula"])
    rules = Campaign.model_validate(content["campaign"])
    sums = await totals.frozen_sums(pool, campaign, day, number)
    hashes = await totals.frozen_hashes(pool, campaign, [day], number)
    lines, digest = hashes.get(day, (0, totals.NO_LINES_SHA256))
    legs = await pool.fetch(
        "SELECT leg, need_g FROM settlement_legs WHERE campaign = $1 AND day = $2 AND number = $3",
        *(campaign, day, number),
    )
    total = day_total(rules, sums, formula)
    checks = [
        Check("campaign version", row["campaign_sha256"], _sha256(content["campaign"])),
        Check("formula", result["formula"], FORMULAS[formula].text),
        Check("register lines", str(row["lines"]), str(lines)),
        Check("SHA-256 of the lines", row["lines_sha256"], digest),
        Check("owed g", str(row["owed_g"]), str(total.owed_g)),
        Check(
            "needed g",
            str(row["need_g"]),
            str(total.owed_g - total.paid_by_others_g - row["waived_g"] - row["committed_g"]),
        ),
        Check("paid by others g", str(row["paid_by_others_g"]), str(total.paid_by_others_g)),
        *_result(result, result_json(total)),
    ]
    shares = shared(row["need_g"], rules.legs, result.get("returned_g", {}))
    stored = {leg["leg"]: leg["need_g"] for leg in legs}
    for leg, share in zip(rules.legs, shares, strict=True):
        checks.append(Check(f"share of {leg.key} g", str(stored.get(leg.key, 0)), str(share)))
    return checks


def _sha256(campaign: Mapping[str, Any]) -> str:
    """Over the stored content, not over today's model of it: a field added later must not break an old campaign."""
    return hashlib.sha256(json.dumps(campaign, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _result(stored: Mapping[str, Any], again: Mapping[str, Any]) -> list[Check]:
    checks = [Check("total g", _text(stored["total_g"]), _text(again["total_g"]))]
    for channel in sorted({*stored["channels"], *again["channels"]}):
        checks.append(Check(channel, _text(stored["channels"].get(channel)), _text(again["channels"].get(channel))))
    checks.append(Check("not bought", _text(stored["not_bought"]), _text(again["not_bought"])))
    return checks


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
