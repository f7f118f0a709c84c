"""Advertising: digital impressions, and out-of-home faces spread evenly over local days.

The days of a booking are counted at 12:00 UTC of each date, which lies inside that date from UTC-11 to UTC+11.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from shared.estimate import ChannelName
from shared.events import AdImpressions
from shared.meter.channel import Channel, Contribution, Fields, Share

MEASURES = (
    "impressions",
    "payload_bytes",
    "payload_unknown_impressions",
    "view_ms",
    "view_unknown_impressions",
    "ads_txt_lines",
    "lines_unknown_impressions",
    "faces",
    "face_days",
    "area_cm2_faces",
    "area_cm2_face_days",
    "lit_cm2_hours",
    "lit_unknown_cm2_days",
    "screen_ppm_hours",
    "screen_ppm_days",
    "screen_hours_unknown_ppm_days",
)
DIGITAL = 7
OUT_OF_HOME = len(MEASURES) - DIGITAL
PPM = 1_000_000


def _labels(row: Fields) -> tuple[str, ...]:
    return (row["format"], row.get("buying") or "", "yes" if row.get("own_site") else "")


def fold(row: Fields) -> Contribution:
    """Digital formats count here; a booking of faces counts as one event here and per day in ``spread``."""
    if row["format"] not in ("display", "video"):
        return Contribution(_labels(row), (0,) * len(MEASURES))
    impressions = row["impressions"]
    payload, view_ms, lines = row.get("payload_bytes"), row.get("view_ms"), row.get("ads_txt_lines")
    return Contribution(
        _labels(row),
        (
            impressions,
            impressions * (payload or 0),
            impressions if payload is None else 0,
            impressions * (view_ms or 0),
            impressions if view_ms is None else 0,
            impressions * (lines or 0),
            impressions if lines is None else 0,
        )
        + (0,) * OUT_OF_HOME,
    )


def spread(row: Fields) -> tuple[Share, ...]:
    """One share per day of a booking; faces and their area also once, on the first day."""
    if row["format"] in ("display", "video"):
        return ()
    starts_on: date = row["starts_on"]
    return tuple(
        Share(_noon_s(starts_on + timedelta(days=day)), Contribution(_labels(row), _one_day(row, first=day == 0)))
        for day in range(row["days"])
    )


def _noon_s(day: date) -> int:
    return int(datetime.combine(day, time(12), UTC).timestamp())


def _one_day(row: Fields, *, first: bool) -> tuple[int, ...]:
    faces, area_cm2 = row["faces"], row["faces"] * row["area_cm2"]
    lit_hours, loop_share = row.get("lit_hours"), row.get("loop_share")
    digital = (0,) * DIGITAL
    once = (faces if first else 0, faces, area_cm2 if first else 0, area_cm2)
    if row["format"] == "ooh_poster":
        lit = (0, area_cm2) if lit_hours is None else (round(area_cm2 * lit_hours), 0)
        return digital + once + lit + (0, 0, 0)
    shown_ppm = faces * (PPM if loop_share is None else round(loop_share * PPM))
    hours = (0, shown_ppm, shown_ppm) if lit_hours is None else (round(shown_ppm * lit_hours), shown_ppm, 0)
    return digital + once + (0, 0) + hours


ADS = Channel(
    name=ChannelName.ADS,
    topic="ad_impressions",
    event=AdImpressions,
    labels=("format", "buying", "own_site"),
    measures=MEASURES,
    horizon_s=15 * 60,
    fold=fold,
    spread=spread,
)
