"""ADEME's e-mail model (Impact CO2, publicodes-acv-numerique 2.1.0): devices, networks, data centres.

A mailing counts one message per recipient, nothing for writing (it is done once for all), and the share that reads.
Storage is the published 10 years in 3 copies each for sender and receiver. Not covered: mail servers of intermediaries,
tracking pixels, the pages that links lead to (they are site traffic).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from shared.campaign_defaults import SOURCE
from shared.estimate import ChannelName, Subject
from shared.linear_model import ModelBuilder
from shared.methods_common import LinearMethod
from shared.trail import Term
from shared.units import decimal_text
from traffic_meter.methods.grids import grid

DEVICES = {"smartphone": "smartphone", "tablet": "tablet", "laptop": "laptop", "desktop": "desktop_and_screen"}
NETWORKS = {"fixed-FR": "fixe_FR", "mobile-FR": "mobile_FR", "fixed-EU": "fixe_EU", "mobile-EU": "mobile_EU"}
GRIDS = {"France": "email.grid.FRA", "Europe": "email.grid.EUR", "USA": "email.grid.USA"}
DATA = "data_centre"


class AdemeDigital(LinearMethod):
    """Messages, recipients and size to grams.

    ``recipients`` and ``recipient_bytes`` are mailings, one message per recipient. ``messages`` and its companions are
    the published single mail with one sender and many recipients; only the ``estimate`` command uses them.
    """

    id = "ademe-digital"
    title = "ADEME digital model"
    channel = ChannelName.EMAIL
    measures: ClassVar[Mapping[str, str]] = {
        "recipients": "mail",
        "recipient_bytes": "byte",
        "read_recipients_bp": "bp",
        "unknown_read_recipients": "mail",
        "messages": "mail",
        "message_bytes": "byte",
        "message_receivers": "mail",
        "message_receiver_bytes": "byte",
        "message_readers": "mail",
        "writing_minutes": "min",
    }

    def accepts(self, subject: Subject) -> bool:
        return subject.detail.get("kind") in ("marketing", "transactional")

    def build(self, subject: Subject, model: ModelBuilder) -> None:
        model.quality = 3 if model.options.get("filled") is True else 4
        electricity = _electricity(subject, model)
        self._devices(model, electricity)
        self._network(subject, model)
        self._data_centres(model, electricity)
        if subject.detail.get("late") == "unprovable":
            model.flag("late-unprovable")

    def _devices(self, model: ModelBuilder, electricity: Term) -> None:
        build, use = _device_per_hour(model)
        use = use * electricity
        reading = model.option("reading_seconds", "email.read")
        default_share = model("project.email.read_share")
        for segment, per_hour in (("device.build", build), ("device.use", use)):
            per_reader = per_hour * reading
            model.add(segment, "read_recipients_bp", per_reader)
            model.add(segment, "unknown_read_recipients", per_reader * default_share)
            model.add(segment, "message_readers", per_reader)
            model.add(segment, "writing_minutes", per_hour)
        whose = "campaign-default" if model.factors.get(default_share.id).source == SOURCE else "default"
        model.flag(f"read-share-unknown:{whose}-{decimal_text(default_share.value)}", 3, "unknown_read_recipients")

    def _network(self, subject: Subject, model: ModelBuilder) -> None:
        published = model.options.get("published") is True
        french = subject.country == "FR" or (published and not subject.country)
        sender = _network_factor(model, "sender_network", french)
        receiver = _network_factor(model, "receiver_network", french)
        region = "FR" if french or published else "EU"
        backup = model(f"email.net.fixe_{region}_hors_box") * model("email.backup.passes")
        model.add("network", "recipient_bytes", sender + receiver + backup)
        model.add("network", "message_bytes", sender)
        model.add("network", "message_receiver_bytes", receiver + backup)
        if not french and not published:
            model.flag("network:european-average", 3)

    def _data_centres(self, model: ModelBuilder, electricity: Term) -> None:
        server = _server_build_per_mail(model)
        per_byte = _stored_share_per_byte(model)
        years = model.option("storage_years", "email.years")
        storage = model("email.storage.build") * per_byte * years / model("email.storage.life")
        hosting = model("email.pue") * electricity
        mail_use = (model("email.server.watt_per_user") / model("email.perday").to("mail/day")) * hosting
        storage_use = per_byte * model("email.storage.watt") * years * hosting
        both = model.trail.constant(2, note="sender and receiver")
        model.add(f"{DATA}.build", "recipients", server * both)
        model.add(f"{DATA}.build", "recipient_bytes", storage * both)
        model.add(f"{DATA}.build", "messages", server * both)
        model.add(f"{DATA}.build", "message_bytes", storage)
        model.add(f"{DATA}.build", "message_receiver_bytes", storage)
        model.add(f"{DATA}.use", "recipients", mail_use * both)
        model.add(f"{DATA}.use", "recipient_bytes", storage_use * both)
        model.add(f"{DATA}.use", "messages", mail_use)
        model.add(f"{DATA}.use", "message_bytes", storage_use)
        model.add(f"{DATA}.use", "message_receivers", mail_use)
        model.add(f"{DATA}.use", "message_receiver_bytes", storage_use)


def _electricity(subject: Subject, model: ModelBuilder) -> Term:
    region = model.options.get("grid_region")
    if isinstance(region, str):
        return model(GRIDS[region])
    return grid(model, subject.country, unknown="grid.ember.WORLD", role="reader", france=GRIDS["France"])


def _network_factor(model: ModelBuilder, option: str, french: bool) -> Term:
    given = model.options.get(option)
    name = given if isinstance(given, str) else "fixed-FR" if french else "fixed-EU"
    return model(f"email.net.{NETWORKS[name]}")


def _device_per_hour(model: ModelBuilder) -> tuple[Term, Term]:
    """Build (g/h) and power of the device that writes and reads; the average device as published."""
    device = model.options.get("device")
    if isinstance(device, str) and device != "average":
        return device_build(model, DEVICES[device]), model(f"email.dev.{DEVICES[device]}.watt")
    build, watt = [], []
    for name, key in DEVICES.items():
        share = model(f"email.share.{name}")
        build.append(device_build(model, key) * share)
        watt.append(model(f"email.dev.{key}.watt") * share)
    return model.trail.total(build), model.trail.total(watt)


def device_build(model: ModelBuilder, key: str) -> Term:
    """Build of a device spread over its hours of use (g/h)."""
    return model(f"email.dev.{key}.build") / model(f"email.dev.{key}.hours")


def _server_build_per_mail(model: ModelBuilder) -> Term:
    users = model("email.server.watt") / model("email.server.watt_per_user")
    mails = model("email.perday") * model("email.server.life")
    room = model("email.room.build") * model("email.room.area") * model("email.server.life") / model("email.room.life")
    parts = [model("email.server.build"), room]
    parts += [
        model(f"email.{name}.build") * model(f"email.{name}.per_server") for name in ("firewall", "switch", "router")
    ]
    return model.trail.total(parts) / (users * mails)


def _stored_share_per_byte(model: ModelBuilder) -> Term:
    """Share of a storage unit that one byte takes with its copies."""
    return model("email.copies") / (model("email.storage.capacity") * model("email.storage.fill"))
