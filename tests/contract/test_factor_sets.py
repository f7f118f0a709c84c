"""Factor sets: sourced, licensed, hashed, never edited, and refused whole when a unit, an id or a file is wrong."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from shared.errors import Rejected
from shared.factor_commands import difference, factor_row
from shared.factors import available_factor_sets, current_factor_set_id, load_factor_set, read_factor_set

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "shared" / "src" / "shared" / "factor_sets" / "2026.1"


def test_every_factor_has_a_source_an_edition_a_licence_a_unit_and_an_uncertainty() -> None:
    for factor in load_factor_set("2026.1").factors.values():
        assert factor.source, factor.id
        assert factor.edition, factor.id
        assert factor.licence, factor.id
        assert factor.unit, factor.id
        assert factor.uncertainty_pct >= 0, factor.id


def test_our_own_assumptions_are_in_a_file_of_their_own_and_nowhere_else() -> None:
    for path in FOLDER.glob("*.csv"):
        sources = {row["source"] for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))}
        own = {source for source in sources if "assumption of this project" in source}
        assert own == (sources if path.name == "project.csv" else set()), path.name


def test_every_assumption_has_a_reason_a_half_width_and_a_line_in_the_text() -> None:
    text = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    own = [factor for factor in load_factor_set("2026.1").factors.values() if factor.id.startswith("project.")]

    assert len(own) == 35
    for factor in own:
        assert len(factor.note) > 10, factor.id
        if not factor.id.startswith("project.range."):
            name, value = factor.id.removeprefix("project."), f"{factor.value} {factor.unit}"
            assert f"| `{name}` | {value} | {factor.uncertainty_pct} | {factor.note} |" in text


def test_an_emission_has_a_ghg_protocol_scope_and_category_and_a_parameter_has_none() -> None:
    for factor in load_factor_set("2026.1").factors.values():
        counted = factor.ghg_scope in (1, 2, 3)
        assert counted == bool(factor.ghg_category) == bool(factor.bilan_carbone_post), factor.id


def test_nothing_gpl_or_closed_went_in() -> None:
    for factor in load_factor_set("2026.1").factors.values():
        text = f"{factor.id} {factor.source} {factor.licence}"
        assert not re.search(r"GPL|\bSRI\b|glec|ecofreight|Smart Freight", text, re.IGNORECASE), factor.id


def test_share_alike_licences_stay_in_files_of_their_own() -> None:
    for path in FOLDER.glob("*.csv"):
        licences = {row["licence"] for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))}
        shared_alike = {name for name in licences if "BY-SA" in name or "ODbL" in name}
        assert len(shared_alike) == 0 or licences == shared_alike, path.name


def test_the_notice_names_every_file_of_the_set() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")

    for path in FOLDER.glob("*.csv"):
        assert path.name in notice


def test_no_source_address_is_a_path_of_some_machine() -> None:
    for factor in load_factor_set("2026.1").factors.values():
        assert not factor.url.startswith(("/", "file:")), factor.id


def test_the_day_chooses_the_set_and_days_outside_take_the_nearest() -> None:
    assert current_factor_set_id(date(2026, 11, 27)) == "2026.1"
    assert current_factor_set_id(date(2006, 1, 1)) == available_factor_sets()[0]
    assert current_factor_set_id(date(2100, 1, 1)) == available_factor_sets()[-1]


def test_a_missing_factor_and_an_unknown_set_are_refused_by_name() -> None:
    with pytest.raises(Rejected, match="moon"):
        load_factor_set("2026.1").get("grid.moon")
    with pytest.raises(Rejected, match="1999"):
        load_factor_set("1999.1")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    target = tmp_path / "2026.1"
    shutil.copytree(FOLDER, target)
    return target


def rehash(folder: Path, name: str) -> None:
    """Make the manifest agree with an edited file, so that only the edit itself is at fault."""
    manifest = folder / "manifest.toml"
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    pattern = rf'(name = "{name}"\n(?:.*\n)*?sha256 = ")[0-9a-f]{{64}}'
    manifest.write_text(re.sub(pattern, rf"\g<1>{digest}", manifest.read_text(encoding="utf-8")), encoding="utf-8")


def edit(folder: Path, name: str, change: Callable[[str], str]) -> None:
    path = folder / name
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert before != after
    path.write_text(after, encoding="utf-8")
    rehash(folder, name)


def test_an_untouched_copy_has_the_same_hash(copy: Path) -> None:
    assert read_factor_set(copy).sha256 == load_factor_set("2026.1").sha256


def test_an_edited_file_is_refused_because_a_set_is_never_edited(copy: Path) -> None:
    path = copy / "epa.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("0.186", "0.187"), encoding="utf-8")

    with pytest.raises(Rejected, match="never edited") as error:
        read_factor_set(copy)
    assert error.value.field == "epa.csv"


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("epa.csv", lambda text: text.replace("kgCO2/short_ton.mile", "kgCO2/short_ton.furlong", 1), "unknown unit"),
        ("epa.csv", lambda text: text.replace("kgCO2/short_ton.mile", "kgCO2/short_ton", 1), "where the family"),
        ("web-co2js.csv", lambda text: text.replace("0.055,kWh/GB", "0.055,gCO2e/GB", 1), "do not fit"),
        ("epa.csv", lambda text: text + text.splitlines()[1] + "\n", "appears twice"),
        ("epa.csv", lambda text: text.replace(",0.186,", ",much,", 1), "must be numbers"),
        ("epa.csv", lambda text: text.replace(",0.186,", ",NaN,", 1), "finite"),
        ("epa.csv", lambda text: text.replace(",0.186,", ",-1,", 1), "not negative"),
        ("web-co2js.csv", lambda text: text.replace(",world,2024,", ",world,,", 1), "year is empty"),
        ("epa.csv", lambda text: text.replace("US EPA GHG Emission Factors Hub", "", 1), "source is empty"),
        ("epa.csv", lambda text: text.replace(",3,", ",0,", 1), "do not fit"),
        ("epa.csv", lambda text: text.replace("note\n", "remark\n", 1), "columns"),
        (
            "grid-ember.csv",
            lambda text: "".join(line for line in text.splitlines(True) if "ember.FRA" not in line),
            "gap",
        ),
    ],
)
def test_a_wrong_unit_a_twin_a_gap_or_a_number_that_is_none_is_found_when_the_set_is_loaded(
    copy: Path, name: str, change: Callable[[str], str], reason: str
) -> None:
    edit(copy, name, change)

    with pytest.raises(Rejected, match=reason):
        read_factor_set(copy)


def test_a_file_that_the_manifest_does_not_name_is_refused(copy: Path) -> None:
    shutil.copy(copy / "epa.csv", copy / "more.csv")

    with pytest.raises(Rejected, match="not in the manifest"):
        read_factor_set(copy)


def test_a_new_edition_shows_what_it_changes(copy: Path) -> None:
    edit(copy, "epa.csv", lambda text: text.replace(",0.186,", ",0.168,", 1))
    old, new = load_factor_set("2026.1"), read_factor_set(copy)

    assert list(difference(old, new)) == ["freight.epa2025.truck"]
    assert factor_row(new.get("freight.epa2025.truck"))["value"] == "0.168"
    assert not difference(old, old)
