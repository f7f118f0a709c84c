"""A credit note as the real command makes it, before the same independent judge as the examples."""

from __future__ import annotations

from pathlib import Path

from tests.container.test_pdf_validator import jars, read_report, run  # noqa: F401  (jars is a fixture)
from tests.integration.purchaser.commands import offset_purchaser
from tests.integration.purchaser.conftest import (  # noqa: F401  (fixtures)
    migrated,
    new_database,
    own_database,
    seller,
    world,
)
from tests.integration.purchaser.test_credit_notes import INVOICE, NOTE, invoiced
from tests.integration.purchaser.world import SellerThread, World, everything


async def test_a_261_of_the_command_is_pdf_a_3_and_valid_en_16931(
    world: World,  # noqa: F811
    seller: SellerThread,  # noqa: F811
    jars: str,  # noqa: F811
) -> None:
    await invoiced(world, seller)
    words = ("--reason", "Withdrawn", "--by", "anna", "--grams", "1000001")
    assert (await offset_purchaser("documents", "credit", INVOICE, *words, dsn=world.dsn)).code == 0
    await everything(world)
    pdf, judge = world.folder / "documents" / f"{NOTE}.pdf", Path(jars).parents[1] / "Validate.java"
    verdict = read_report(run("java", "-cp", jars, str(judge), str(pdf)))
    assert (verdict.pdf_a3, verdict.pdf, verdict.xml) == (True, "valid", "valid"), verdict.report
