"""An order is tried again only where it can be bought."""

from __future__ import annotations

from tests.unit.purchaser.builders import campaign

from offset_purchaser.handlers.people import unfit
from offset_purchaser.settings import PurchaserSettings

LEG = campaign().legs[0]


def test_another_provider_has_its_lots_its_supplier_and_its_configuration() -> None:
    settings = PurchaserSettings(providers=("sandbox", "manual"))
    assert unfit("manual", 12_345, LEG, settings) == "12345 g is no multiple of the 1000000 g that manual sells"
    why = "manual needs supplier, the party that its documents name, in the campaign file"
    assert unfit("manual", 1_000_000, LEG, settings) == why
    assert unfit("sandbox", 12_345, LEG, settings) == ""
    assert unfit("sandbox", 12_345, LEG, PurchaserSettings(providers=("sandbox",), mode="live")) == (
        "provider sandbox is not configured here: set PURCHASER_MODE=rehearsal, for it sells nothing real"
    )
    only = PurchaserSettings(providers=("sandbox",))
    assert unfit("manual", 1_000_000, LEG, only) == "provider manual is not configured here: set PURCHASER_PROVIDERS"
