"""A named campaign default is part of the factor set's name, hash and files, and changes nothing else."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.methods.support import accepted, close

from shared.campaign_defaults import CAMPAIGN_DEFAULTS, FILE, split_id
from shared.errors import Rejected
from shared.estimate_lines import answer_line
from shared.factor_commands import difference
from shared.factors import factor_set_files, load_factor_set
from traffic_meter.estimate_command import case_of

MAILING = {"kind": "marketing", "bytes": 120_000, "recipients": 1000, "country": "FR"}


def asked(set_id: str, line: dict[str, Any]) -> dict[str, Any]:
    return accepted(answer_line(json.dumps(line).encode(), 1, case_of, load_factor_set(set_id)))


def grams(found: dict[str, Any]) -> Decimal:
    return Decimal(found["emissions_g"]["central"])


def test_opens_that_come_later_are_the_read_share_of_the_mailings_that_gave_none() -> None:
    default = asked("2026.1+read_share=0.231", MAILING)
    given = asked("2026.1", {**MAILING, "read_share": 0.231})

    assert close(grams(default), grams(given), "1e-20")
    assert "read-share-unknown:campaign-default-0.231" in default["flags"]
    assert default["factor_set"] == "2026.1+read_share=0.231"


def test_an_event_that_says_it_itself_is_not_touched() -> None:
    line = {**MAILING, "read_share": 0.5}

    assert grams(asked("2026.1+read_share=0.231", line)) == grams(asked("2026.1", line))


@pytest.mark.parametrize(
    ("set_id", "line", "same_as"),
    [
        ("2026.1+view_bytes=900000", {"kind": "view"}, {"kind": "view", "bytes_transferred": 900_000}),
        ("2026.1+asset_bytes=7000", {"kind": "asset"}, {"kind": "asset", "bytes_transferred": 7000}),
        (
            "2026.1+ads_txt_lines=80+display_view_seconds=5+display_payload_mb=0.4",
            {"format": "display", "impressions": 50, "country": "FR"},
            {"format": "display", "impressions": 50, "country": "FR", "ads_txt_lines": 80, "view_seconds": 5}
            | {"payload_mb": 0.45},
        ),
        (
            "2026.1+video_view_seconds=9+video_payload_mb=2",
            {"format": "video", "impressions": 50, "buying": "direct"},
            {"format": "video", "impressions": 50, "buying": "direct", "view_seconds": 9, "payload_mb": 2.35},
        ),
        (
            "2026.1+lit_hours=6",
            {"format": "ooh_poster", "faces": 2, "days": 3, "area_cm2": 20_000},
            {"format": "ooh_poster", "faces": 2, "days": 3, "area_cm2": 20_000, "lit_hours": 6},
        ),
        (
            "2026.1+screen_hours=12.5",
            {"format": "ooh_screen", "faces": 2, "days": 3, "loop_share": 0.1},
            {"format": "ooh_screen", "faces": 2, "days": 3, "loop_share": 0.1, "lit_hours": 12.5},
        ),
    ],
)
def test_every_default_stands_for_the_field_that_events_left_out(
    set_id: str, line: dict[str, Any], same_as: dict[str, Any]
) -> None:
    assert close(grams(asked(set_id, line)), grams(asked("2026.1", same_as)), "1e-20")
    assert grams(asked(set_id, line)) != grams(asked("2026.1", line))


def test_the_set_has_an_id_a_hash_and_files_that_an_auditor_can_check() -> None:
    found = load_factor_set("2026.1+view_bytes=900000+read_share=0.2310")
    files = factor_set_files(found)

    assert found.id == "2026.1+read_share=0.231+view_bytes=900000"
    assert load_factor_set(found.id) == found
    lines = [f"{name} {hashlib.sha256(data).hexdigest()}\n" for name, data in sorted(files.items()) if ".csv" in name]
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == found.sha256 != load_factor_set("2026.1").sha256
    assert b"campaign default" in files[FILE]
    assert "manifest.toml" in files


def test_a_set_without_defaults_is_the_set_itself() -> None:
    base = load_factor_set("2026.1")

    assert FILE not in factor_set_files(base)
    assert difference(base, load_factor_set("2026.1+read_share=0.2")).keys() == {"project.email.read_share"}


@pytest.mark.parametrize(
    ("set_id", "field"),
    [
        ("2026.1+opens=0.2", "opens"),
        ("2026.1+read_share", "read_share"),
        ("2026.1+read_share=much", "read_share"),
        ("2026.1+read_share=NaN", "read_share"),
        ("2026.1+read_share=1.01", "read_share"),
        ("2026.1+read_share=-0.1", "read_share"),
        ("2026.1+read_share=0.1+read_share=0.2", "read_share"),
        ("2026.1+lit_hours=25", "lit_hours"),
        ("2026.1+view_bytes=1e30", "view_bytes"),
        ("2026.1+", ""),
        ("1999.1+read_share=0.1", "factor_set"),
    ],
)
def test_a_default_that_cannot_be_is_refused_by_its_name(set_id: str, field: str) -> None:
    with pytest.raises(Rejected) as error:
        load_factor_set(set_id)

    assert error.value.field == field


def test_names_and_values_are_read_in_any_order() -> None:
    assert split_id("2026.1+lit_hours=6+read_share=0.1") == (
        "2026.1",
        {"lit_hours": Decimal(6), "read_share": Decimal("0.1")},
    )
    assert len(set(CAMPAIGN_DEFAULTS.values())) == len(CAMPAIGN_DEFAULTS) == 10
