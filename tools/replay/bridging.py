"""Runs a bridge for a person: topics checked, progress shown, the account printed at its end."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rich.console import Console

from replay.account import Tally
from replay.bridge import Bridge
from replay.inputs import Options
from replay.run import kafka_at
from replay.sheets.mapping import load_mapping
from replay.sheets.shape import SheetOptions
from shared.kafka import LogTime, ensure_topics, source_topic
from shared.settings import KafkaSettings, TopicSettings


def bridge_topic(
    console: Console,
    source: str,
    mapping: str,
    bootstrap: str | None,
    options: SheetOptions,
    out: Path,
    *,
    recorded: bool,
    stop_at_end: bool,
    skip_lost: bool,
) -> Tally:
    """Bridge until Ctrl-C, or to the topic's present end; returns the account of this run."""
    Options(options.shop, options.zone, options.country, source_system=options.source_system).check()
    kafka = kafka_at(bootstrap) if bootstrap else KafkaSettings.load()
    topics, found = TopicSettings.load(), load_mapping(mapping)
    specs = source_topic(topics, found.kind.topic, LogTime.RECORDED if recorded else LogTime.APPEND)
    asyncio.run(ensure_topics(kafka, specs, replication_factor=topics.replication_factor))
    with console.status(f"Bridging {source}") as status:

        def show(tally: Tally) -> None:
            status.update(f"Bridging {source}: {_account(tally)}")

        bridge = Bridge(kafka, topics, source, found, options, out, stop_at_end, skip_lost, show)
        try:
            asyncio.run(bridge.run())
        except KeyboardInterrupt:
            console.print("Stopped; the next run goes on from here.")
    bridge.tally.check(None)
    console.print(f"{source}: {_account(bridge.tally)}", markup=False, highlight=False)
    return bridge.tally


def _account(tally: Tally) -> str:
    ends = f"{tally.sent:,} sent + {tally.not_traffic.total():,} not traffic + {tally.rejected:,} rejected"
    return f"{tally.rows:,} records = {ends}; {tally.events:,} events"
