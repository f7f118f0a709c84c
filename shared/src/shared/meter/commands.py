"""Commands that look into a meter's past or intervene: audit, archive, keys, reseat, restate, resume, resend.

Those that change something ask for ``--reason`` and ``--by`` and leave a record (``interventions``).
"""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from shared.console import FAILED, new_app, out
from shared.factors import load_factor_set
from shared.meter import actions, interventions
from shared.meter.connected import AsJson, By, Definition, Reason, Topic, run, show_rows, tell
from shared.meter.interventions import Why
from shared.meter.letter_commands import letter_commands


def register_commands(app: typer.Typer, topics: typer.Typer, definition: Definition) -> None:
    """Add all of them to a meter's command line; ``topics`` is its group of commands about topics."""
    letters = new_app("Records that were not counted, with why.")
    app.add_typer(letters, name="dead-letters")
    letter_commands(letters, definition)
    _checks(app, definition)
    _archive(app, definition)
    _interventions(app, definition)
    _grow(topics, definition)


def _checks(app: typer.Typer, definition: Definition) -> None:
    @app.command()
    def audit(
        topic: Annotated[str, typer.Option(help="Only this topic (full name).")] = "",
        partition: Annotated[int | None, typer.Option(help="Only this partition.", min=0)] = None,
        archive: Annotated[Path | None, typer.Option(help="Archived records that Kafka no longer has.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Count partitions again from the log and compare with what is stored. Fails when anything differs.

        Example: audit --topic site-traffic --partition 0
        """
        findings = run(
            lambda environment, pool: actions.audit(environment, pool, definition(), topic, partition, archive)
        )
        rows = [
            {"topic": f.topic, "partition": "all" if f.partition < 0 else f.partition, "offsets": f.offsets,
             "registers": f.registers, "differences": len(f.differences), "notes": "; ".join(f.notes)} for f in findings
        ]  # fmt: skip
        show_rows("Audit", rows, as_json)
        for row, finding in zip(rows, findings, strict=True):
            for difference in finding.differences:
                typer.echo(f"{finding.topic}[{row['partition']}] {difference}", err=True)
        if any(finding.differences for finding in findings):
            raise typer.Exit(FAILED)

    @app.command("check-keys")
    def check_keys(
        topic: Topic,
        sample: Annotated[int, typer.Option(help="Newest records of each partition to look at.", min=1)] = 10_000,
    ) -> None:
        """Look for ids in two partitions and for keys that are not ids. Fails when there are any.

        Example: check-keys --topic site-traffic
        """
        check = run(lambda environment, _: actions.check_keys(environment, definition(), tell, topic, sample))
        twice = check.in_two_partitions
        out.print(
            f"{check.records} records, {check.not_ids} keys that are not the id, {len(twice)} ids in 2 partitions"
        )
        for identity in twice[:10]:
            out.print(f"  {identity} in partitions {sorted(check.places[identity])}", highlight=False)
        if check.not_ids or twice:
            raise typer.Exit(FAILED)


def _archive(app: typer.Typer, definition: Definition) -> None:
    @app.command("archive")
    def archive_command(
        to: Annotated[Path, typer.Option(help="Folder of the archive; made when it is not there.")],
        topic: Annotated[str, typer.Option(help="Only this topic (full name).")] = "",
    ) -> None:
        """Write the raw records that were counted since the last time into files with their hashes, for later audits.

        Example: archive --to /var/archive/site-traffic --topic site-traffic
        """
        to.mkdir(parents=True, exist_ok=True)
        made, failed = run(lambda environment, pool: actions.archive(environment, pool, definition(), tell, to, topic))
        for stretch in made:
            out.print(f"{stretch.path.name}  offsets {stretch.first} to {stretch.end - 1}", highlight=False)
        out.print(f"{len(made)} files written")
        if failed:
            raise typer.Exit(FAILED)


def _interventions(app: typer.Typer, definition: Definition) -> None:
    @app.command()
    def reseat(
        topic: Topic,
        partition: Annotated[int, typer.Option(help="The stopped partition.", min=0)],
        reason: Reason,
        by: By,
        lost: Annotated[int | None, typer.Option(help="Records lost with a topic that was made anew.", min=0)] = None,
        start: Annotated[
            int | None,
            typer.Option(
                "--from", help="First offset to count: of a log cut short, or behind what is unreadable.", min=0
            ),
        ] = None,
    ) -> None:
        """Go on with a partition whose log changed, in a new log epoch; what was lost is booked as lost.

        Counting begins at the first record there is. If the log was not made anew but cut short, its beginning was
        counted already: say with --from where the new records begin, or it counts twice. Repeats of records before it
        are recognised within the horizon, repeats of those that were cut off are not.

        Example: reseat --topic site-traffic --partition 0 --by anna --reason 'topic was re-created on Monday'
        """
        why = Why(by, reason)
        done = run(
            lambda environment, pool: actions.reseat(
                environment, pool, topic, partition, lost=lost, start=start, why=why
            )
        )
        out.print_json(json.dumps(done))

    @app.command()
    def restate(
        day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The UTC day.")],
        factor_set: Annotated[str, typer.Option(help="Id of the factor set, with campaign defaults if any.")],
        reason: Reason,
        by: By,
        channel: Annotated[str, typer.Option(help="Only this channel.")] = "",
    ) -> None:
        """Estimate a UTC day again with another factor set, and send its readings as a new revision.

        A campaign's own defaults stand behind the id: opens that came later are 2026.1+read_share=0.231.

        Example: restate --day 2026-11-27 --factor-set 2027-01 --by anna --reason 'grid factors of 2026 came out'

        Example: restate --day 2026-11-27 --channel email --factor-set 2026.1+read_share=0.231 --by anna --reason opens
        """
        why, only = Why(by, reason), date(day.year, day.month, day.day)
        load_factor_set(factor_set)  # must exist and be whole before anything is changed
        done = run(
            lambda environment, pool: actions.restate(
                environment, pool, definition(), channel=channel, day=only, factor_set=factor_set, why=why
            )
        )
        show_rows("Restated", done, as_json=False)

    @app.command()
    def resume(topic: Topic, reason: Reason, by: By) -> None:
        """Lift the stop of a topic that had too many bad records.

        Example: resume --topic site-traffic --by anna --reason 'the producer was mended'
        """
        why = Why(by, reason)
        partitions = run(lambda _, pool: interventions.resume(pool, topic, why))
        out.print(f"{partitions} partitions of {topic} go on")

    @app.command()
    def resend(reason: Reason, by: By) -> None:
        """Ask the running meters to send all recent readings again, as for a purchaser that lost some.

        Harmless at any time: readings are cumulative. A purchaser that starts from nothing asks by itself.

        Example: resend --by anna --reason 'the topic of readings was re-created'
        """
        why = Why(by, reason)
        run(lambda environment, pool: actions.resend(environment, pool, why))
        out.print("the running meters were asked to send their recent readings again")

    @app.command("interventions")
    def list_interventions(as_json: AsJson = False) -> None:
        """What people did to this meter: who, when, why.

        Example: interventions --json
        """
        show_rows("Interventions", run(lambda _, pool: interventions.interventions(pool)), as_json)


def _grow(topics: typer.Typer, definition: Definition) -> None:
    @topics.command()
    def grow(
        topic: Topic,
        partitions: Annotated[int, typer.Option(help="How many it shall have in all.", min=1)],
        reason: Reason,
        by: By,
    ) -> None:
        """Give a source topic more partitions, and before it meter-readings and its dead-letter topic.

        Keys move to other partitions, and ids are recognised as duplicates within one partition: let producers pause
        for the topic's horizon first (docs/runbook.md). Meters notice by themselves; settlements wait for the new ones.

        Example: topics grow --topic site-traffic --partitions 8 --by anna --reason 'the peak of 2026 was twice as high'
        """
        why = Why(by, reason)
        had = run(lambda environment, pool: actions.grow(environment, pool, definition(), topic, partitions, why))
        for name, before in had.items():
            out.print(f"{name}: {before} partitions" + (f", now {partitions}" if before < partitions else ", enough"))
