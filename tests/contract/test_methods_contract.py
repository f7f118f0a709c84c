"""What every method owes the meters: sourced factors, known measures, a home in the schedule, units that come out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from delivery_emissions.channel import DELIVERY as DELIVERY_CHANNEL
from delivery_emissions.methods import METHODS as DELIVERY
from shared.campaign_defaults import CAMPAIGN_DEFAULTS
from shared.estimate import ChannelName, Subject
from shared.factors import load_factor_set
from shared.inputs import MEASURES
from shared.linear_model import LinearModel
from shared.measure_units import parse_unit
from shared.methods_common import LinearMethod
from shared.schedule import choose_method, default_schedule
from tests.unit.methods.registers import LABELS, METHODS
from traffic_meter.channels import CHANNELS
from traffic_meter.methods import METHODS as TRAFFIC
from traffic_meter.methods.iab_europe import MINIMUM_VIEW_MS

ROOT = Path(__file__).parents[2]
FACTORS = load_factor_set("2026.1")
each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())


@cache
def every_model(method_id: str) -> list[tuple[Subject, LinearModel]]:
    """The models of all combinations of labels."""
    method = METHODS[method_id]
    return [(subject, method.model(subject, FACTORS)) for subject in every_subject(method)]


def every_subject(method: LinearMethod) -> Iterator[Subject]:
    """All combinations of labels, in a known and an unknown country."""
    labels = LABELS.get(method.id) or LABELS[str(method.channel)]
    for values in itertools.product(*labels.values()):
        for country in ("FR", ""):
            yield Subject(country, dict(zip(labels, values, strict=True)))


def test_method_ids_are_unique_and_every_scheduled_method_exists() -> None:
    ids = [method.id for method in (*TRAFFIC, *DELIVERY)]

    assert len(ids) == len(set(ids))
    for entry in default_schedule().entries:
        assert set(entry.methods) <= set(ids)


@each_method
def test_a_method_has_one_file_and_its_docstring_says_what_it_does_not_cover(method: LinearMethod) -> None:
    module = __import__(type(method).__module__, fromlist=["__doc__"])

    classes = [item for item in vars(module).values() if isinstance(item, type) and issubclass(item, LinearMethod)]
    own = [item for item in classes if item.__module__ == module.__name__]
    assert own == [type(method)]
    assert module.__doc__
    assert len(module.__doc__.splitlines()) >= 3 or method.id == "covered"


@each_method
def test_every_combination_of_labels_is_accepted_and_builds_with_right_units(method: LinearMethod) -> None:
    for subject, model in every_model(method.id):
        assert method.accepts(subject), subject
        for segment in model.segments:
            for measure, per_unit in segment.coefficients:
                wanted = parse_unit("gCO2e") / parse_unit(method.measures[measure])
                assert per_unit.unit.dimensions == wanted.dimensions
                assert per_unit.unit.scale == wanted.scale
                assert per_unit.value >= 0


@each_method
def test_every_factor_a_method_uses_is_in_the_set_with_a_source(method: LinearMethod) -> None:
    for _, model in every_model(method.id):
        for name in model.factors:
            factor = FACTORS.get(name)
            assert factor.source
            assert factor.licence


@each_method
def test_no_number_of_a_formula_hides_in_the_code(method: LinearMethod) -> None:
    """Constants of a trail are unit conversions and small whole numbers of the formula, all else is a factor."""
    conversions = {Decimal(value) for value in (0, 1, 2, 3, 4)}
    for _, model in every_model(method.id):
        for step in model.steps:
            if step.op == "constant" and step.note != "unit":
                assert step.value in conversions, (method.id, step)


@each_method
def test_the_scope_and_category_of_a_method_are_those_of_the_ghg_protocol(method: LinearMethod) -> None:
    scope, category = method.ghg

    assert scope == 3
    assert re.fullmatch(r"3\.\d+ .+", category)


@each_method
def test_the_same_model_comes_out_every_time(method: LinearMethod) -> None:
    subject = next(every_subject(method))

    assert method.model(subject, FACTORS).steps == method.model(subject, FACTORS).steps


NOT_READ = {
    ChannelName.SITE: {"dwell_ms"},
    ChannelName.EMAIL: set(),
    ChannelName.ADS: set(),
    ChannelName.DELIVERY: set(),
}
"""Measures that registers keep and no scheduled method reads: dwell time waits for ``device-time``."""


def test_every_measure_of_a_register_is_read_by_a_scheduled_method_or_stated_as_not_read() -> None:
    for channel in (*CHANNELS, DELIVERY_CHANNEL):
        entry = default_schedule().entry_for(channel.name, date(2026, 11, 27))
        read = {measure for name in entry.methods for measure in METHODS[name].measures}
        assert set(channel.measures) - read == NOT_READ[channel.name], channel.name


def test_every_default_of_an_absent_event_field_can_be_named_by_a_campaign() -> None:
    """Shipments are assessed when they are counted, with their tables: their defaults are not restated by name."""
    traffic = (ChannelName.SITE, ChannelName.EMAIL, ChannelName.ADS)
    of_events = {source.default for name in traffic for source in MEASURES[name].values() if source.default}
    used = {name for entry in default_schedule().entries for method in entry.methods for _, model in every_model(method)
            for name in model.factors}  # fmt: skip

    assert of_events <= set(CAMPAIGN_DEFAULTS.values()) <= used


def test_no_scheduled_method_leaves_a_contract_event_without_an_estimate() -> None:
    cases = {
        ChannelName.SITE: [{"kind": kind, "device": "bot"} for kind in ("view", "asset", "engagement")],
        ChannelName.EMAIL: [{"kind": kind} for kind in ("marketing", "transactional")],
        ChannelName.ADS: [{"format": name} for name in ("display", "video", "ooh_screen", "ooh_poster")],
    }
    for channel, details in cases.items():
        entry = default_schedule().entry_for(channel, date(2026, 11, 27))
        for detail in details:
            assert choose_method(entry, TRAFFIC, Subject("", detail)) is not None


def test_the_viewability_minimum_in_the_code_is_the_factor_set_s() -> None:
    for kind, milliseconds in MINIMUM_VIEW_MS.items():
        assert FACTORS.value(f"ads.iab.view.minimum.{kind}") * 1000 == milliseconds


def test_the_text_describes_every_method() -> None:
    text = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")

    for method in (*TRAFFIC, *DELIVERY):
        assert f"`{method.id}`" in text


def test_the_hash_of_a_published_set_never_changes() -> None:
    """A change here means an edited set: make a new edition instead."""
    assert FACTORS.sha256 == "cd22479a5a499a2fca6c37d8336ccc5df476fb44918d59593f3bf317e21b50c8"
