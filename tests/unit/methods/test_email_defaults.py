"""A mail says every default it took, and its data quality follows."""

from __future__ import annotations

from typing import Any

from tests.unit.methods.support import traffic

COMPLETE: dict[str, Any] = {
    "recipients": 1,
    "read_share": 1,
    "reading_seconds": 10,
    "writing_minutes": 3,
    "device": "laptop",
    "sender_network": "fixed-FR",
    "receiver_network": "fixed-FR",
    "storage_years": 10,
    "grid_region": "France",
}


def test_a_mail_of_which_only_the_size_is_known_flags_all_its_defaults_and_is_of_quality_3() -> None:
    found = traffic(size_mb=0.5)

    assert {
        "grid-region-unknown:France",
        "recipients-unknown:1",
        "read-share-unknown:1",
        "writing-time-unknown:3-min",
        "device:default",
        "sender_network:default",
        "receiver_network:default",
        "reading_seconds:default",
        "storage_years:default",
    } <= set(found["flags"])
    assert found["data_quality"] == 3


def test_a_mail_with_everything_given_but_its_size_keeps_quality_4() -> None:
    assert traffic(**COMPLETE, size_mb=0.5)["data_quality"] == 4
    assert traffic(**COMPLETE, channel="email")["data_quality"] == 4
    assert traffic(**COMPLETE, channel="email")["flags"] == ["size-unknown:1-MB"]


def test_one_default_beyond_the_size_leaves_quality_3() -> None:
    found = traffic(**{**COMPLETE, "size_mb": 0.5, "reading_seconds": None})

    assert found["data_quality"] == 3
    assert found["flags"] == ["reading_seconds:default"]
