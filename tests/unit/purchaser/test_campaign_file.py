"""Campaign files: every error is a sentence with file, line and key."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from offset_purchaser.campaign import claims, clash, refuse_edit, rules_of_day, timetable, with_guards_of
from offset_purchaser.campaign_file import load, parse
from offset_purchaser.handlers.campaigns import check_providers
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.terms import parse_span
from shared.errors import Rejected

GOOD = """legal_entities:
  - id: retail-fr
    party: {name: Exemple SAS, address_lines: [1 rue], country: FR}
campaigns:
  - id: bf
    legal_entity: retail-fr
    shops: [FR]
    zone: Europe/Paris
    first_day: 2026-11-27
    last_day: 2026-11-30
    channels: [site, email]
    legs:
      - {provider: sandbox, share: 80, price_per_tonne: 22.10, currency: EUR}
      - {provider: sandbox, name: other, share: 20, price_per_tonne: 30, currency: EUR}
"""


def complaint(old: str, new: str) -> str:
    assert old in GOOD
    with pytest.raises(Rejected) as caught:
        parse(GOOD.replace(old, new).encode(), "c.yaml")
    return str(caught.value)


def test_the_example_in_the_repository_is_valid() -> None:
    found = load(Path(__file__).parents[3] / "campaigns.yaml")
    assert [c.id for c in found.file.campaigns] == ["black-friday-2026-fr", "black-friday-2026-gb"]
    assert found.file.campaigns[0].legs[0].price_per_tonne == Decimal("22.00")


def test_a_price_keeps_its_digits() -> None:
    price = parse(GOOD.encode(), "c.yaml").campaigns[0].legs[0].price_per_tonne
    assert str(price) == "22.10"


def test_a_negative_price_is_named_with_line_and_key() -> None:
    assert complaint("22.10", "-22.10").startswith("c.yaml:13: campaigns[1].legs[1].price_per_tonne: ")


def test_years_of_use_are_1_unless_the_campaign_states_them_and_never_more_than_30() -> None:
    def stated(years: str) -> str:
        return GOOD.replace("zone: Europe/Paris", f"zone: Europe/Paris\n    years_of_use: {years}", 1)

    assert parse(GOOD.encode(), "c.yaml").campaigns[0].years_of_use == 1
    assert parse(stated("2.5").encode(), "c.yaml").campaigns[0].years_of_use == Decimal("2.5")
    for wrong in ("0", "31", "1e-9", "two"):
        with pytest.raises(Rejected, match=r"campaigns\[1\]\.years_of_use"):
            parse(stated(wrong).encode(), "c.yaml")


def test_an_unknown_zone_is_named_with_line_and_key() -> None:
    text = complaint("Europe/Paris", "Europe/Pariss")
    assert text == (
        "c.yaml:8: campaigns[1].zone: Europe/Pariss is not a time zone of the IANA database (Europe/Paris is one)"
    )


def test_a_last_day_before_the_first_is_named_with_its_line() -> None:
    text = complaint("last_day: 2026-11-30", "last_day: 2026-11-26")
    assert text == "c.yaml:10: campaigns[1].last_day: 2026-11-26 is before first_day 2026-11-27"


def test_a_missing_channel_list_is_named() -> None:
    assert complaint("    channels: [site, email]\n", "") == "c.yaml:5: campaigns[1].channels: is required"


def test_an_unknown_channel_is_named_with_its_line() -> None:
    assert complaint("[site, email]", "[site, fax]").startswith("c.yaml:11: campaigns[1].channels[2]: ")


def test_legs_that_do_not_add_up_are_named_with_their_sum() -> None:
    assert complaint("share: 20", "share: 10") == (
        "c.yaml:12: campaigns[1].legs: the shares add up to 90 %, not to 100 %"
    )


def test_a_misspelt_key_is_an_error_not_a_silence() -> None:
    assert complaint("last_day:", "last_dya:").splitlines()[-1] == (
        "c.yaml:10: campaigns[1].last_dya: is not a key that exists here"
    )


def test_yaml_that_is_none_names_its_line() -> None:
    assert complaint("zone: Europe/Paris", "zone: [Europe/Paris").startswith("c.yaml:9: ")


def test_two_campaigns_on_one_shop_channel_and_day_are_refused() -> None:
    twice = GOOD + GOOD[GOOD.index("  - id: bf") :].replace("id: bf", "id: other")
    with pytest.raises(Rejected, match="campaigns bf and other both claim email of the same shop on 2026-11-27"):
        parse(twice.encode(), "c.yaml")


def second(**changes: str) -> str:
    entry = GOOD[GOOD.index("  - id: bf") :].replace("id: bf", "id: other")
    for key, value in changes.items():
        entry = re.sub(rf"    {key}: .*\n", f"    {key}: {value}\n", entry)
    return GOOD + entry


def test_the_line_of_the_second_claim_is_named() -> None:
    with pytest.raises(Rejected) as caught:
        parse(second().encode(), "c.yaml")
    assert str(caught.value) == (
        "c.yaml:15: campaigns[2].id: campaigns bf and other both claim email of the same shop on 2026-11-27"
    )


def test_an_hour_that_two_zones_share_is_claimed_once() -> None:
    days = {"first_day": "2026-12-01", "last_day": "2026-12-01"}
    paris_after_london = GOOD.replace("Europe/Paris", "Europe/London") + second(**days)[len(GOOD) :]
    with pytest.raises(Rejected, match=r"from 2026-11-30 23:00 to 00:00 UTC \(their zones differ\)"):
        parse(paris_after_london.encode(), "c.yaml")
    london_after_paris = second(zone="Europe/London", **days)
    assert len(parse(london_after_paris.encode(), "c.yaml").campaigns) == 2


def test_events_without_a_country_belong_to_one_campaign() -> None:
    split = second().replace("    shops: [FR]\n", "    shops: [FR]\n    countries: [FR]\n", 1)
    other = split.rindex("    shops: [FR]\n")
    split = split[:other] + split[other:].replace("    shops: [FR]\n", "    shops: [FR]\n    countries: [DE]\n")
    with pytest.raises(Rejected, match="without a country on 2026-11-27: say unknown_country: exclude"):
        parse(split.encode(), "c.yaml")
    assert len(parse((split + "    unknown_country: exclude\n").encode(), "c.yaml").campaigns) == 2


def test_an_id_used_twice_and_an_entity_that_is_missing_are_named_with_their_lines() -> None:
    twice = second(first_day="2026-12-01", last_day="2026-12-02").replace("id: other", "id: bf")
    twice = twice.replace("    legal_entity: retail-fr\n", "    legal_entity: nobody\n", 1)
    with pytest.raises(Rejected) as caught:
        parse(twice.encode(), "c.yaml")
    assert str(caught.value).splitlines() == [
        "c.yaml:15: campaigns[2].id: bf is the id of an entry above",
        "c.yaml:6: campaigns[1].legal_entity: legal entity nobody is not in the file",
    ]


def test_providers_and_lots_that_are_not_there_are_named_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    party = "supplier: {name: S, address_lines: [1 rue], country: FR}"
    legs = "provider: {}, {}, share: 80"
    path.write_text(
        GOOD.replace("provider: sandbox, share: 80", legs.format("manual", f"lot_g: 5, {party}")).replace(
            "provider: sandbox, name: other", f"provider: nobody, name: other, {party}"
        )
    )
    with pytest.raises(Rejected) as caught:
        check_providers(load(path), PurchaserSettings())
    assert str(caught.value).splitlines() == [
        f"{path}:13: campaigns[1].legs[1].lot_g: campaign bf: 5 g is no multiple of the 1000000 g that manual sells",
        f"{path}:14: campaigns[1].legs[2].provider: campaign bf: there is no provider nobody; known are sandbox, "
        "manual, stripe-climate",
    ]


def test_a_partner_is_bought_from_once_per_campaign_unless_its_leg_says_otherwise() -> None:
    old = parse(GOOD.encode(), "c.yaml").campaigns[0].model_copy(update={"buy": "per_day"})
    leg = old.legs[0].model_copy(update={"provider": "manual"})
    assert old.buys(leg) == "per_campaign"
    assert old.buys(leg.model_copy(update={"buy": "per_day"})) == "per_day"
    assert old.buys(old.legs[0]) == "per_day"


def test_a_day_keeps_the_rules_that_were_loaded_before_it_began() -> None:
    old = parse(GOOD.encode(), "c.yaml").campaigns[0]
    versions = [(datetime(2026, 11, day, 10, tzinfo=UTC), old) for day in (26, 27, 28)]
    assert [rules_of_day(date(2026, 11, 27 + n), versions) for n in range(3)] == [0, 1, 2]
    assert rules_of_day(date(2026, 11, 27), versions[1:]) == 0


def test_the_same_shop_on_other_days_is_no_clash() -> None:
    later = GOOD[GOOD.index("  - id: bf") :].replace("id: bf", "id: other").replace("2026-11", "2026-12")
    assert len(parse((GOOD + later).encode(), "c.yaml").campaigns) == 2


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="cannot be read"):
        load(tmp_path / "none.yaml")


def test_a_day_with_a_clock_change_has_25_hours_and_is_due_six_hours_later() -> None:
    text = GOOD.replace("2026-11-27", "2026-10-25").replace("2026-11-30", "2026-10-25")
    due = timetable(parse(text.encode(), "c.yaml").campaigns[0])[0]
    assert (due.end - due.start).total_seconds() == 25 * 3600
    assert due.due_at.isoformat() == "2026-10-26T05:00:00+00:00"


def test_the_true_up_is_due_fourteen_days_after_the_campaign() -> None:
    rows = timetable(parse(GOOD.encode(), "c.yaml").campaigns[0])
    assert len(rows) == 8
    assert {row.due_at.isoformat() for row in rows if row.number == 2} == {"2026-12-14T23:00:00+00:00"}


def test_a_begun_campaign_keeps_its_zone_and_may_change_its_caps() -> None:
    old = parse(GOOD.encode(), "c.yaml").campaigns[0]
    moved = parse(GOOD.replace("Europe/Paris", "Europe/Rome").encode(), "c.yaml").campaigns[0]
    capped = parse(GOOD.replace("    legs:", "    caps: {per_day_t: 5}\n    legs:").encode(), "c.yaml").campaigns[0]
    assert refuse_edit(old, moved, date(2026, 11, 26)) == ""
    assert "its zone can no longer change" in refuse_edit(old, moved, date(2026, 11, 27))
    assert refuse_edit(old, capped, date(2026, 11, 28)) == ""


def test_a_begun_campaign_keeps_how_its_legs_are_bought_and_its_true_up() -> None:
    old = parse(GOOD.encode(), "c.yaml").campaigns[0]
    at_the_end = old.model_copy(update={"buy": "per_campaign"})
    one_leg = old.model_copy(update={"legs": (old.legs[0].model_copy(update={"buy": "per_campaign"}), old.legs[1])})
    without = old.model_copy(update={"true_up_days": 0})
    began = "campaign bf began on 2026-11-27, so"
    for changed, why in (
        (at_the_end, f"buy: {began} sandbox stays bought per_day"),
        (one_leg, f"buy: {began} sandbox stays bought per_day"),
        (without, f"true_up_days: {began} its true-up can no longer be taken away"),
    ):
        assert refuse_edit(old, changed, date(2026, 11, 26)) == ""
        assert refuse_edit(old, changed, date(2026, 11, 27)) == why
    assert refuse_edit(old, old.model_copy(update={"true_up_days": 5}), date(2026, 11, 27)) == ""
    assert refuse_edit(without, old, date(2026, 11, 27)) == ""


@pytest.mark.parametrize(
    "changes", [{"shops": ("DE",)}, {"countries": ("DE",), "unknown_country": "exclude"}], ids=["shops", "countries"]
)
def test_a_begun_day_is_claimed_under_the_scope_it_began_with(changes: dict[str, object]) -> None:
    old = parse(GOOD.encode(), "c.yaml").campaigns[0].model_copy(update={"countries": ("FR",)})
    narrowed = old.model_copy(update=changes)
    versions = [(datetime(2026, 11, 20, tzinfo=UTC), old), (datetime(2026, 11, 28, 12, tzinfo=UTC), narrowed)]
    found = claims(narrowed, versions)
    assert [(one.first_day.day, one.last_day.day, one.shops, one.countries) for one in found] == [
        (27, 28, ("FR",), ("FR",)),
        (29, 30, narrowed.shops, narrowed.countries),
    ]
    follower = old.model_copy(update={"id": "next", "first_day": date(2026, 11, 28)})
    assert clash(follower, found[0]) == "campaigns next and bf both claim email of the same shop on 2026-11-28"
    assert clash(follower, found[1]) == ""


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("6h", 21600), ("2d", 172800)])
def test_spans_are_written_as_people_do(text: str, seconds: int) -> None:
    assert parse_span(text).total_seconds() == seconds


def test_a_span_without_a_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="write 90s, 15m, 6h or 2d"):
        parse_span("15")


def test_a_mended_mail_address_acts_at_once_and_a_changed_price_does_not() -> None:
    leg = "{provider: sandbox, share: 80, price_per_tonne: 22.10, currency: EUR"
    began = parse(GOOD.replace(leg, f"{leg}, mail_to: order@partner.example").encode(), "c.yaml").campaigns[0]
    dearer = leg.replace("22.10", "44")
    now = parse(GOOD.replace(leg, f"{dearer}, mail_to: orders@partner.example").encode(), "c.yaml").campaigns[0]
    acting = with_guards_of(began, now)
    assert [(one.mail_to, str(one.price_per_tonne)) for one in acting.legs] == [
        ("orders@partner.example", "22.10"),
        ("", "30"),
    ]
