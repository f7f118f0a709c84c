"""The progress bar of sending: count, rate and time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="progress.data.speed")


@contextmanager
def sending_bar(console: Console, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar while records are sent; tell the function how many more were acknowledged."""
    columns = (TextColumn("Sending"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("send", total=total)
        yield lambda count: progress.advance(task, count)


EVERY_S = 10.0
"""How often a log file is told what is waited for; on a terminal the line is always current."""


@contextmanager
def waiting_line(console: Console) -> Iterator[Callable[[str], None]]:
    """Show what is waited for: one moving line on a terminal, now and then a line in a file."""
    told = time.monotonic()

    def tell(text: str) -> None:
        nonlocal told
        if time.monotonic() >= told + EVERY_S:
            told = time.monotonic()
            console.print(f"Waiting: {text}", highlight=False, markup=False, soft_wrap=True)

    if not console.is_terminal:
        yield tell
        return
    with console.status("Waiting for the settlements") as status:
        yield lambda text: status.update(f"Waiting: {escape(text)}")
