"""Money: totals add up to the cent for any quantity, price and VAT, on the page and in the XML."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree  # type: ignore[import-untyped]

from offset_purchaser.documents import DocumentContent, line_amount, round_money, totals
from offset_purchaser.documents.catalogue import catalogue
from offset_purchaser.documents.einvoice import billed_quantity, invoice_xml
from offset_purchaser.documents.example import example_content
from offset_purchaser.documents.parts import OrderLine, Vat

RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"
CENT = Decimal("0.01")

grams = st.integers(min_value=1, max_value=10**12)
prices = st.decimals(min_value=Decimal(0), max_value=Decimal(10_000), places=6)
rates = st.sampled_from([Decimal(text) for text in ("5.5", "8.1", "19", "20", "25.5")])
surcharges = st.decimals(min_value=Decimal(0), max_value=Decimal(100), places=2)


def line(number: int, quantity_g: int, price: Decimal, surcharge: Decimal = Decimal(0)) -> OrderLine:
    return OrderLine(
        order_id=UUID(int=number),
        provider="Example Climate",
        quantity_g=quantity_g,
        price_per_tonne=price,
        currency="EUR",
        net_amount=line_amount(quantity_g, price, "EUR") + surcharge,
    )


def invoice(lines: tuple[OrderLine, ...], rate: Decimal) -> DocumentContent:
    vat = Vat(category="S", rate=rate, exemption_text="")
    quantity = {"owed_g": sum(item.quantity_g for item in lines)}
    return example_content("self_billed", lines=lines, quantity=quantity, vat=vat, totals=totals(lines, vat, "EUR"))


def test_41_tonnes_at_22_euros_are_902_euros() -> None:
    assert line_amount(41_000_000, Decimal(22), "EUR") == Decimal("902.00")


def test_half_a_cent_is_rounded_away_from_zero() -> None:
    assert line_amount(250, Decimal(20), "EUR") == Decimal("0.01")
    assert line_amount(249, Decimal(20), "EUR") == Decimal("0.00")


def test_yen_have_no_minor_unit() -> None:
    assert round_money(Decimal("907.5"), "JPY") == Decimal(908)


def test_vat_is_charged_once_on_the_sum_of_the_lines() -> None:
    lines = (line(1, 227, Decimal(22)), line(2, 227, Decimal(22)))
    found = totals(lines, Vat(category="S", rate=Decimal(20), exemption_text=""), "EUR")
    assert (found.net, found.vat, found.gross) == (Decimal("0"), Decimal("0"), Decimal("0"))
    lines = tuple(line(n, 102_273, Decimal(22)) for n in (1, 2, 3))
    found = totals(lines, Vat(category="S", rate=Decimal("5.5"), exemption_text=""), "EUR")
    assert (found.net, found.vat, found.gross) == (Decimal("6.75"), Decimal("0.37"), Decimal("7.12"))


def test_a_line_in_another_currency_is_refused() -> None:
    pounds = line(1, 10, Decimal(22)).model_copy(update={"currency": "GBP"})
    with pytest.raises(ValueError, match="is in GBP, the document in EUR"):
        totals((pounds,), Vat(category="S", rate=Decimal(20), exemption_text=""), "EUR")


@given(st.lists(st.tuples(grams, prices, surcharges), min_size=1, max_size=5), rates)
def test_net_is_the_sum_of_the_lines_and_gross_is_net_plus_vat_to_the_cent(
    orders: list[tuple[int, Decimal, Decimal]], rate: Decimal
) -> None:
    lines = tuple(line(n, *order) for n, order in enumerate(orders, 1))
    found = totals(lines, Vat(category="S", rate=rate, exemption_text=""), "EUR")
    assert found.net == sum(item.net_amount for item in lines)
    assert found.gross == found.net + found.vat
    assert abs(found.vat - found.net * rate / 100) <= CENT / 2
    assert found.gross == found.gross.quantize(CENT)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(grams, prices, surcharges), min_size=1, max_size=3), rates)
def test_the_xml_adds_up_to_the_cent_by_its_own_numbers(
    orders: list[tuple[int, Decimal, Decimal]], rate: Decimal
) -> None:
    content = invoice(tuple(line(n, *order) for n, order in enumerate(orders, 1)), rate)
    root = etree.fromstring(invoice_xml(content, catalogue("en")))
    nets = [_line_net(item) for item in root.iter(f"{RAM}IncludedSupplyChainTradeLineItem")]
    summation = root.find(f".//{RAM}SpecifiedTradeSettlementHeaderMonetarySummation")
    net, tax, gross, due = (
        Decimal(summation.find(f"{RAM}{name}").text)
        for name in ("TaxBasisTotalAmount", "TaxTotalAmount", "GrandTotalAmount", "DuePayableAmount")
    )
    assert sum(nets) == net == content.totals.net
    assert tax == content.totals.vat == round_money(net * rate / 100, "EUR")
    assert net + tax == gross == due == content.totals.gross


def _line_net(item: etree._Element) -> Decimal:
    """Quantity x price / base, rounded, plus charges: must be what the line says."""
    quantity = Decimal(item.find(f".//{RAM}BilledQuantity").text)
    price = Decimal(item.find(f".//{RAM}ChargeAmount").text)
    base = item.find(f".//{RAM}BasisQuantity")
    said = Decimal(item.find(f".//{RAM}LineTotalAmount").text)
    charges = sum(Decimal(node.text) for node in item.iter(f"{RAM}ActualAmount"))
    assert round_money(quantity * price / Decimal(base.text if base is not None else 1), "EUR") + charges == said
    return said


@given(grams)
def test_a_billed_quantity_is_exact_and_has_at_most_four_decimals(quantity_g: int) -> None:
    quantity, unit, base = billed_quantity(quantity_g)
    assert quantity * {"TNE": 1_000_000, "KGM": 1_000}[unit] == quantity_g
    assert quantity == round(quantity, 4)
    assert base == {"TNE": 1, "KGM": 1000}[unit]
