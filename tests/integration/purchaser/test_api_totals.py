"""Live day totals: two figures with their freshness, on the real tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.purchaser.calling import Api
from tests.integration.purchaser.feeding import CAMPAIGN, NOON, progress, reading
from tests.integration.purchaser.world import World, everything

DAY = "/v1/campaigns/bf/days/2026-11-27"
AUTUMN = (25, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")
SPRING = (23, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")
WIDE = CAMPAIGN.replace("shops: [FR]", 'shops: "*"')


async def day(api: Api, path: str = DAY) -> Any:
    api.live._answers.clear()
    answer = await (await api.caller()).get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_day_shows_emissions_by_channel_shop_and_country_with_their_range(api: Api) -> None:
    await api.world.campaigns(WIDE)
    bot = {"detail": "device=bot;kind=view", "shop": "GB"}
    unknown = {"country": "", "shop": "GB", "detail": "device=phone;kind=view", "factor_group": "other"}
    await api.world.feed(reading(10, 1000), reading(5, 30, **unknown), reading(2, 7, **bot), progress(17))
    found = await day(api)
    emitted = found["emissions"]
    whole = {"low": "829.91002", "central": "1030", "high": "1530.224949"}
    site = {"events": 15, "late": 0, "emissions_g": whole}
    assert {name: emitted["channels"]["site"][name] for name in site} == site
    assert emitted["total_g"] == site["emissions_g"]
    assert emitted["owed_g"] == 1030
    assert emitted["channels"]["site"]["not_bought"]["bots"]["emissions_g"]["central"] == "7"
    assert {name: part["emissions_g"] for name, part in emitted["shops"].items()} == {
        "FR": {"low": "800", "central": "1000", "high": "1500"},
        "GB": {"low": "24", "central": "30", "high": "45"},
    }
    assert {name: part["events"] for name, part in emitted["countries"].items()} == {"FR": 10, "unknown": 5}
    assert found["credits"] == {"ordered_g": 0, "confirmed_g": 0, "certified_g": 0}


async def test_freshness_names_whom_a_day_waits_for(api: Api) -> None:
    await api.world.campaigns(CAMPAIGN)
    found = await day(api)
    assert (found["as_of"], found["complete"]) == (None, False)
    assert found["waits_for"] == [{"who": "site-traffic", "why": "no progress from its meter yet"}]
    await api.world.feed(reading(10), progress(12))
    found = await day(api)
    assert found["as_of"] == "2026-12-01T12:00:00Z"
    assert found["waits_for"] == [{"who": "site-traffic/0", "why": "readings show 10 of 12 events counted"}]
    await api.world.feed(reading(12, grams=1200))
    found = await day(api)
    assert (found["complete"], found["waits_for"]) == (True, [])


async def test_a_running_day_is_not_complete_even_when_nothing_is_missing(api: Api) -> None:
    await api.world.campaigns(CAMPAIGN)
    api.world.clock.now = NOON
    await api.world.feed(reading(10), progress(as_of=NOON))
    found = await day(api)
    assert (found["complete"], found["as_of"]) == (False, "2026-11-27T12:00:00Z")
    assert found["waits_for"] == [{"who": "site-traffic", "why": "counted as of 2026-11-27T12:00:00+00:00 only"}]


async def test_credits_stand_beside_emissions_and_are_never_taken_off(api: Api) -> None:
    await api.world.campaigns(CAMPAIGN)
    await api.world.feed(reading(grams=1_000_000), progress())
    await everything(api.world)
    found = await day(api)
    assert found["emissions"]["total_g"]["central"] == "1000000"
    assert found["credits"] == {"ordered_g": 1_000_000, "confirmed_g": 1_000_000, "certified_g": 1_000_000}
    assert found["frozen"]["owed_g"] == 1_000_000


async def test_days_when_the_clocks_change_have_23_and_25_hours_and_their_own_registers(api: Api) -> None:
    spring = CAMPAIGN.replace("2026-11-27", "2026-03-29").replace("id: bf", "id: spring").replace("[FR]", "[GB]")
    autumn = CAMPAIGN.replace("2026-11-27", "2026-10-25")
    await api.world.campaigns(autumn + spring.partition("campaigns:\n")[2])
    first, last = datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 22, 45, tzinfo=UTC)
    quarters = (first - timedelta(minutes=15), first, last, last + timedelta(minutes=15))
    await api.world.feed(*(reading(10**n, 10**n, quarter=quarter) for n, quarter in enumerate(quarters)))
    found = await day(api, "/v1/campaigns/bf/days/2026-10-25")
    assert (found["hours"], found["starts_at"], found["ends_at"]) == (
        25,
        "2026-10-24T22:00:00Z",
        "2026-10-25T23:00:00Z",
    )
    assert found["emissions"]["total_g"]["central"] == "110"
    found = await day(api, "/v1/campaigns/spring/days/2026-03-29")
    assert (found["hours"], found["starts_at"], found["ends_at"]) == (
        23,
        "2026-03-28T23:00:00Z",
        "2026-03-29T22:00:00Z",
    )


async def test_a_page_of_days_holds_each_day_with_its_freshness(api: Api) -> None:
    await api.world.campaigns(CAMPAIGN.replace("last_day: 2026-11-27", "last_day: 2026-11-30"))
    await api.world.feed(reading(10), reading(1, 1, quarter=NOON + timedelta(days=1)), progress(11))
    anna = await api.caller()
    page = (await anna.get("/v1/campaigns/bf/days", params={"limit": 2})).json()
    assert [(d["day"], d["emissions"]["total_g"]["central"]) for d in page["items"]] == [
        ("2026-11-27", "1000"), ("2026-11-28", "1"),
    ]  # fmt: skip
    assert (page["total"], page["next_offset"]) == (4, 2)
    page = (await anna.get("/v1/campaigns/bf/days", params={"limit": 2, "offset": 2})).json()
    assert (len(page["items"]), page["next_offset"]) == (2, None)


async def test_an_answer_in_memory_is_given_at_once_and_renewed_behind_it(api: Api) -> None:
    await api.world.campaigns(CAMPAIGN)
    await api.world.feed(reading(10), progress())
    anna = await api.caller()
    first = (await anna.get(DAY)).json()
    await api.world.feed(reading(20, grams=2000), progress(20))
    assert (await anna.get(DAY)).json() == first
    ((key, answer),) = api.live._answers.items()
    api.live._answers[key] = type(answer)(answer.totals, answer.body, answer.at - 5, answer.took_s)
    assert (await anna.get(DAY)).json() == first
    await api.live._running[key]
    assert (await anna.get(DAY)).json()["emissions"]["total_g"]["central"] == "2000"


async def test_campaigns_are_listed_with_their_settlements(api: Api, world: World) -> None:
    await world.campaigns(CAMPAIGN)
    anna = await api.caller()
    page = (await anna.get("/v1/campaigns")).json()
    assert [(c["campaign"], c["zone"], c["settlements"]) for c in page["items"]] == [
        ("bf", "Europe/Paris", {"waiting": 1})
    ]
    assert (await anna.get("/v1/campaigns/bf")).json()["legal_entity"] == "retail-fr"
    assert (await anna.get("/v1/campaigns/none")).status_code == 404
