"""Writes the purchaser's campaign file for a run: first closed, then open from stated offsets on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from demo.records import CHANNELS, TOPIC_SETTINGS
from shared.settings import TopicSettings

NOT_YET = 2**62
"""An offset no topic reaches: nothing settles before the tool knows where its records end."""


class CampaignFile:
    """The campaign file of a session. Each write replaces the whole file at once."""

    def __init__(self, path: Path, campaigns: Sequence[Mapping[str, Any]], topics: TopicSettings) -> None:
        """``campaigns`` are the entries as the purchaser reads them, without ``opens_after``."""
        self.path = path
        self._campaigns = campaigns
        self._topics = topics

    def write(self, *, opens_after: Mapping[str, Mapping[int, int]] | None) -> None:
        """Write the campaigns so that they settle once these offsets are counted; None means not yet.

        Each campaign waits for the topics of its own channels: the purchaser refuses any other.
        """
        if opens_after is None:
            opens_after = {self._topics.name(setting): {0: NOT_YET} for setting in TOPIC_SETTINGS}
        content = {"campaigns": [self._opening(campaign, opens_after) for campaign in self._campaigns]}
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        beside = self.path.with_suffix(".tmp")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, self.path)

    def _opening(self, campaign: Mapping[str, Any], opens_after: Mapping[str, Mapping[int, int]]) -> dict[str, Any]:
        read = {self._topics.name(setting) for setting, channel in CHANNELS.items() if channel in campaign["channels"]}
        marks = [
            {"topic": topic, "partition": partition, "offset": offset}
            for topic, offsets in opens_after.items()
            if topic in read
            for partition, offset in offsets.items()
        ]
        return dict(campaign) | {"opens_after": marks}

    def days(self) -> list[tuple[str, date]]:
        """Every campaign day, in order."""
        found = []
        for campaign in self._campaigns:
            day, last = _date(campaign["first_day"]), _date(campaign["last_day"])
            while day <= last:
                found.append((str(campaign["id"]), day))
                day += timedelta(days=1)
        return found


def _date(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))
