"""What can be read in a campaign file and may not stand there: a sentence with line and key, never a traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from offset_purchaser.campaign_file import load, parse
from offset_purchaser.handlers.campaigns import check_providers, check_references
from offset_purchaser.settings import PurchaserSettings
from shared.errors import Rejected
from shared.settings import TopicSettings

HEAD = """legal_entities:
  - {id: retail-fr, party: {name: Exemple SAS, address_lines: [1 rue], country: FR}}
campaigns:
  - id: bf
    legal_entity: retail-fr
    zone: Europe/Paris
    channels: [site]
    legs: [{provider: sandbox, price_per_tonne: 22, currency: EUR}]
"""
DAYS = "    shops: [FR]\n    first_day: 2026-11-27\n    last_day: 2026-11-30\n"


def complaint(lines: str) -> str:
    with pytest.raises(Rejected) as caught:
        parse((HEAD + lines).encode(), "c.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("approval: {people: 2}", "approval.people: nothing waits for people without above_amount or"),
        ("approval: {above_forecast_times: 3}", "approval.above_forecast_times: there is no forecast: give total_kg"),
        ("expected: {ads: {total_kg: 1}}", "expected.ads: ads is not among the campaign's channels"),
        ("grace: 6", "grace: 6 has no unit; write 6s, 6m, 6h or 6d"),
        ("grace: ²h", "grace: '²h' is not a span of time; write 90s, 15m, 6h or 2d"),
        ("grace: 99999999999d", "grace: '99999999999d' is more than 3660d"),
        ("grace: P4000D", "grace: is more than 3660d"),
        ("wait_at_most: 3661d", "wait_at_most: '3661d' is more than 3660d"),
        ("wait_at_most: 0s", "wait_at_most: a settlement cannot wait for no time; write 1h or more"),
        ("countries: [FR, UK]", "countries[2]: UK is no country of ISO 3166-1 (the United Kingdom is GB)"),
        ("countries: FR", "countries: FR is not a list; write [one, another]"),
        ("countries: [france]", "countries[1]: france is not made of two capital letters of ISO 3166-1 (FR)"),
        (r'cover: "lo\e[31m\nw"', "cover: lo [31m w is not 'central' or 'high'"),
        ("cover: low", "cover: low is not 'central' or 'high'"),
        ("caps: {per_day_t: -1}", "caps.per_day_t: -1 is not above 0"),
        ("caps: {per_day_t: some}", "caps.per_day_t: some is not a number"),
        ("caps: 60", "caps: 60 stands where keys are expected; write key: value"),
        ("approval: {above_amount: 1, people: 3}", "approval.people: 3 is above 2"),
        ("true_up_days: 1.5", "true_up_days: 1.5 is not a whole number"),
        ("stop_buying: perhaps", "stop_buying: perhaps is neither true nor false"),
        ("cap: {per_day_t: 1}", "cap: is not a key that exists here"),
        ("forecast_from: bf", "forecast_from: a campaign cannot shape its own forecast"),
        ("countries: [EU]", "countries[1]: EU is no country of ISO 3166-1 (name its countries)"),
        (r'name: "a\0b"', "name: contains the character U+0000, which no document can print"),
        (r'name: "\ud800"', "name: contains the character U+D800, which no document can print"),
        (r'expected_files: [a, "b\n"]', "expected_files[2]: contains the character U+000A, which no document can"),
        (r'expected: {"\ud800": {}}', "expected."),
        (f"name: {'x' * 201}", "name: has 201 characters; at most 200 are printed"),
        ("grace: true", "grace: true is not a span of time; write 90s, 15m, 6h or 2d"),
        ("grace: P-1D", "grace: P-1D is not a span of time; write 90s, 15m, 6h or 2d"),
        ("wait_at_most: PT-1S", "wait_at_most: PT-1S is not a span of time; write 90s, 15m, 6h or 2d"),
        ("wait_at_most: null", "wait_at_most: has no value; give one, or leave the key out"),
        ("name:", "name: has no value; give one, or leave the key out"),
        ("true_up_days: true", "true_up_days: true is not a number"),
        ("caps: {per_day_t: 060}", "caps.per_day_t: begins with a zero, which some read as octal; write 60"),
        ("countries: []", 'countries: the list is empty; name them, or write "*" for all'),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_line(lines: str, why: str) -> None:
    assert complaint(f"{DAYS}    {lines}\n").startswith(f"c.yaml:12: campaigns[1].{why}")


@pytest.mark.parametrize(
    ("shops", "first", "last", "why"),
    [
        ("[]", "2026-11-27", "2026-11-30", "c.yaml:9: campaigns[1].shops: the list is empty"),
        ("[FR]", "2026-11-27", "9999-12-31", "c.yaml:11: campaigns[1].last_day: 9999-12-31 is not between 1970"),
        ("[FR]", "0001-01-01", "2026-11-30", "c.yaml:10: campaigns[1].first_day: 0001-01-01 is not between 1970"),
        ("[FR]", "2026-01-01", "2126-12-31", "c.yaml:11: campaigns[1].last_day: a campaign has at most 36525 days"),
    ],
)
def test_days_and_shops_have_bounds(shops: str, first: str, last: str, why: str) -> None:
    assert complaint(f"    shops: {shops}\n    first_day: {first}\n    last_day: {last}\n").startswith(why)


@pytest.mark.parametrize(
    ("leg", "why"),
    [
        ("provider: nope", "provider: campaign bf: there is no provider nope; known are sandbox, manual,"),
        ("provider: manual", "provider: campaign bf: manual needs supplier, the party that its documents name"),
        ("provider: sandbox, fallback: manual", "fallback: campaign bf: manual needs supplier, the party that its"),
    ],
)
def test_a_provider_exists_and_has_a_party_for_its_documents(tmp_path: Path, leg: str, why: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text((HEAD + DAYS).replace("provider: sandbox", leg))
    with pytest.raises(Rejected) as caught:
        check_providers(load(path), PurchaserSettings(providers=("sandbox", "manual"), manual_folder=tmp_path))
    assert str(caught.value).startswith(f"{path}:8: campaigns[1].legs[1].{why}")


@pytest.mark.parametrize("lines", ["    name: !!python/object/apply:os.system ['id']\n", "? [1, 2]\n: 3\n"])
def test_tags_and_keys_that_are_no_text_are_refused(lines: str) -> None:
    assert complaint(DAYS + lines).startswith("c.yaml")


def test_a_tagged_list_of_campaigns_is_refused() -> None:
    with pytest.raises(Rejected, match=r"^c.yaml:1: campaigns\[1\]: .* stands where keys are expected"):
        parse(b"campaigns: !!python/object/apply:os.system ['id']\n", "c.yaml")


def test_an_entity_written_out_in_a_campaign_is_checked_key_by_key() -> None:
    with pytest.raises(Rejected) as caught:
        parse((HEAD.replace("entity: retail-fr", "entity: {id: x, party: {name: A}}") + DAYS).encode(), "c.yaml")
    assert str(caught.value).splitlines() == [
        "c.yaml:5: campaigns[1].legal_entity.party.address_lines: is required",
        "c.yaml:5: campaigns[1].legal_entity.party.country: is required",
    ]


@pytest.mark.parametrize(
    ("vat", "ids", "why"),
    [
        ("{category: S, rate: 20, exemption_text: ''}", "", "VAT category S: the seller's VAT id is required"),
        (
            "{category: AE, rate: 0, exemption_text: x}",
            ", vat_id: FR1",
            "VAT category AE: the buyer's VAT id is required",
        ),
        (
            "{category: O, rate: 0, exemption_text: x}",
            ", vat_id: FR1",
            "VAT category O: neither party may show a VAT id",
        ),
    ],
)
def test_an_invoice_that_could_not_be_issued_is_refused_before_anything_is_bought(vat: str, ids: str, why: str) -> None:
    supplier = f"{{name: Partner, address_lines: [1 rue], country: FR{ids}}}"
    terms = (
        f"document: self_billed, vat: {vat}, supplier: {supplier}, agreement: {{reference: A, signed_on: 2026-01-01}}"
    )
    with pytest.raises(Rejected) as caught:
        parse((HEAD.replace("currency: EUR", f"currency: EUR, {terms}") + DAYS).encode(), "c.yaml")
    assert str(caught.value).startswith(f"c.yaml:8: campaigns[1].legs[1].vat: {why}")


def test_a_leg_does_not_fall_back_on_its_own_provider() -> None:
    with pytest.raises(Rejected, match="fallback: sandbox is the provider itself; name another one or none"):
        parse((HEAD.replace("EUR", "EUR, fallback: sandbox") + DAYS).encode(), "c.yaml")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("EUR}", r'EUR, name: "a\nb"}', "name: contains the character U+000A, which no document can print"),
        ("EUR}", f"EUR, name: {'x' * 201}}}", "name: has 201 characters; at most 200 are printed"),
        ("EUR}", "EUR, lot_g: 9223372036854775808}", "lot_g: 9223372036854775808 g is more than 1000000000000 g"),
        ("price_per_tonne: 22", "price_per_tonne: 1e-18", "price_per_tonne: 1E-18 is below 0.01 EUR, the least that"),
        ("price_per_tonne: 22", "price_per_tonne: 022", "price_per_tonne: begins with a zero, which some read as"),
        ("price_per_tonne: 22", "price_per_tonne: 022.50", "price_per_tonne: begins with a zero, which some read as"),
        ("EUR}", "EUR, mail_to: 'a@b, c@d'}", "mail_to: is not one mail address; write orders@partner.example"),
        ("EUR}", "EUR, mail_to: a@b..example}", "mail_to: is not one mail address; write orders@partner.example"),
        ("EUR}", r'EUR, mail_to: "a@b.example\nBcc: x@y.example"}', "mail_to: is not one mail address; write"),
        (
            "EUR}",
            "EUR, ceilings: [{from_day: 2026-11-27, price_per_tonne: 1}, {from_day: 2026-11-27, price_per_tonne: 2}]}",
            "ceilings[2].from_day: there is a ceiling from 2026-11-27 on above",
        ),
    ],
)
def test_what_a_leg_cannot_mean_is_named_with_its_line(old: str, new: str, why: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse((HEAD.replace(old, new) + DAYS).encode(), "c.yaml")
    assert str(caught.value).startswith(f"c.yaml:8: campaigns[1].legs[1].{why}")


@pytest.mark.parametrize(
    ("lines", "price"), [("price_per_tonne: 0.5", "0.5"), ("price_per_tonne: 0.05", "0.05"), ("lot_g: 0o17", "22")]
)
def test_a_number_below_one_and_one_said_to_be_octal_are_what_they_are(lines: str, price: str) -> None:
    leg = lines if "price" in lines else f"price_per_tonne: 22, {lines}"
    file = parse((HEAD.replace("price_per_tonne: 22", leg) + DAYS).encode(), "c.yaml")
    assert str(file.campaigns[0].legs[0].price_per_tonne) == price


@pytest.mark.parametrize("zone", ["localtime", "Factory", "posixrules", "right/Europe/Paris"])
def test_a_zone_is_one_of_the_database_and_not_this_machines_own(zone: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse((HEAD.replace("Europe/Paris", zone) + DAYS).encode(), "c.yaml")
    assert re.match(
        rf"c.yaml:6: campaigns\[1\].zone: {zone} (names no place; write|is not a time zone)", str(caught.value)
    )


def test_what_a_merge_brings_is_named_with_the_line_where_it_is_written() -> None:
    legs = (
        "    legs:\n"
        "      - &one {provider: sandbox, share: 50, price_per_tonne: -22, currency: EUR}\n"
        "      - <<: *one\n"
        "        name: other\n"
        "    caps: &caps {per_day_t: 1}\n"
        "    approval: {<<: *caps}\n"
    )
    with pytest.raises(Rejected) as caught:
        parse((HEAD[: HEAD.index("    legs:")] + DAYS + legs).encode(), "c.yaml")
    assert str(caught.value).splitlines() == [
        "c.yaml:12: campaigns[1].legs[1].price_per_tonne: -22 is not above 0",
        "c.yaml:12: campaigns[1].legs[2].price_per_tonne: -22 is not above 0",
        "c.yaml:15: campaigns[1].approval.per_day_t: is not a key that exists here",
    ]


def test_a_day_that_is_none_and_a_channel_that_is_none_are_said_plainly() -> None:
    assert complaint(DAYS.replace("2026-11-27", "tomorrow")).endswith(
        "first_day: tomorrow is not a day; write 2026-11-27"
    )
    with pytest.raises(Rejected) as caught:
        parse((HEAD.replace("[site]", "[site, shop]") + DAYS).encode(), "c.yaml")
    assert str(caught.value).endswith("channels[2]: shop is not 'site', 'email', 'ads' or 'delivery'")


@pytest.mark.parametrize("code", ["FRF", "DEM", "XAU", "XTS", "CHE"])
def test_a_currency_that_nobody_pays_with_is_refused_by_its_line(code: str) -> None:
    with pytest.raises(
        Rejected, match=rf"c.yaml:8: campaigns\[1\].legs\[1\].currency: {code} is no currency that is in"
    ):
        parse((HEAD.replace("EUR", code) + DAYS).encode(), "c.yaml")


def test_the_currencies_of_the_books_are_in_use_too() -> None:
    accounts = "accounts: {currency: DEM, rates: {FRF: 0.15}}"
    with pytest.raises(Rejected) as caught:
        parse((HEAD.replace("{id: retail-fr,", f"{{id: retail-fr, {accounts},") + DAYS).encode(), "c.yaml")
    assert str(caught.value).splitlines() == [
        "c.yaml:2: legal_entities[1].accounts.currency: DEM is no currency that is in use (EUR, GBP, USD are)",
        "c.yaml:2: legal_entities[1].accounts.rates.FRF: FRF is no currency that is in use (EUR, GBP, USD are)",
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (
            "opens_after: [{topic: site-trafic, partition: 0, offset: 1}]",
            "topic: site-trafic is none of the topics of bf:",
        ),
        (
            "opens_after: [{topic: shipments, partition: 0, offset: 1}]",
            "topic: shipments is none of the topics of bf: site",
        ),
        ("forecast_from: spring", "forecast_from: there is no campaign spring, in this file or in force"),
        ("opens_after: [{topic: site-traffic, partition: 0, offset: 1}]", ""),
        ("forecast_from: winter", ""),
    ],
)
def test_what_a_campaign_refers_to_exists(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"{HEAD}{DAYS}    {line}\n")
    loaded = load(path)
    if not why:
        check_references(loaded, TopicSettings(), ["winter"])
        return
    with pytest.raises(Rejected) as caught:
        check_references(loaded, TopicSettings(), ["winter"])
    assert str(caught.value).startswith(f"{path}:12: campaigns[1].")
    assert why in str(caught.value)


def test_a_second_seller_belongs_to_a_fallback_and_to_a_statement() -> None:
    leg = "[{provider: sandbox, price_per_tonne: 22, currency: EUR}]"
    second = "fallback_supplier: {name: Second SARL, address_lines: [2 street], country: FR}"
    text = (HEAD + DAYS).replace(leg, leg[:-2] + f", {second}}}]")
    with pytest.raises(Rejected, match="fallback_supplier: belongs to a fallback and a statement"):
        parse(text.encode(), "c.yaml")
    fallback = parse(text.replace(second, f"fallback: manual, {second}").encode(), "c.yaml").campaigns[0].legs[0]
    assert fallback.seller("sandbox") is None
    assert [party.name for party in [fallback.seller("manual")] if party] == ["Second SARL"]
