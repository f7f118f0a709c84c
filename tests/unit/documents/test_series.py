"""Number series: each supplier's own, never two alike, never longer than an invoice number may be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from offset_purchaser.documents.example import example_party
from offset_purchaser.documents.series import series_name, supplier_code, supplier_key


def test_every_kind_entity_year_and_supplier_has_a_series_of_its_own() -> None:
    assert series_name("statement", "live", "RETAILFR", 2026) == "ST-RETAILFR-2026"
    assert series_name("self_billed", "live", "RETAILFR", 2026, "GOODPL") == "SB-RETAILFR-GOODPL-2026"
    assert series_name("self_billed_credit", "rehearsal", "RETAILFR", 2026, "GOODPL") == "R-SB-RETAILFR-GOODPL-2026"
    assert series_name("provider_invoice", "live", "RETAILGB", 2027) == "PI-RETAILGB-2027"


def test_the_longest_number_still_fits() -> None:
    assert len(series_name("self_billed", "rehearsal", "A" * 12, 2026, "GOODPL") + "-00042") == 35


def test_a_code_comes_from_the_name_and_gives_way_to_one_that_is_taken() -> None:
    assert supplier_code("Fondation GoodPlanet", []) == "FONDAT"
    assert supplier_code("Fondation Étoile", ["FONDAT"]) == "FONDA2"
    assert supplier_code("Fondation Étoile", ["FONDAT", "FONDA2"]) == "FONDA3"
    assert supplier_code("早稲田", []) == "S"
    assert supplier_code("早稲田", ["S"]) == "S2"


def test_a_supplier_is_known_by_its_vat_id_whatever_its_name_becomes() -> None:
    assert supplier_key(example_party(name="Old")) == supplier_key(example_party(name="New"))
    nameless = {"vat_id": "", "registration_id": ""}
    assert supplier_key(example_party(name="A  b", **nameless)) == supplier_key(example_party(name="a B", **nameless))


@given(st.lists(st.text(max_size=30), max_size=40))
def test_no_two_suppliers_share_a_code(names: list[str]) -> None:
    codes: list[str] = []
    for name in names:
        codes.append(supplier_code(name, codes))
    assert len(set(codes)) == len(codes)
    assert all(1 <= len(code) <= 6 and code.isascii() and code.isalnum() and code == code.upper() for code in codes)
