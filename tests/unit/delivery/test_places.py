"""Places offline: postal code, then town, then country, with the level that was used."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.delivery.test_assess import At, Shipped
from tests.unit.methods.support import factor_set, tables

from delivery_emissions.app import definition
from delivery_emissions.assess import assess
from delivery_emissions.places import Point, normalise
from delivery_emissions.settings import DeliverySettings
from delivery_emissions.tablefile import read_table
from delivery_emissions.tables import Tables
from shared.errors import Rejected


def located(country: str, postal_code: str | None = None, city: str | None = None) -> Point:
    found = tables().places.locate(country, postal_code, city)
    assert found is not None
    return found


def near(point: Point, latitude: float, longitude: float) -> bool:
    return abs(point.latitude - latitude) < 0.2 and abs(point.longitude - longitude) < 0.2


def test_a_french_postal_code_is_the_main_town_of_its_department() -> None:
    found = located("FR", "69002")

    assert found.level == "postal"
    assert near(found, 45.75, 4.85)


def test_a_british_postal_code_is_found_by_its_letters() -> None:
    assert near(located("GB", "m1 1ae"), 53.48, -2.24)
    assert near(located("GB", "EC1A 1BB"), 51.51, -0.13)


def test_a_longer_prefix_wins() -> None:
    assert near(located("US", "20001"), 38.90, -77.04)
    assert near(located("US", "96813"), 21.31, -157.86)


def test_a_town_is_found_whatever_its_accents_case_and_language() -> None:
    for name in ("München", "munchen", "MUNICH"):
        found = located("DE", None, name)
        assert found.level == "city"
        assert near(found, 48.14, 11.58)


def test_of_towns_with_one_name_the_one_near_the_postal_code_is_meant() -> None:
    north = located("FR", "93200", "Saint-Denis")

    assert north.level == "city"
    assert near(north, 48.94, 2.36)


def test_a_town_far_from_its_postal_code_is_not_believed() -> None:
    found = located("FR", "13001", "Lille")

    assert found.level == "postal"
    assert near(found, 43.30, 5.38)


def test_an_unknown_town_or_code_falls_back_and_says_so() -> None:
    assert located("FR", None, "Nowhere-sur-Rien").level == "country"
    assert located("FR", "75001", "Nowhere-sur-Rien").level == "postal"
    assert located("KE", "00100").level == "country"


def test_a_country_without_towns_is_nowhere() -> None:
    assert tables().places.locate("AQ") is None


@pytest.mark.parametrize(
    ("country", "short", "whole"),
    [
        *(("FR", "6000", "06000"), ("FR", "1000", "01000"), ("IT", "7026", "07026"), ("US", "2108", "02108")),
        *(("US", "2108-1234", "02108"), ("US", "21081234", "02108"), ("DE", "1067", "01067"), ("ES", "8001", "08001")),
    ],
)
def test_a_postal_code_that_lost_its_leading_zero_is_read_with_it_and_flagged(
    country: str, short: str, whole: str
) -> None:
    paris = At("FR", "75001")
    mended = assess(Shipped(weight_g=900, origin=paris, destination=At(country, short)), tables())
    clean = assess(Shipped(weight_g=900, origin=paris, destination=At(country, whole)), tables())

    assert located(country, short) == located(country, whole)
    assert "postal_code:zero-padded" in mended.flags
    assert "postal_code:zero-padded" not in clean.flags


@pytest.mark.parametrize(("country", "code"), [("FR", "750011"), ("IT", "118"), ("US", "1234567")])
def test_a_postal_code_of_no_possible_length_is_its_country_and_flagged(country: str, code: str) -> None:
    found = assess(Shipped(weight_g=900, origin=At("FR", "75001"), destination=At(country, code)), tables())

    assert located(country, code).level == "country"
    assert "postal_code:wrong-length" in found.flags


def test_prefixes_are_still_prefixes_and_a_zip_plus_4_is_its_zip() -> None:
    assert located("FR", "69").level == "postal"
    assert located("US", "968") == located("US", "96813") == located("US", "96813-1234") == located("US", "968131234")


@pytest.mark.parametrize("code", ["97100", "97500", "97133", "97150", "98600"])
def test_overseas_codes_are_not_driven_to_from_paris(code: str) -> None:
    found = assess(Shipped(weight_g=900, origin=At("FR", "75001"), destination=At("FR", code)), tables())

    assert found.detail["air"] == "outside_europe"


def test_overseas_departments_and_islands_are_on_their_own_land() -> None:
    assert located("FR", "97110").landmass == "guadeloupe"
    assert located("FR", "20200", "Bastia").landmass == "corsica"
    assert located("ES", "07001").landmass == "balearics"
    assert located("ES", "35001").landmass == "canaries"
    assert located("IT", "90100").landmass == "sicily"
    assert located("IT", "07100").landmass == "sardinia"
    assert located("GB", "BT1").landmass == "ireland"
    assert located("US", "96813").landmass == "hawaii"


def test_every_postal_area_names_a_town_that_is_known() -> None:
    for row in read_table("postal_areas.csv"):
        found = tables().places.locate(row["place_country"], None, row["place"])
        assert found is not None
        assert found.level == "city", row


def test_every_port_of_the_crossings_lies_where_the_table_says() -> None:
    for row in read_table("crossings.csv"):
        for side in ("one", "other"):
            assert -90 <= float(row[f"{side}_lat"]) <= 90
            assert -180 <= float(row[f"{side}_lon"]) <= 180
        assert row["one"] != row["other"]


def test_names_are_compared_without_case_accents_and_punctuation() -> None:
    assert normalise("  Saint-Étienne ") == "saint etienne"
    assert normalise("L'Aquila") == "l aquila"


def test_users_extend_categories_carriers_and_modes_with_files_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "categories.csv").write_text(
        "name,aliases,class,weight_g,volume_cm3,source\ndrone,quadcopter,other,900,4000,our scales\n", encoding="utf-8"
    )
    (tmp_path / "modes.csv").write_text("name,mode\ncamel,road\n", encoding="utf-8")
    (tmp_path / "carriers.csv").write_text(
        "carrier,service,mode,main,last,check_g_per_parcel,check_source\nAcme,,rail,,,120,our own\n", encoding="utf-8"
    )

    found = Tables.load(factor_set(), tmp_path)

    assert found.categories["quadcopter"].weight_g == 900
    assert found.categories["smartphone"].weight_g == 500
    assert found.modes["camel"] == "road"
    assert found.carriers[("acme", "")].mode == "rail"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("categories.csv", "name,class\nx,other\n", "columns"),
        ("categories.csv", "name,aliases,class,weight_g,volume_cm3,source\nx,,food,1,1,me\n", "class must be"),
        (
            "categories.csv",
            "name,aliases,class,weight_g,volume_cm3,source\nx,,other,light,1,me\n",
            "weight_g must be a",
        ),
        ("categories.csv", "name,aliases,class,weight_g,volume_cm3,source\nx,,other,0,1,me\n", "weight_g must be a"),
        ("categories.csv", "name,aliases,class,weight_g,volume_cm3,source\nx,,other\n", "row 1 has too few"),
        ("sea_lanes.csv", "one,other,km,note\ngulf,oceania,far,us\n", "gulf: km must be a"),
        (
            "crossings.csv",
            "one,one_port,one_lat,one_lon,other,other_port,other_lat,other_lon\na,A,x,0,b,B,0,0\n",
            "a: one_lat must be degrees",
        ),
        (
            "carriers.csv",
            "carrier,service,mode,main,last,check_g_per_parcel,check_source\nx,,road,,,many,\n",
            "x: check_g_per_parcel must be a",
        ),
        (
            "carriers.csv",
            "carrier,service,mode,main,last,check_g_per_parcel,check_source\nx,,road,freight.zeppelin,,,\n",
            "x: factor set 2026.1 has no freight factor 'freight.zeppelin'",
        ),
        (
            "categories.csv",
            "name,aliases,class,weight_g,volume_cm3,source\nx,,other,99999999999,1,ours\n",
            "x: weight_g must be a whole number of at least 1 and at most 1000000000, not '99999999999'",
        ),
        ("modes.csv", "name,mode\nx,warp\n", "mode must be"),
        (
            "carriers.csv",
            "carrier,service,mode,main,last,check_g_per_parcel,check_source\nx,,warp,,,,\n",
            "mode must be",
        ),
    ],
)
def test_a_table_of_the_user_with_a_mistake_is_refused(tmp_path: Path, name: str, content: str, reason: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")

    with pytest.raises(Rejected, match=reason):
        Tables.load(factor_set(), tmp_path)


def test_a_folder_that_is_not_there_and_a_file_that_is_not_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="is not a folder"):
        Tables.load(factor_set(), tmp_path / "nowhere")
    (tmp_path / "modes.csv").write_bytes(b"name,mode\n\xff,road\n")
    with pytest.raises(Rejected, match="not UTF-8"):
        Tables.load(factor_set(), tmp_path)


def test_the_service_itself_counts_with_the_tables_of_the_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "categories.csv").write_text(
        "name,aliases,class,weight_g,volume_cm3,source\nsmartphone,,other,450,1700,our scales\n", encoding="utf-8"
    )
    own = assess(Shipped(category="smartphone"), Tables.load(extra=tmp_path))

    assert (own.activity["weight_g"], own.inputs["category_source"]) == (450, "our scales")
    assert definition(300, tmp_path).name == "delivery-emissions"
    (tmp_path / "modes.csv").write_text("name,mode\nx,warp\n", encoding="utf-8")
    monkeypatch.setenv("DELIVERY_TABLES", str(tmp_path))
    with pytest.raises(Rejected, match="mode must be"):
        definition(300, DeliverySettings.load().tables)
