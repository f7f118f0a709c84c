"""The audit file of a settlement on real tables: exported by command, verified without them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from tests.integration.purchaser.commands import offset_purchaser
from tests.integration.purchaser.feeding import CAMPAIGN, NOON, progress, reading
from tests.integration.purchaser.test_manual_lines import ADS, figure
from tests.integration.purchaser.world import World, everything

from offset_purchaser.documents.dossier_check import verify_dossier
from offset_purchaser.handlers.dossier import settlement_dossier
from offset_purchaser.handlers.lines import add_line
from shared.errors import Rejected
from shared.factors import load_factor_set


async def settled(world: World) -> None:
    """A day with everything that a register can be, one order and one document."""
    await world.campaigns(ADS)
    real = {
        "factor_set_sha256": load_factor_set("2026.1").sha256,
        "activity": {"views": 7, "bytes_transferred": 12_000},
    }
    await world.feed(
        reading(grams=1_000_000, **real),
        reading(grams=40.5, payer="carrier", **real),
        reading(grams=7, detail="device=bot;kind=view", **real),
        reading(grams=3, detail="device=laptop;late=unprovable", country="", **real),
        reading(events=0, grams=0, detail="device=phone", method="", emissions_ug=None, **real),
        progress(40),
        progress(0, topic="ad-impressions", channel="ads"),
    )
    await add_line(world.pool, figure(), "report.pdf", b"%PDF evidence")
    await everything(world)


async def test_a_dossier_of_a_real_settlement_is_sound_and_holds_the_very_papers(world: World, tmp_path: Path) -> None:
    await settled(world)
    name, content = await settlement_dossier(world.pool, "bf", NOON.date(), 1)
    assert name == "dossier-bf-2026-11-27-1.zip"
    assert (name, content) == await settlement_dossier(world.pool, "bf", NOON.date(), 1)
    path = tmp_path / name
    path.write_bytes(content)
    assert [finding for finding in verify_dossier(path) if not finding.ok] == []
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        number = "R-ST-RETAIL-FR-2026-00001"
        issued = (world.folder / "documents" / f"{number}.pdf").read_bytes()
        assert archive.read(f"documents/{number}.pdf") == issued
        assert archive.read("sources.csv").decode().splitlines()[2] == "site-traffic,0,1,0,40,40,0,0,0,0,0"
        treatments = [line.split(",")[9] for line in archive.read("registers.csv").decode().splitlines()[1:]]
        assert sorted(treatments) == ["bots", "bought", "bought", "late_unprovable", "not_estimated", "paid_by_others"]
    assert {
        "factors/2026.1/manifest.toml",
        "certificates/001-certificate.json",
        f"documents/{number}.content.json",
    } <= names
    assert any(entry.startswith("evidence/") for entry in names)


async def test_the_command_verifies_without_a_database_and_names_what_was_changed(world: World, tmp_path: Path) -> None:
    await settled(world)
    done = await offset_purchaser("dossier", "export", "bf", "2026-11-27", "--to", tmp_path, dsn=world.dsn)
    path = tmp_path / "dossier-bf-2026-11-27-1.zip"
    assert (done.code, done.out.strip()) == (0, str(path))
    done = await offset_purchaser("dossier", "verify", path)
    assert (done.code, done.err) == (3, ""), done.out
    assert "CONSISTENT, NOT PROVEN" in done.out
    printed = await world.pool.fetchval("SELECT lines_sha256 FROM frozen_settlements")
    issued = world.folder / "documents" / "R-ST-RETAIL-FR-2026-00001.pdf"
    done = await offset_purchaser("dossier", "verify", path, "--expect", printed, "--document", issued)
    assert (done.code, done.err) == (0, ""), done.out
    assert "PROVEN, by what you gave:" in done.out, done.out
    done = await offset_purchaser("dossier", "verify", path, "--expect", "0" * 64)
    assert (done.code, "WRONG" in done.out) == (1, True)
    done = await offset_purchaser("dossier", "verify", path, "--expect", "12ab")
    assert (done.code, done.err.strip()) == (1, "expect: 12ab is no SHA-256: 64 digits and letters a to f")
    content = path.read_bytes()
    path.write_bytes(content[:1000] + bytes([content[1000] ^ 1]) + content[1001:])
    done = await offset_purchaser("dossier", "verify", path)
    assert (done.code, done.err) == (1, "")
    assert "WRONG" in done.out


async def test_a_settlement_that_has_not_frozen_has_no_dossier(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    with pytest.raises(Rejected, match="has not frozen"):
        await settlement_dossier(world.pool, "bf", NOON.date(), 1)
