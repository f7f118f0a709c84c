"""Exports for other people's books, of a real settlement: emissions and credits in tables of their own."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from tests.integration.purchaser.commands import offset_purchaser
from tests.integration.purchaser.test_dossier import settled
from tests.integration.purchaser.world import World

from offset_purchaser.documents.accounting import ghg_protocol
from offset_purchaser.store.accounting import emitted

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


async def test_emissions_by_scope_and_category_are_those_of_the_settlement(world: World, tmp_path: Path) -> None:
    await settled(world)
    columns, rows = ghg_protocol(await emitted(world.pool, ["bf"], FIRST, LAST))
    assert columns == ("scope", "category", "events", "low_kg", "central_kg", "high_kg")
    assert [tuple(row) for row in rows] == [
        ("Scope 3", "1", 20, Decimal("800.0324"), Decimal("1000.0405"), Decimal("1500.06075")),
        ("Scope 3", "not stated", 1, Decimal(500), Decimal(500), Decimal(800)),
    ]
    assert await emitted(world.pool, ["bf"], date(2026, 11, 28), LAST) == []
    file = tmp_path / "ghg.csv"
    done = await offset_purchaser("export", "ghg-protocol", "retail-fr", "--to", file, dsn=world.dsn)
    assert (done.code, done.out) == (0, f"2 lines written to {file}\n")
    written = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert sum(Decimal(row["central_kg"]) for row in written) == Decimal("1500.0405")


async def test_credits_are_exported_apart_with_what_was_not_stated(world: World) -> None:
    await settled(world)
    done = await offset_purchaser("export", "esrs-e1-7", "bf", "--json", dsn=world.dsn)
    assert done.code == 0, done.err
    fields = {row["field"]: (row["value"], row["unit"]) for row in json.loads(done.out)}
    assert fields["carbon credits cancelled in the period"] == ("1.5", "tCO2e")
    assert fields["carbon credits planned to be cancelled"] == ("0", "tCO2e")
    assert {name.split(":")[0] for name in fields if ":" in name} == {
        "share by effect",
        "share by quality standard",
        "share by place of the project",
        "share by corresponding adjustment (Article 6)",
    }
    retired = await world.pool.fetchval("SELECT max((content::jsonb->>'retired_on')::date) FROM certificates")
    later = str(retired + timedelta(days=1))
    done = await offset_purchaser("export", "esrs-e1-7", "bf", "--since", later, "--json", dsn=world.dsn)
    fields = {row["field"]: row["value"] for row in json.loads(done.out)}
    assert (fields["carbon credits cancelled in the period"], fields["carbon credits planned to be cancelled"]) == (
        "0",
        "0",
    )
    done = await offset_purchaser("export", "esrs-e1-7", "nobody", dsn=world.dsn)
    assert (done.code, done.err.strip()) == (1, "there is no campaign and no legal entity nobody")
