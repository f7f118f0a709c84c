"""Published figures for other inputs than the examples of docs/methods.md, with the digits they were published with."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.unit.methods.support import central, close, delivery, segment, traffic

from delivery_emissions.places import great_circle_m

MILLION = 1_000_000


def test_co2js_swd_v4_gives_121_03_g_for_a_green_gigabyte_and_134_615_g_for_a_half_green_one() -> None:
    assert central(traffic(bytes_transferred=10**9, green_hosting=True)) == Decimal("121.03")
    assert central(traffic(bytes_transferred=10**9, green_hosting_factor=0.5)) == Decimal("134.615")


def test_co2js_swd_v4_gives_27_17_g_29_146_g_and_39_52_g_of_operation_for_a_gigabyte() -> None:
    found = traffic(bytes_transferred=10**9)

    assert segment(found, "operational.data_centre") == Decimal("27.17")
    assert segment(found, "operational.network") == Decimal("29.146")
    assert segment(found, "operational.device") == Decimal("39.52")


def test_co2js_one_byte_gives_0_29081_g_grey_and_0_23196_g_green_for_a_million_bytes() -> None:
    grey = central(traffic(method="one-byte", bytes_transferred=MILLION))
    green = central(traffic(method="one-byte", bytes_transferred=MILLION, green_hosting=True))

    assert round(grey, 5) == Decimal("0.29081")
    assert round(green, 5) == Decimal("0.23196")


def test_co2js_swd_v3_counts_a_first_and_a_return_visit_with_0_75_0_25_and_0_02_by_default() -> None:
    plain = central(traffic(method="swd-v3", bytes_transferred=MILLION))
    visits = {"reload_ratio": 0.02}
    found = central(traffic(method="swd-v3", bytes_transferred=MILLION, visits=visits))

    assert found == plain * (Decimal("0.75") + Decimal("0.25") * Decimal("0.02"))


def test_co2js_swd_v3_takes_a_grid_per_segment_and_50_g_for_a_green_data_centre() -> None:
    base = traffic(method="swd-v3", bytes_transferred=10**9)
    changed = traffic(method="swd-v3", bytes_transferred=10**9, grid_g_per_kwh={"device": 561.28})
    green = traffic(method="swd-v3", bytes_transferred=10**9, green_hosting=True)

    assert segment(changed, "device") == Decimal("0.81") * Decimal("0.52") * Decimal("561.28")
    assert segment(changed, "network") == segment(base, "network")
    assert segment(green, "data_centre") == Decimal("0.81") * Decimal("0.15") * 50


def test_iab_europe_germany_150_lines_gives_2_145_0_318_0_323_and_0_141_kg_of_selection() -> None:
    found = traffic(
        format="display",
        impressions=100_000,
        buying="programmatic",
        ads_txt_lines=150,
        local_grid_kg_per_kwh=0.344,
        regional_grid_kg_per_kwh=0.25,
    )

    expected = {"server_use": "2.145", "server_build": "0.318", "network_use": "0.323", "network_build": "0.141"}
    for name, kilograms in expected.items():
        assert round(segment(found, f"selection.{name}") / 1000, 3) == Decimal(kilograms)


def test_iab_europe_austria_3_s_on_mobiles_gives_0_03978_and_1_965_kg_of_consumption() -> None:
    found = traffic(
        format="display", impressions=100_000, view_seconds=3, device="smartphone", local_grid_kg_per_kwh=0.102
    )

    assert segment(found, "consumption.use") == Decimal("39.78")
    assert segment(found, "consumption.build") == 1965


def test_3000_lines_instead_of_80_make_the_servers_alone_2_76_kg() -> None:
    found = traffic(format="display", impressions=10_000, country="FR", buying="programmatic")

    servers = segment(found, "selection.server_use") + segment(found, "selection.server_build")
    assert round(servers / 1000, 2) == Decimal("2.76")
    assert "ads-txt-lines-unknown:3000" in found["flags"]


def test_a_direct_deal_counts_2_servers_and_4_calls_and_a_closed_platform_500_and_0() -> None:
    common = {"format": "display", "impressions": 1000, "local_grid_kg_per_kwh": 0.2, "regional_grid_kg_per_kwh": 0.4}
    direct, platform = traffic(**common, buying="direct"), traffic(**common, buying="platform")

    assert segment(direct, "selection.server_build") == 2 * Decimal("1.50e-8") * 1000 * 1000
    assert segment(direct, "selection.network_use") == 4 * 3 * Decimal("1.65e-8") * Decimal("0.3") * 1000 * 1000
    assert segment(platform, "selection.server_build") == 500 * Decimal("1.50e-8") * 1000 * 1000
    assert segment(platform, "selection.network_build") == 0


def test_an_unread_mail_leaves_only_network_and_data_centres() -> None:
    found = traffic(size_mb=0.5, recipients=1, read_share=0, writing_minutes=0)

    assert segment(found, "device.build") == segment(found, "device.use") == 0
    assert central(found) == sum(segment(found, name) for name in ("network", "data_centre.build", "data_centre.use"))


def test_the_published_mail_has_one_sender_and_many_receivers() -> None:
    one, three = (traffic(size_mb=1, recipients=n, device="laptop", grid_region="Europe") for n in (1, 3))

    per_gb = Decimal("9.26934695867389") * 4 + 7 * 3 * Decimal("2.59")
    assert close(segment(three, "network"), per_gb / 1024)
    assert close(segment(three, "data_centre.use"), segment(one, "data_centre.use") * 2)


def test_the_average_device_has_the_published_shares_that_add_up_to_101_percent() -> None:
    found = traffic(size_mb=1, recipients=1, writing_minutes=60, read_share=0, device="average")

    hourly = {"desktop": (338390, 8760), "laptop": (185090, 5475), "tablet": (84294, Decimal("2737.5"))}
    shares = {"desktop": "0.24", "laptop": "0.24", "tablet": "0.08"}
    expected = sum(Decimal(hourly[name][0]) / hourly[name][1] * Decimal(shares[name]) for name in hourly)
    expected += Decimal(79516) / Decimal("2737.5") * Decimal("0.45")
    assert close(segment(found, "device.build"), expected)


def test_mobile_networks_in_europe_cost_96_g_a_gigabyte_of_1024_mb() -> None:
    found = traffic(size_mb=1024, recipients=1, sender_network="mobile-EU", receiver_network="mobile-FR")

    assert close(
        segment(found, "network"), Decimal("96.0097311973246") + Decimal("24.6836791969497") + 7 * Decimal("2.59")
    )


def test_click_and_collect_keeps_the_parcel_four_weeks_on_the_shelves_of_a_supermarket() -> None:
    found = delivery(
        method="ademe-parcel", scenario="click_and_collect", category="clothing", weight_g=1500, volume_cm3=10000
    )

    weeks = 16 * Decimal(10000) / 1_000_000
    yearly = Decimal(2500) / 50 + 81 * Decimal("0.82") * 690 + 74 * Decimal("0.18") * Decimal("3.6") * 690
    assert close(segment(found, "shop"), weeks / 104000 * 2000 * yearly)
    assert segment(found, "trip") == 30 * 218
    assert "round" not in found["segments_g"]


def test_a_pickup_point_keeps_the_parcel_two_days_and_the_trip_counts_by_its_share() -> None:
    trip = {"km": 5.2, "mode": "electric_car", "share": 0.5}
    found = delivery(
        method="ademe-parcel", scenario="pickup_point", category="other", weight_g=1000, volume_cm3=5000, trip=trip
    )

    per_m2 = 1_000_000 / Decimal(5000)
    days = Decimal(2)
    expected = days / (50 * 365 * per_m2) * 2500 + Decimal("0.74") * days / per_m2 * 81
    expected += Decimal("82.8") / 365 * days / per_m2 * 74
    assert close(segment(found, "point"), expected)
    assert segment(found, "trip") == Decimal("5.2") * 103 / 2


@pytest.mark.parametrize(
    ("air", "kilometres", "per_tkm", "grid"), [("outside_europe", 9000, 1200, 766), ("inside_europe", 2000, 1300, 420)]
)
def test_air_adds_its_haul_and_a_warehouse_at_the_electricity_abroad(
    air: str, kilometres: int, per_tkm: int, grid: int
) -> None:
    found = delivery(
        method="ademe-parcel", scenario="home", category="clothing", weight_g=2000, volume_cm3=8000, air=air
    )

    area = 4 * Decimal(8000) / 2_000_000
    days = Decimal(20)
    warehouse = days * area / (50 * 365) * Decimal("12515.52451") + Decimal("0.12") * days * area * grid
    warehouse += Decimal("82.8") / 365 * days * area * 74
    assert segment(found, "air") == 2 * kilometres * per_tkm / Decimal(1000)
    assert close(segment(found, "warehouse_abroad"), warehouse)


def test_a_15_kg_parcel_grows_linearly_to_7_2_kg() -> None:
    found = delivery(method="ademe-parcel", scenario="home", category="bulky", weight_g=15000, volume_cm3=100_000)

    assert round(central(found) / 1000, 1) == Decimal("7.2")


def test_iab_europe_gives_0_59_g_of_build_for_90_s_on_a_phone() -> None:
    found = traffic(format="display", impressions=1, view_seconds=90, device="smartphone", country="FR")

    assert round(segment(found, "consumption.build"), 2) == Decimal("0.59")


def test_in_france_86_percent_of_a_page_is_embodied_at_the_world_s_intensity() -> None:
    found = traffic(bytes_transferred=1_500_000, country="FR", hosting_country="FR")

    embodied = sum(segment(found, f"embodied.{name}") for name in ("data_centre", "network", "device"))
    assert round(embodied / central(found) * 100) == 86


def test_the_shares_of_energy_per_gigabyte_are_22_24_and_54_percent() -> None:
    grids = {"data_centre": 494, "network": 494, "device": 494}
    found = traffic(bytes_transferred=10**9, grid_g_per_kwh=grids)

    for name, percent in (("data_centre", 22), ("network", 24), ("device", 54)):
        both = segment(found, f"operational.{name}") + segment(found, f"embodied.{name}")
        assert abs(both / central(found) * 100 - percent) < Decimal("0.7")


def test_a_screen_of_one_spot_in_six_is_39_186_kwh_and_762_g_a_week() -> None:
    found = traffic(format="ooh_screen", country="FR", days=7, lit_hours=18, loop_share=1, local_grid_kg_per_kwh=0.0519)

    assert segment(found, "screen.use") == Decimal("39.186") * Decimal("51.9")
    assert round(segment(found, "screen.build") / 1000, 5) == Decimal("2.53534")
    assert round(central(found) / 6000, 5) == Decimal("0.76152")


def test_a_face_of_unknown_material_is_3_78_kg_a_square_metre() -> None:
    found = traffic(
        format="ooh_poster", faces=3, days=1, area_cm2=20_000, material="unknown", panel="bus", country="FR"
    )

    assert segment(found, "production") == 3 * 2 * 3780
    assert not {"paper", "transport.print"} & set(found["segments_g"])
    assert "material-unknown:per-m2" in found["flags"]


def test_two_legs_of_120_kg_are_34_8_tkm_and_0_1934_kg_a_tkm() -> None:
    legs = [{"kg_per_tkm": 0.09, "distance_km": 250}, {"kg_per_tkm": 0.84, "distance_km": 40}]
    found = delivery(method="legs", weight_g=120_000, legs=legs)

    assert central(found) == 6732
    assert round(central(found) / 1000 / Decimal("34.8"), 4) == Decimal("0.1934")


def test_desnz_direct_and_supply_add_up_and_epa_counts_per_short_ton_mile() -> None:
    leg = [{"factor_id": "freight.desnz.hgv.artic.all", "distance_km": 100}]
    desnz = delivery(method="legs", weight_g=1_000_000, legs=leg)
    epa = delivery(method="legs", weight_g=1_000_000, legs=[{"factor_id": "freight.epa2025.air", "distance_km": 1}])

    assert central(desnz) == (Decimal("0.078") + Decimal("0.01823")) * 100 * 1000
    assert round(central(epa), 2) == Decimal("743.85")
    assert "boundary:ttw-co2-only" in epa["flags"]


def test_paris_to_lyon_is_391_50_km_and_489_37_km_by_road() -> None:
    metres = great_circle_m((48.8566, 2.3522), (45.7640, 4.8357))

    assert round(metres / 1000, 2) == 391.50
    assert round(metres * 1.25 / 1000, 2) == 489.37
