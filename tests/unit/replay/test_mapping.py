"""Mapping files: every packaged one is sound, and every mistake in one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from replay.sheets.fields import EVENTS
from replay.sheets.mapping import load_mapping, mapping_text, packaged_mappings, parse_mapping
from replay.sheets.table import needed_columns
from shared.errors import Rejected
from shared.events import SOURCE_EVENTS, Place

SMALL = """
name: small
about: a test
event: email
fields:
  occurred_at: {column: Sent}
  kind: {constant: marketing}
  recipients: {column: [To, Recipients]}
  bytes: {constant: 2, unit: kB}
"""


def test_the_packaged_mappings_are_those_of_the_documentation() -> None:
    assert [mapping.name for mapping in packaged_mappings()] == [
        *("carrier-statement", "erp-order-export", "mailing-campaigns", "ooh-media-plan"),
        *("scms-shipments", "shipstation-export"),
    ]


def test_a_packaged_mapping_can_be_printed_and_read_again() -> None:
    for mapping in packaged_mappings():
        assert parse_mapping(mapping_text(mapping.name), mapping.name) == mapping


def test_needed_columns_are_the_ones_that_are_not_optional() -> None:
    assert needed_columns(parse_mapping(SMALL, "small")) == [("Sent",), ("To", "Recipients")]


def test_of_alternatives_a_sheet_needs_one() -> None:
    needed = needed_columns(load_mapping("ooh-media-plan"))
    assert ("Area (m2)", "Area (m²)", "Surface (m2)", "Surface (m²)", "Width (cm)", "Height (cm)") in needed


def test_mappings_can_set_every_field_of_the_contract_and_helpers_only_besides() -> None:
    kinds = {kind.model: kind for kind in EVENTS.values()}
    assert set(kinds) == set(SOURCE_EVENTS)
    for model, kind in kinds.items():
        contract = set(model.model_fields) - {"schema_version", "event_id", "origin", "destination"}
        if kind.topic == "shipments":
            contract |= {f"{end}.{name}" for end in ("origin", "destination") for name in Place.model_fields}
        places = {name for name in kind.fields if name.endswith(".site")}
        assert set(kind.fields) == contract | kind.helpers | places


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("event: email", "event: letter", "wrong at event: Input should be"),
        ("name: small", "name: Small!", "wrong at name"),
        ("about: a test\n", "", "wrong at about: Field required"),
        ("recipients: {column: [To, Recipients]}", "readers: {column: To}", "fields.readers: email has no such field"),
        ("  recipients: {column: [To, Recipients]}\n", "", "recipients is needed for email events"),
        ("{column: Sent}", "{}", "needs exactly one of column, columns, constant, any_of"),
        ("{column: Sent}", "{column: Sent, constant: 2}", "needs exactly one of"),
        ("{column: Sent}", "{column: Sent, colour: red}", r"wrong at fields\.occurred_at\.colour: Extra inputs"),
        ("{column: Sent}", "{column: Sent, zone: Mars/Base}", "'Mars/Base' is not a time zone"),
        ("{column: Sent}", '{column: Sent, at: "25:00"}', r"fields\.occurred_at\.at"),
        ("{column: Sent}", '{column: Sent, pattern: "(", otherwise: keep}', "is not a regular expression"),
        ("{column: Sent}", '{column: Sent, pattern: "a"}', "exactly one group"),
        ("{column: Sent}", "{column: Sent, absent: [{}]}", "needs either text or pattern"),
        ("unit: kB", "unit: kg", "'kg' does not measure data; there are: B, kB"),
        ("unit: kB", "unit_column: Unit, unit: oz", "does not measure data"),
        ("fields:", "fields:\n  kind: {constant: transactional}", "the key 'kind' stands twice"),
        ("fields:", "fields: [", "is not YAML"),
        ("fields:", "? [a]\n: 1\nfields:", "is not YAML: a key must be a text"),
        ("{column: Sent}", '{column: Sent, dates: ["%Q"]}', r"fields\.occurred_at\.dates\.0: is not a date format"),
    ],
)
def test_a_mistake_is_named_with_its_place(old: str, new: str, says: str) -> None:
    assert old in SMALL
    with pytest.raises(Rejected, match=says):
        parse_mapping(SMALL.replace(old, new), "small")


def test_a_mapping_of_ones_own_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SMALL)
    assert load_mapping(str(path)).name == "small"
    with pytest.raises(Rejected, match="cannot be read"):
        load_mapping(str(tmp_path / "other.yaml"))
    with pytest.raises(Rejected, match="there is no mapping 'nothing'; packaged are: carrier-statement"):
        load_mapping("nothing")


def test_yaml_cannot_make_objects() -> None:
    with pytest.raises(Rejected, match="is not YAML"):
        parse_mapping("!!python/object/apply:os.system ['true']", "evil")
