"""Settings of delivery-emissions besides the shared ones, ``DELIVERY_…`` in the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import SettingsConfigDict

from shared.settings import _FromEnvironment


class DeliverySettings(_FromEnvironment):
    """What the service knows of its own business."""

    model_config = SettingsConfigDict(env_prefix="DELIVERY_", frozen=True, extra="ignore")

    tables: Path | None = None
    """Folder with the business's own ``categories.csv``, ``carriers.csv``, ``modes.csv``, ``crossings.csv`` and
    ``sea_lanes.csv``; their rows win over the package's. Shipments counted before keep what they were counted with."""
