"""The commands about dead letters: list, show, replay, accept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from shared.console import FAILED, out
from shared.errors import Rejected
from shared.kafka import SOURCE_MESSAGE_BYTES
from shared.meter import actions
from shared.meter.connected import AsJson, By, Definition, Reason, run, show_rows, tell
from shared.meter.interventions import Why


def _mended(value: Path) -> bytes:
    """The bytes of a file that a record can hold. Raises ``Rejected``."""
    if not value.is_file():
        raise Rejected(f"{value} is not a file", field="value")
    if value.stat().st_size > SOURCE_MESSAGE_BYTES:
        raise Rejected(f"{value} is larger than a record of {SOURCE_MESSAGE_BYTES:,} bytes", field="value")
    return value.read_bytes()


def letter_commands(app: typer.Typer, definition: Definition) -> None:
    """Add them to the group ``dead-letters``."""

    @app.command("list")
    def list_letters(
        every: Annotated[
            bool, typer.Option("--all", help="Those that were replayed, accepted or sent again, too.")
        ] = False,
        as_json: AsJson = False,
    ) -> None:
        """Open dead letters: of a record that was sent again and refused again, the newest.

        Example: dead-letters list --json
        """
        found = run(lambda environment, pool: actions.letters(environment, pool, definition(), tell))
        rows = [letter.row(state) for letter, state in found if every or state == "open"]
        show_rows("Dead letters", rows, as_json)

    @app.command()
    def show(source: Annotated[str, typer.Argument(help="topic/epoch/partition/offset")]) -> None:
        """One dead letter with its bytes, which may hold personal data.

        Example: dead-letters show site-traffic/1/0/4711
        """
        found = run(lambda environment, pool: actions.letters(environment, pool, definition(), tell))
        for letter, state in found:
            if letter.source == source:
                out.print_json(json.dumps(letter.shown(state)))
                return
        raise Rejected(f"no dead letter {source}", field="source")

    @app.command()
    def replay(
        reason: Reason,
        by: By,
        sources: Annotated[list[str] | None, typer.Argument(help="topic/epoch/partition/offset, several")] = None,
        every: Annotated[bool, typer.Option("--all", help="Every open one.")] = False,
        value: Annotated[
            Path | None,
            typer.Option(
                help="A file with the mended bytes, for one letter.", exists=True, dir_okay=False, readable=True
            ),
        ] = None,
    ) -> None:
        """Send dead letters again to their topics. Each position is counted once for ever, however often it is sent.

        Example: dead-letters replay site-traffic/1/0/4711 --value mended.json --by anna --reason 'device was misspelt'
        """
        why = Why(by, reason)
        mended = _mended(value) if value else None
        if mended is not None and (every or len(sources or []) != 1):
            raise Rejected("mended bytes are for one letter", field="value")
        meant, sent = run(
            lambda environment, pool: actions.replay(
                environment, pool, definition(), tell, sources or [], every=every, value=mended, why=why
            )
        )
        out.print(f"{sent} dead letters sent again")
        if sent < meant:
            raise typer.Exit(FAILED)

    @app.command()
    def accept(
        reason: Reason, by: By, sources: Annotated[list[str], typer.Argument(help="topic/epoch/partition/offset")]
    ) -> None:
        """Note that dead letters will not be counted.

        Example: dead-letters accept site-traffic/1/0/4711 --by anna --reason 'a test page'
        """
        why = Why(by, reason)
        run(lambda environment, pool: actions.accept(environment, pool, definition(), tell, sources, why))
        out.print(f"{len(set(sources))} dead letters accepted")
