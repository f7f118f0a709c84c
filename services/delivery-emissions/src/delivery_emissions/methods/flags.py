"""Labels of a shipment register that say what was assumed, and the data quality they leave."""

from __future__ import annotations

from shared.estimate import Subject
from shared.linear_model import ModelBuilder

ASSUMED: tuple[tuple[str, str, int], ...] = (
    ("weight", "default", 3),
    ("volume", "default", 4),
    ("category_from", "default", 3),
    ("scenario_from", "default", 4),
    ("trip_from", "default", 4),
    ("place", "country", 3),
    ("place", "postal", 4),
    ("distance", "default", 2),
    ("mode_from", "fallback", 2),
    ("view", "iso", 5),
)


def note_assumptions(subject: Subject, model: ModelBuilder) -> None:
    """Flag every label that marks an assumption; numbers stay 'modelled with own data' or less."""
    for label, value, quality in ASSUMED:
        if subject.detail.get(label) == value:
            model.flag(f"{label}={value}", quality)
