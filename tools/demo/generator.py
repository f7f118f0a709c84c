"""A Black Friday weekend on paper: every record that four topics receive from 28 to 30 November 2025, seeded.

The same seed gives the same bytes in the same order. The generator also keeps its own tally of what a
correct count must find; it shares no code with the meters beyond the calendar.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from operator import attrgetter
from random import Random

from demo.arrivals import MAIL, WEB, Arrivals, Draft, Trouble
from demo.parcels import State, parcels
from demo.records import Record
from demo.shapes import DAY_MS
from demo.tally import Tally
from demo.traffic import ads, emails, visits

PARCELS = Trouble(horizon_ms=400 * DAY_MS, late=0.0, beyond=0.0)
"""Parcels are late by nature (they follow their orders), and their ids are remembered for ever."""


@dataclass(frozen=True)
class Weekend:
    """How much happens. Duplicates come on top of these; malformed records are among them."""

    seed: int = 20251128
    site: int = 200_000
    emails: int = 60_000
    ads: int = 20_000
    shipments: int = 3_000
    """Parcels ordered; their later states and what is returned come on top."""
    with_ooh: bool = False
    trouble: bool = True
    """Whether anything goes wrong at all."""

    def scaled(self, factor: float) -> Weekend:
        """The same weekend with so many times the events."""
        return replace(
            self,
            site=round(self.site * factor),
            emails=round(self.emails * factor),
            ads=round(self.ads * factor),
            shipments=round(self.shipments * factor),
        )

    @property
    def about(self) -> int:
        """About how many records that makes, for a progress bar."""
        return round((self.site + self.emails + self.ads) * 1.0105 + self.shipments * 1.21)


@dataclass(slots=True)
class Generated:
    """The records, to be taken once, and the tally, complete once the last of them is taken."""

    weekend: Weekend
    tally: Tally = field(default_factory=Tally)

    def records(self) -> Iterator[Record]:
        """All records of all topics in the order of their arrival; memory holds what is on its way, not the weekend."""
        weekend = self.weekend
        streams = (
            self._arrivals("site_traffic", "site", WEB, visits(self._random("visits"), weekend.site)),
            self._arrivals("emails_sent", "email", MAIL, emails(self._random("emails"), weekend.emails)),
            self._arrivals(
                "ad_impressions", "ads", WEB, ads(self._random("ads"), weekend.ads, with_ooh=weekend.with_ooh)
            ),
            self._shipments(),
        )
        return heapq.merge(*streams, key=attrgetter("timestamp_ms"))

    def _random(self, name: str) -> Random:
        """A source of its own for every part, so that more parcels do not change the visits."""
        return Random(f"{self.weekend.seed}/{name}")

    def _arrivals(self, topic: str, channel: str, trouble: Trouble, drafts: Iterator[Draft]) -> Iterator[Record]:
        trouble = trouble if self.weekend.trouble else trouble.without()
        return Arrivals(topic, channel, trouble, self._random(f"{topic}/arrivals"), self.tally).of(drafts)

    def _shipments(self) -> Iterator[Record]:
        """Parcels keep a list: their states are sorted by when they are written, days after the order."""
        states = sorted(parcels(self._random("parcels"), self.weekend.shipments), key=attrgetter("base_ms"))
        histories = Counter(state.key for state in states)
        lonely = {key for key, messages in histories.items() if messages == 1}
        drafts = (_draft(state) for state in states)
        trouble = PARCELS if self.weekend.trouble else PARCELS.without()
        arrivals = Arrivals(
            "shipments", "delivery", trouble, self._random("shipments/arrivals"), self.tally, breakable=lonely
        )
        return arrivals.of(drafts)


def _draft(state: State) -> Draft:
    standing = (("standing", 1),) if state.standing else ()
    return Draft(state.base_ms, state.occurred_ms, state.key, state.value, state.inside, False, standing)
