"""The progress bar of a dry run: rows read, rate and time left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from replay.plan import Plan

T = TypeVar("T")
EVERY = 2_000
"""Records between two looks at the account."""


def watched(records: Iterable[T], plan: Plan, console: Console) -> Iterator[T]:
    """Pass records on and show how far the plan's files are read."""
    columns = (
        *(TextColumn("Reading"), BarColumn(), MofNCompleteColumn(), TaskProgressColumn(show_speed=True)),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("read", total=plan.total)
        for number, record in enumerate(records):
            yield record
            if number % EVERY == 0:
                progress.update(task, completed=_rows(plan))
        progress.update(task, completed=_rows(plan), total=_rows(plan))


def _rows(plan: Plan) -> int:
    return sum(entry.tally.rows for entry in plan.inputs)
