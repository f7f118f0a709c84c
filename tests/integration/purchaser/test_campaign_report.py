"""The report of a campaign from real tables: the same sums as the settlement, and everything else accounted for."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.integration.purchaser.commands import offset_purchaser
from tests.integration.purchaser.feeding import CAMPAIGN, NOON, progress, reading
from tests.integration.purchaser.world import World, everything

from offset_purchaser.handlers.campaign_report import campaign_page
from offset_purchaser.report import build
from shared.errors import Rejected

TWO = CAMPAIGN.replace("grace: 6h", "grace: 6h\n    known_shares: {site: 60}\n    units_sold: {smartphone: 10}")
YEAR_BEFORE = """
  - id: bf-before
    name: The one before
    legal_entity: retail-fr
    shops: [FR]
    zone: Europe/Paris
    first_day: 2026-11-20
    last_day: 2026-11-21
    channels: [site]
    true_up_days: 0
    legs: [{provider: sandbox, price_per_tonne: 22, currency: EUR}]
  - id: british
    legal_entity: retail-fr
    shops: [GB]
    zone: Europe/Paris
    first_day: 2026-11-27
    last_day: 2026-11-27
    channels: [site]
    true_up_days: 0
    legs: [{provider: sandbox, price_per_tonne: 22, currency: EUR}]
"""
EVENING = NOON + timedelta(hours=9, minutes=15)


async def counted(world: World) -> None:
    """A day of two hours and two countries, with everything that is counted apart; and a day of the week before."""
    await world.campaigns(TWO + YEAR_BEFORE)
    await world.feed(
        reading(events=10, grams=3000, duplicates=4),
        reading(events=5, grams=1000, quarter=EVENING, country="BE"),
        reading(events=2, grams=500, quarter=EVENING, country="", payer="carrier"),
        reading(events=7, grams=9, detail="device=bot;kind=view"),
        reading(events=3, grams=8, detail="device=laptop;late=unprovable"),
        reading(events=0, grams=0, shop="", country="", detail="rejected=true", rejected=6),
        reading(events=11, grams=70, shop="GB", duplicates=50),
        reading(events=13, grams=70, shop="US"),
        reading(events=17, grams=2000, quarter=NOON - timedelta(days=7)),
        progress(68),
    )


async def test_a_settled_day_is_shown_with_the_sums_of_its_settlement(world: World) -> None:
    await counted(world)
    await everything(world)
    page, language = await campaign_page(world.pool, "bf")
    report = await build(world.pool, "bf")
    assert (language, page.mode, page.open_days) == ("en", "rehearsal", 0)
    assert page.total.central == Decimal(report["days"][0]["total_g"]["central"]) == 4500
    assert {hour: grams["site"] for hour, grams in page.hours if grams} == {
        datetime(2026, 11, 27, 13): Decimal(3000),  # noqa: DTZ001  (the wall clock of Paris)
        datetime(2026, 11, 27, 22): Decimal(1500),  # noqa: DTZ001
    }
    assert [(row.code, row.events, row.grams) for row in page.countries] == [
        ("FR", 10, Decimal(3000)),
        ("BE", 5, Decimal(1000)),
        ("", 2, Decimal(500)),
    ]
    (site,) = page.channels
    assert (site.events, site.duplicates, site.rejected) == (27, 4, 6)
    assert {row.reason: (row.events, row.grams) for row in page.left_out} == {
        "rejected": (6, None),
        "duplicates": (4, None),
        "late_unprovable": (3, Decimal(8)),
        "bots": (7, Decimal(9)),
        "outside": (13, None),
        "paid_by_others": (None, Decimal(500)),
    }
    assert [order.quantity_g for order in page.bought] == [4000]
    assert page.methods == (("site", "swd-v4", "1", "2026.1"),)


async def test_a_day_that_has_not_settled_shows_the_newest_readings_and_says_so(world: World) -> None:
    await counted(world)
    page, _ = await campaign_page(world.pool, "bf")
    assert page.open_days == 1
    assert page.total.central == sum(row.grams for row in page.countries) == 4500
    assert sum(sum(grams.values(), Decimal(0)) for _, grams in page.hours) == 4500
    assert page.bought == ()


async def test_what_came_after_the_settlement_does_not_change_the_page(world: World) -> None:
    await counted(world)
    await everything(world)
    await world.feed(reading(events=99, grams=99_000, revision=2, through_offset=99))
    page, _ = await campaign_page(world.pool, "bf")
    assert page.total.central == sum(row.grams for row in page.countries) == 4500


async def test_it_is_compared_with_the_companys_campaign_before(world: World) -> None:
    await counted(world)
    page, _ = await campaign_page(world.pool, "bf")
    assert page.before is not None
    assert (page.before.title, page.before.days, page.before.total.central) == ("The one before", 2, Decimal(2000))
    assert page.before.first == date(2026, 11, 20)
    other, _ = await campaign_page(world.pool, "bf", against="british")
    assert other.before is not None
    assert other.before.total.central == 70
    with pytest.raises(Rejected, match="there is no campaign nobody; there are: bf, bf-before, british"):
        await campaign_page(world.pool, "nobody")


async def test_the_command_writes_pages_and_pictures_in_the_languages_asked_for(world: World, tmp_path: Path) -> None:
    await counted(world)
    await everything(world)
    out = tmp_path / "report"
    done = await offset_purchaser(
        *("report", "bf", "--language", "fr", "--language", "de", "--out", out), dsn=world.dsn
    )
    assert (done.code, done.err) == (0, "")
    assert done.out.split() == [str(out / "report.html"), str(out / "report.de.html")]
    html = (out / "report.html").read_text(encoding="utf-8")
    assert "4,50\u00a0kg" in html
    assert "à la main : 60" in html.replace("\u00a0", " ")
    assert "10 Smartphones" in html
    assert (out / "charts" / "hours.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("report", "--out", "x"), "a page is of one campaign"),
        (("report", "bf", "--out", "x", "--language", "it"), "there are no texts in 'it'; there are fr, en, de"),
        (("report", "nobody", "--out", "x"), "there is no campaign nobody; there are: none yet"),
        (("report", "bf", "--out", "x", "--proof", "/none"), "/none: No such file or directory"),
    ],
)
async def test_a_wrong_question_gets_a_sentence(world: World, words: tuple[str, ...], sentence: str) -> None:
    done = await offset_purchaser(*words, dsn=world.dsn)
    assert done.code == 1
    assert sentence in done.err
    assert "Traceback" not in done.err


async def test_a_day_keeps_the_rules_it_began_with_when_the_file_changes_later(world: World) -> None:
    """The first day counts robots as its file said then; the second, not begun, by the file as it is now."""
    two_days = CAMPAIGN.replace("last_day: 2026-11-27", "last_day: 2026-11-28") + "    bots: buy\n"
    world.clock.now = NOON
    await world.campaigns(two_days)
    await world.campaigns(two_days.replace("bots: buy", "bots: record"))
    bot = {"detail": "device=bot;kind=view"}
    await world.feed(
        reading(events=10, grams=3000),
        reading(events=7, grams=9, **bot),
        reading(events=10, grams=100, quarter=NOON + timedelta(days=1)),
        reading(events=7, grams=5, quarter=NOON + timedelta(days=1), **bot),
        progress(34),
    )
    page, _ = await campaign_page(world.pool, "bf")
    assert {hour: grams["site"] for hour, grams in page.hours if grams} == {
        datetime(2026, 11, 27, 13): Decimal(3009),  # noqa: DTZ001  (the wall clock of Paris)
        datetime(2026, 11, 28, 13): Decimal(100),  # noqa: DTZ001
    }
    assert [(row.code, row.events, row.grams) for row in page.countries] == [("FR", 27, Decimal(3109))]
    assert page.total.central == 3109
