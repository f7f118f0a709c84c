"""A spreadsheet that recomputes a settlement with formulas, so that an auditor need not trust this program."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from itertools import zip_longest

from babel.numbers import get_currency_precision
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from offset_purchaser.documents.dossier_data import DossierData, counted
from offset_purchaser.documents.tables import owed_step

_COLUMNS = ("quarter", "channel", "shop", "country", "payer", "detail", "treatment", "factor_group", "events")
_UG = ("low_ug", "central_ug", "high_ug")
_BOLD = Font(bold=True)
_STAMP = (1980, 1, 1, 0, 0, 0)


def workbook(data: DossierData) -> bytes:
    """The .xlsx bytes: sheets registers, groups, total and orders. The same data give the same bytes.

    Not promised: more than the 15 digits of a spreadsheet, exact for a day below 9,000 t.
    """
    book = _book(data)
    book.calculation.fullCalcOnLoad = True
    book.properties.creator = "offset-purchaser"
    book.properties.created = book.properties.modified = data.frozen_at.astimezone(UTC).replace(tzinfo=None)
    out = BytesIO()
    book.save(out)
    return _stamped(out.getvalue(), data.frozen_at)


def other_cell(content: bytes, data: DossierData, bytes_max: int) -> str:
    """What a spreadsheet holds that ``workbook`` would not write for these data; ``""`` when nothing. Its bytes differ
    between versions of the library that writes them, its cells do not."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            if sum(info.file_size for info in archive.infolist()) > bytes_max:
                return "it is too large to be read"
        found = load_workbook(BytesIO(content), read_only=True)
        return _other_cell(found, _book(data))
    except Exception as error:  # a file that somebody else wrote may raise anything
        return f"it is not a spreadsheet: {type(error).__name__}"


def _other_cell(found: Workbook, wanted: Workbook) -> str:
    if found.sheetnames != wanted.sheetnames:
        return f"it has the sheets {', '.join(found.sheetnames)}"
    for name in wanted.sheetnames:
        pairs = zip_longest(
            found[name].iter_rows(values_only=True), wanted[name].iter_rows(values_only=True), fillvalue=()
        )
        for row, (there, here) in enumerate(pairs, 1):
            if any(a != b for a, b in zip_longest(there, here)):
                return f"row {row} of sheet {name} differs"
    return ""


def _book(data: DossierData) -> Workbook:
    book = Workbook()
    book.remove(book.worksheets[0])
    _registers(book.create_sheet("registers"), data)
    groups = _groups(book.create_sheet("groups"), data)
    _total(book.create_sheet("total"), data, groups)
    _orders(book.create_sheet("orders"), data)
    return book


def _head(sheet: Worksheet, names: Sequence[str]) -> None:
    sheet.append(list(names))
    for cell in sheet[1]:
        cell.font = _BOLD
    sheet.freeze_panes = "A2"


def _text(value: str) -> str:
    """A text that a spreadsheet takes neither for a formula nor for nothing."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@") else value or "(none)"


def _registers(sheet: Worksheet, data: DossierData) -> None:
    _head(sheet, (*_COLUMNS, *_UG))
    for line in data.registers:
        row = line.model_dump(mode="json")
        sheet.append([row[name] if isinstance(row[name], int) else _text(row[name]) for name in (*_COLUMNS, *_UG)])


def _groups(sheet: Worksheet, data: DossierData) -> int:
    """One row for each factor group: grams counted, half widths, grams paid by others and, where the formula has them
    apart, ours. Returns the last row."""
    apart = ("own_g", "own_above_g") if data.formula > 1 else ()
    _head(
        sheet, ("factor_group", "low_g", "central_g", "high_g", "below_g", "above_g", "paid_g", "paid_above_g", *apart)
    )
    last = len(data.registers) + 1

    def sums(row: int, column: str, treatment: str) -> str:
        return (
            f"SUMIFS(registers!{column}$2:{column}${last},registers!$H$2:$H${last},A{row},"
            f'registers!$G$2:$G${last},"{treatment}")'
        )

    def halves(row: int, treatment: str) -> tuple[str, str]:
        central, high = (sums(row, column, treatment) for column in ("K", "L"))
        return f"={central}/1000000", f"=MAX({high}-{central},0)/1000000"

    groups = sorted({line.factor_group for line in counted(data.registers)})
    for row, group in enumerate(groups, 2):
        both = [f"=({sums(row, c, 'bought')}+{sums(row, c, 'paid_by_others')})/1000000" for c in ("J", "K", "L")]
        sheet.append(
            [
                _text(group),
                *both,
                f"=MAX(C{row}-B{row},0)",
                f"=MAX(D{row}-C{row},0)",
                *halves(row, "paid_by_others"),
                *(halves(row, "bought") if apart else ()),
            ]
        )
    return max(len(groups) + 1, 2)


def _total(sheet: Worksheet, data: DossierData, last: int) -> None:
    _head(sheet, ("step", "grams", "settled", "agrees"))

    def covered(central: str, above: str) -> str:
        widened = f"+SQRT(SUMSQ(groups!{above}2:{above}{last}))" if data.cover == "high" else ""
        return f"SUM(groups!{central}2:{central}{last}){widened}"

    def up(grams: str) -> str:
        return f"MAX(ROUNDUP(ROUND({grams},6),0),0)"

    if data.formula == 1:
        owed = up("B4" if data.cover == "high" else "B3")
        paid = ("paid by others, rounded down", f"=MIN(B5,MAX(ROUNDDOWN(ROUND({covered('G', 'H')},6),0),0))")
    else:
        owed = f"{up(covered('I', 'J'))}+B6"
        paid = ("paid by others, rounded up", f"={up(covered('G', 'H'))}")
    rows: list[tuple[str, object, int | None]] = [
        ("low", f"=B3-SQRT(SUMSQ(groups!E2:E{last}))", None),
        ("central", f"=SUM(groups!C2:C{last})", None),
        ("high", f"=B3+SQRT(SUMSQ(groups!F2:F{last}))", None),
        (owed_step(data), f"={owed}", data.owed_g),
        (*paid, data.paid_by_others_g),
        ("waived", data.waived_g, None),
        ("committed by earlier settlements", data.committed_g, None),
        ("needed", "=B5-B6-B7-B8", data.need_g),
    ]
    for number, (step, value, settled) in enumerate(rows, 2):
        agrees = None if settled is None else f'=IF(B{number}=C{number},"yes","NO")'
        sheet.append([step, value, settled, agrees])
    sheet.column_dimensions["A"].width = 36


def _orders(sheet: Worksheet, data: DossierData) -> None:
    _head(sheet, ("order_id", "provider", "quantity_g", "price_per_tonne", "currency", "computed", "charged", "fees"))
    for row, line in enumerate(data.orders, 2):
        price, charged = float(line.price_per_tonne), float(line.net_amount)
        texts = [str(line.order_id), _text(line.provider)]
        digits = get_currency_precision(line.currency)
        formulas = [f"=ROUND(C{row}*D{row}/1000000,{digits})", charged, f"=ROUND(G{row}-F{row},{digits})"]
        sheet.append([*texts, line.quantity_g, price, line.currency, *formulas])


def _stamped(content: bytes, moment: datetime) -> bytes:
    """The same archive with fixed entry times, so that equal data have equal bytes."""
    out = BytesIO()
    modified = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(BytesIO(content)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "docProps/core.xml":
                data = _fix_modified(data, modified)
            info = zipfile.ZipInfo(name, _STAMP)
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, data)
    return out.getvalue()


def _fix_modified(core: bytes, modified: bytes) -> bytes:
    """openpyxl writes the present as time of change; the freeze is the honest one."""
    start = core.index(b"<dcterms:modified")
    begin, end = core.index(b">", start) + 1, core.index(b"</dcterms:modified>")
    return core[:begin] + modified + core[end:]
