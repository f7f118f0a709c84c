"""From registers to readings: the schedule picks method and factors by the register's day, the method does the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from shared.errors import Rejected
from shared.estimate import ChannelName, Method, Subject
from shared.factors import FactorSet
from shared.meter.channel import Channel
from shared.meter.position import Position
from shared.meter.register import Register
from shared.methods_common import ModelCache, RegisterEstimate, estimate_register
from shared.readings import EmissionsUg, Reading, detail_labels
from shared.schedule import MethodSchedule, choose_method

ZERO = EmissionsUg(low=0, central=0, high=0)


class Estimator:
    """Estimates registers from their cumulative activity. Factor sets are loaded once each, coefficients cached."""

    def __init__(
        self, methods: Sequence[Method], schedule: MethodSchedule, load_factor_set: Callable[[str], FactorSet]
    ) -> None:
        self._methods = methods
        self._schedule = schedule
        self._load = load_factor_set
        self._factor_sets: dict[str, FactorSet] = {}
        self._models: ModelCache = {}

    def reading(self, channel: Channel, position: Position, register: Register) -> Reading:
        """The reading of a register. Activity without a method gives null emissions, never 0; no activity gives 0."""
        activity = dict(zip(channel.measures, register.activity, strict=False))
        key = register.key
        estimate = None
        if any(register.activity):
            estimate = self._estimate(channel.name, register, activity)
            emissions = estimate.emissions_ug if estimate else None
        else:
            emissions = ZERO
        return Reading(
            log_epoch=register.log_epoch,
            topic=position.topic,
            partition=position.partition,
            quarter=register.quarter,
            channel=channel.name,
            shop=key.shop,
            country=key.country,
            payer=key.payer,
            detail=key.detail,
            events=register.events,
            late=register.late,
            duplicates=register.duplicates,
            rejected=register.rejected,
            activity={name: value for name, value in activity.items() if value},
            method=estimate.method if estimate else "",
            method_version=estimate.method_version if estimate else "",
            factor_set=estimate.factor_set if estimate else "",
            factor_set_sha256=estimate.factor_set_sha256 if estimate else "",
            factor_group=estimate.factor_group if estimate else "",
            ghg_scope=estimate.ghg_scope if estimate else 0,
            ghg_category=estimate.ghg_category if estimate else "",
            data_quality=estimate.data_quality if estimate else 0,
            emissions_ug=emissions,
            revision=register.revision,
            through_offset=register.through_offset,
        )

    def _estimate(
        self, channel: ChannelName, register: Register, activity: Mapping[str, int]
    ) -> RegisterEstimate | None:
        try:
            entry = self._schedule.entry_for(channel, register.quarter.date())
        except Rejected:
            return None  # no method was in force on that day: not estimated
        subject = Subject(register.key.country, detail_labels(register.key.detail))
        method = choose_method(entry, self._methods, subject)
        if method is None:
            return None
        factors = self.factor_set(register.factor_set or entry.factor_set)
        return estimate_register(method, subject, activity, factors, self._models)

    def factor_set(self, set_id: str) -> FactorSet:
        """A factor set, loaded and checked on first use."""
        if set_id not in self._factor_sets:
            self._factor_sets[set_id] = self._load(set_id)
        return self._factor_sets[set_id]
