"""The methods of site traffic, e-mails and advertising: one file each, one line each below."""

from __future__ import annotations

from shared.estimate import Method
from traffic_meter.methods.ademe_digital import AdemeDigital
from traffic_meter.methods.ads_spend import AdsSpend
from traffic_meter.methods.device_time import DeviceTime
from traffic_meter.methods.iab_europe import IabEurope
from traffic_meter.methods.one_byte import OneByte
from traffic_meter.methods.out_of_home import OutOfHome
from traffic_meter.methods.swd_v3 import SwdV3
from traffic_meter.methods.swd_v4 import SwdV4

METHODS: tuple[Method, ...] = (
    SwdV4(),
    SwdV3(),
    OneByte(),
    DeviceTime(),
    AdemeDigital(),
    IabEurope(),
    OutOfHome(),
    AdsSpend(),
)
