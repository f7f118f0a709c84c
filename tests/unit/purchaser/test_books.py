"""Reconciliation finds what disagrees; the journal is what accounting programs read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from tests.unit.purchaser.builders import campaign

from offset_purchaser.handlers.payments import parse
from offset_purchaser.journal import MoneyEntry, accrual, between, carried_accrual, fec, journal_csv, numbered
from offset_purchaser.reconcile import DayLine, DocumentFact, OrderFact, PurchaseFact, reconcile, summed
from offset_purchaser.terms import AccountMap
from shared.errors import Rejected

DAY = date(2026, 11, 27)


def line(**grams: int) -> DayLine:
    return DayLine("e", "bf", DAY, grams)


def test_a_day_whose_grams_all_have_an_answer_balances() -> None:
    day = line(emitted=-1000, bought=600, carried=100, waived=50, paid_by_others=250)
    assert reconcile([day], {("bf", DAY): (1000, 250, 50)}, [], [], {}).broken == ()


def test_a_missing_gram_is_named() -> None:
    day = line(emitted=-1000, bought=999)
    found = reconcile([day], {("bf", DAY): (1000, 0, 0)}, [], [], {})
    assert found.broken == ("bf 2026-11-27: 1 g of 1000 g emitted are not accounted for",)


def test_a_ledger_that_disagrees_with_its_settlement_is_named() -> None:
    found = reconcile([line(emitted=-10, bought=10)], {("bf", DAY): (11, 0, 0)}, [], [], {})
    assert found.broken == (
        "bf 2026-11-27: the ledger says (10, 0, 0), the settlement (11, 0, 0) (owed, paid by others, waived)",
    )


def test_negative_carry_is_broken_and_surplus_is_printed() -> None:
    found = reconcile([], {}, [], [], {("e", "sandbox"): (0, -1), ("e", "manual"): (5, 0)})
    assert found.broken == ("e at sandbox: negative carry (surplus 0 g, carried -1 g)",)
    assert found.open == ("e at manual: 5 g bought and unallocated",)


def test_an_order_booked_differently_and_an_unknown_one_are_named() -> None:
    euro = (Decimal(1), "EUR", None)
    orders = [OrderFact("a", "confirmed", 10, 10, 9, *euro), OrderFact("b", "unknown", 10, None, 0, *euro)]
    found = reconcile([], {}, orders, [], {})
    assert found.broken == ("order a: 10 g confirmed, 9 g booked",)
    assert found.open == ("order a: no document yet", "order b: 10 g, outcome unknown")


@pytest.mark.parametrize(
    ("paid", "broken", "still"),
    [
        (None, 0, "document D: 22 EUR, whether it is paid is unknown"),
        (Decimal(20), 0, "document D: 2 EUR of 22 unpaid"),
        (Decimal(22), 0, None),
        (Decimal(23), 1, None),
    ],
)
def test_what_is_paid_is_compared_or_said_to_be_unknown(paid: Decimal | None, broken: int, still: str | None) -> None:
    euro22 = Decimal(22)
    document = DocumentFact("D", 10, 10, euro22, euro22, euro22, euro22, "EUR", paid)
    found = reconcile([], {}, [], [document], {})
    assert len(found.broken) == broken
    assert found.open == (() if still is None else (still,))


def entries() -> list[MoneyEntry]:
    rest = ("EUR", "sandbox", "ST-1", DAY, "document ST-1", "bf", DAY)
    return [
        MoneyEntry("p1", DAY, "expense", Decimal("22.00"), *rest),
        MoneyEntry("p1", DAY, "payable", Decimal("-22.00"), *rest),
        MoneyEntry("p2", DAY, "payable", Decimal("22.00"), *rest),
        MoneyEntry("p2", DAY, "bank", Decimal("-22.00"), *rest),
    ]


def test_the_fec_has_its_18_columns_decimal_commas_and_numbers_without_a_gap() -> None:
    rows = [row.split("\t") for row in fec(numbered(entries()), AccountMap(), "EUR").split("\r\n") if row]
    assert [len(row) for row in rows] == [18] * 5
    assert rows[0] == [
        "JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum",
        "CompAuxLib", "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit", "EcritureLet", "DateLet", "ValidDate",
        "Montantdevise", "Idevise",
    ]  # fmt: skip
    assert rows[2] == [
        "CO2", "Contributions climat", "1", "20261127", "401", "Fournisseurs", "sandbox", "sandbox", "ST-1",
        "20261127", "document ST-1", "0,00", "22,00", "", "", "20261127", "", "",
    ]  # fmt: skip
    assert [row[2] for row in rows[1:]] == ["1", "1", "2", "2"]
    assert rows[1][3:6] == ["20261127", "6288", "Autres charges externes"]
    assert rows[2][11:13] == ["0,00", "22,00"]


def test_debits_equal_credits_in_the_csv() -> None:
    rows = [row.split(",") for row in journal_csv(numbered(entries()), AccountMap()).split("\r\n") if row][1:]
    assert sum(Decimal(row[8]) for row in rows) == sum(Decimal(row[9]) for row in rows) == 44


def test_the_accrual_is_at_the_legs_price_and_reversed_the_next_day() -> None:
    found = accrual(campaign(), {"sandbox": 2_000_000}, {}, date(2026, 12, 31))
    assert [(e.booked_on, e.account, e.amount) for e in found] == [
        (date(2026, 12, 31), "expense", Decimal("44.00")),
        (date(2026, 12, 31), "accrual", Decimal("-44.00")),
        (date(2027, 1, 1), "expense", Decimal("-44.00")),
        (date(2027, 1, 1), "accrual", Decimal("44.00")),
    ]


def test_a_payments_file_is_refused_with_every_line_that_is_wrong() -> None:
    head = "reference,document,paid_on,amount,currency"
    rows = ["r1,ST-1,2026-12-01,22,EUR", "r2,ST-1,yesterday,22,EUR", "r3,ST-1,2026-12-01,-1,EUR"]
    data = "\n".join([head, *rows]).encode()
    with pytest.raises(Rejected) as caught:
        parse(data, "p.csv")
    assert str(caught.value).splitlines() == [
        "p.csv:3: paid_on: yesterday is not a day; write 2026-12-01",
        "p.csv:4: amount: -1 is not above zero",
    ]


def test_a_payments_file_without_its_columns_says_which() -> None:
    with pytest.raises(Rejected, match="missing: currency"):
        parse(b"reference,document,paid_on,amount\n", "p.csv")


def test_the_fec_is_in_the_currency_of_the_books_and_balances_to_the_cent() -> None:
    rest = ("GBP", "sandbox", "ST-1", DAY, "document ST-1", "bf", DAY)
    pounds = [
        MoneyEntry("p1", DAY, "expense", Decimal("33.33"), *rest),
        MoneyEntry("p1", DAY, "vat", Decimal("6.67"), *rest),
        MoneyEntry("p1", DAY, "payable", Decimal("-40.00"), *rest),
    ]
    with pytest.raises(Rejected, match=r"document ST-1 is in GBP: say what one GBP is worth"):
        fec(numbered(pounds), AccountMap(), "EUR")
    text = fec(numbered(pounds), AccountMap(rates={"GBP": Decimal("1.171")}), "EUR")
    rows = [row.split("\t") for row in text.split("\r\n") if row][1:]
    assert [row[11:13] for row in rows] == [["39,03", "0,00"], ["7,81", "0,00"], ["0,00", "46,84"]]
    assert [row[16:18] for row in rows] == [["33,33", "GBP"], ["6,67", "GBP"], ["40,00", "GBP"]]


def test_grams_are_summed_per_campaign_and_entity() -> None:
    lines = [
        DayLine("e", "a", DAY, {"emitted": -10, "bought": 10}),
        DayLine("e", "b", DAY, {"emitted": -5, "carried": 5}),
    ]
    found = [(what, name, line.emitted, line.difference) for what, name, line in summed(lines)]
    assert found == [("campaign", "a", 10, 0), ("campaign", "b", 5, 0), ("entity", "e", 15, 0)]


def test_an_order_that_its_provider_cancelled_after_the_purchase_is_broken() -> None:
    order = OrderFact("a", "confirmed", 10, 10, 10, Decimal(1), "EUR", "ST-1", "cancelled")
    assert reconcile([], {}, [order], [], {}).broken == (
        "order a: bought here (document ST-1), cancelled at its provider",
    )


def test_the_accrual_of_several_legs_accounts_for_every_gram() -> None:
    legs = [
        {"provider": "sandbox", "name": name, "share": share, "price_per_tonne": "1000000", "currency": "EUR"}
        for name, share in (("a", "33.3"), ("b", "33.3"), ("c", "33.4"))
    ]
    found = accrual(campaign(legs=legs), {"a": 60, "c": 40, "b": -3}, {}, date(2026, 12, 31))
    booked = [(e.label, e.amount) for e in found if e.account == "expense" and e.booked_on.year == 2026]
    assert booked == [("bf: 60 g owed, not bought (a)", 60), ("bf: 40 g owed, not bought (c)", 40)]


def test_what_is_carried_is_accrued_once_at_the_newest_price_and_less_what_is_over() -> None:
    older, newer = campaign(), campaign(
        id="next", first_day="2026-12-10", last_day="2026-12-11",
        legs=[{"provider": "sandbox", "price_per_tonne": "30", "currency": "EUR"}],
    )  # fmt: skip
    on = date(2026, 12, 31)
    found = carried_accrual([older, newer], {"sandbox": (100_000, 600_000), "elsewhere": (0, 5)}, on)
    assert [e.amount for e in found if e.account == "expense"] == [Decimal("15.00"), Decimal("-15.00")]
    assert carried_accrual([older, newer], {"sandbox": (600_000, 600_000)}, on) == []


def test_a_posting_has_the_same_number_in_every_export_of_its_year() -> None:
    rest = ("EUR", "sandbox", "ST-1", DAY, "x", "bf", DAY)
    days = {"p1": date(2026, 11, 27), "p2": date(1999, 1, 1), "p3": date(2027, 1, 2), "p4": date(2026, 12, 1)}
    ledger = [MoneyEntry(name, day, account, amount, *rest) for name, day in days.items() for account, amount in
              (("expense", Decimal(1)), ("payable", Decimal(-1)))]  # fmt: skip
    lines = numbered(ledger)
    first, last = date(2026, 1, 1), date(2026, 12, 31)
    assert [(e.entry.posting, e.number) for e in between(lines, first, last)] == [("p1", 1)] * 2 + [("p4", 2)] * 2
    assert [e.number for e in between(lines, date(2026, 12, 1), last)] == [2, 2]
    assert [e.number for e in between(lines, date(2027, 1, 1), date(2027, 12, 31))] == [1, 1]
    assert len(between(lines, None, date(2099, 1, 1))) == 8


def test_a_currency_of_three_decimals_keeps_them_and_adds_up() -> None:
    rest = ("TND", "sandbox", "ST-1", DAY, "x", "bf", DAY)
    amounts = {"expense": "1.234", "vat": "0.234", "payable": "-1.468"}
    lines = numbered([MoneyEntry("p", DAY, name, Decimal(amount), *rest) for name, amount in amounts.items()])
    rows = [row.split(",") for row in journal_csv(lines, AccountMap()).split("\r\n") if row][1:]
    assert [row[8:10] for row in rows] == [["1.234", "0.000"], ["0.234", "0.000"], ["0.000", "1.468"]]
    fec_rows = [row.split("\t") for row in fec(lines, AccountMap(), "TND").split("\r\n") if row][1:]
    assert [row[11:13] for row in fec_rows] == [["1,234", "0,000"], ["0,234", "0,000"], ["0,000", "1,468"]]


def test_days_that_are_bought_together_are_judged_together() -> None:
    lines = [
        DayLine("e", "bf", DAY, {"emitted": -10, "committed": 10}),
        DayLine("e", "bf", date(2026, 11, 28), {"emitted": -10, "committed": -10, "bought": 20}),
    ]
    frozen = {("bf", line.day): (10, 0, 0) for line in lines}
    apart = reconcile(lines, frozen, [], [], {})
    assert apart.open == ("bf 2026-11-27: 10 g are not bought yet", "bf 2026-11-28: -10 g are not bought yet")
    assert reconcile(lines, frozen, [], [], {}, together={("bf", DAY): date(2026, 11, 28)}).open == ()


def test_shares_that_came_after_their_purchase_are_broken() -> None:
    fact = PurchaseFact("bf", DAY, 1, "manual", 2_000_000, 4_000_000)
    found = reconcile([], {}, [], [], {}, purchases=[fact])
    assert found.broken == (
        "bf: the settlements need 4000000 g of manual under 2026-11-27 (1), its purchase was planned for 2000000 g",
    )


def test_no_cell_of_the_journal_is_a_formula() -> None:
    rest = ("EUR", "sandbox", "=cmd()", DAY, "a\tb", "bf", DAY)
    text = journal_csv(numbered([MoneyEntry("p", DAY, "expense", Decimal(1), *rest)]), AccountMap())
    assert ",'=cmd()," in text
    assert "a b" in text
