"""The methods of site traffic, e-mails and advertising: one file each, one line each below."""

from __future__ import annotations

from shared.estimate import Method
from traffic_meter.methods.ademe_digital import AdemeDigital
from traffic_meter.methods.iab_europe import IabEurope
from traffic_meter.methods.swd_v4 import SwdV4

METHODS: tuple[Method, ...] = (
    SwdV4(),
    AdemeDigital(),
    IabEurope(),
)
