"""The methods of deliveries: one file each, one line each below, in order of preference."""

from __future__ import annotations

from delivery_emissions.methods.ademe_parcel import AdemeParcel
from delivery_emissions.methods.carrier_figure import CarrierFigure
from delivery_emissions.methods.country_default import CountryDefault
from delivery_emissions.methods.covered import Covered
from delivery_emissions.methods.legs import Legs
from shared.estimate import Method

METHODS: tuple[Method, ...] = (
    CarrierFigure(),
    Legs(),
    AdemeParcel(),
    CountryDefault(),
    Covered(),
)
