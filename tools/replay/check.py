"""``replay mapping check`` and ``list``: what a mapping makes of a sheet, before anything is sent."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.table import Table

from replay.inputs import Options, examine_sheet
from replay.rows import State
from replay.sheets.mapping import load_mapping, packaged_mappings
from replay.sheets.read import Sheet
from replay.sheets.shape import SheetOptions
from replay.sheets.table import needed_columns


def show_first_rows(console: Console, path: Path, mapping: str, rows: int, zone: str) -> None:
    """Print the first rows as events, with their flags, or why they are not. Raises ``Rejected``."""
    Options(zone=zone).check()
    content = examine_sheet(path)
    found = load_mapping(mapping)
    sheet = Sheet(path, found, content.sha256, SheetOptions(zone=zone))
    for parsed in islice(sheet.rows(), rows):
        if parsed.state is not State.SENT:
            where = f"{parsed.field}: " if parsed.field else ""
            say = "rejected" if parsed.state is State.REJECTED else "not an event"
            console.print(f"row {parsed.row}: {say}, {where}{parsed.reason}", markup=False, highlight=False)
            continue
        console.print(f"row {parsed.row}: {', '.join(parsed.flags) or 'complete'}", markup=False, highlight=False)
        for record in islice(parsed.records, 3):
            console.print_json(json.dumps(json.loads(record.value), ensure_ascii=False))
        if len(parsed.records) > 3:
            console.print(f"  and {len(parsed.records) - 3} more events of this row", highlight=False)


def show_mappings(console: Console) -> None:
    """Print the packaged mappings with what they read."""
    table = Table(title="Packaged mappings", title_justify="left", header_style="bold")
    for name in ("name", "event", "about", "columns needed"):
        table.add_column(name, overflow="fold")
    for mapping in packaged_mappings():
        needed = "\n".join(" or ".join(names) for names in needed_columns(mapping))
        table.add_row(mapping.name, mapping.event, " ".join(mapping.about.split()), needed)
    console.print(table)
