"""Runs a plan: only counts it, sends it to a Kafka that is there, or takes it through the whole main job."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from demo.checks import Check, document_checks, order_checks, settlement_checks
from demo.meter_log import MeterLog, read_meter_log
from demo.outfolder import own_folder
from demo.progress import sending_bar
from demo.records import TOPIC_SETTINGS
from demo.send import send_records
from demo.session import Session
from demo.summary import summary, write_summary
from replay.account import Lists
from replay.checks import meter_checks, money_checks, topic_checks
from replay.history import History
from replay.paced import send_paced
from replay.plan import Plan
from replay.progress import watched
from replay.tables import show_days_in_short, show_files
from shared.clock import system_clock
from shared.kafka import LogTime, TopicSpec, ensure_topics, source_topic
from shared.settings import KafkaSettings, TopicSettings

OUTPUTS = ("summary.json", "statements.csv")
"""What a run without services writes besides its lists; those of an earlier run are removed first."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run goes."""

    out: Path
    shop: str
    speed: float | None = None
    """Times the pace of the records; ``None`` is as fast as possible."""
    wait: float = 600.0


def count_only(plan: Plan, settings: Settings, console: Console) -> None:
    """Parse everything and send nothing: the account, and what would be rejected."""
    with own_folder(settings.out, OUTPUTS):
        with Lists(settings.out) as lists:
            for _ in watched(plan.records(lists), plan, console):
                pass
        _account(plan, settings, console)


def send_to(plan: Plan, settings: Settings, history: History, kafka: KafkaSettings, console: Console) -> None:
    """Send to a Kafka that is there already. Its meters and its purchaser do the rest, by their own campaign file."""
    with own_folder(settings.out, OUTPUTS):
        _send_to(plan, settings, history, kafka, console)
        _account(plan, settings, console)


def _send_to(plan: Plan, settings: Settings, history: History, kafka: KafkaSettings, console: Console) -> None:
    topics = TopicSettings.load()
    asyncio.run(ensure_topics(kafka, _recorded(topics), replication_factor=topics.replication_factor))
    contents = [entry.content for entry in plan.inputs]
    history.begin(contents)
    with Lists(settings.out) as lists, sending_bar(console, plan.total) as on_sent:
        records = plan.records(lists)
        if settings.speed is None:
            asyncio.run(send_records(kafka, topics, records, on_sent=on_sent))
        else:
            asyncio.run(send_paced(kafka, topics, records, settings.speed, on_sent=on_sent))
    history.finish(contents)


def _account(plan: Plan, settings: Settings, console: Console) -> None:
    plan.check()
    write_summary(settings.out / "summary.json", _files(plan, settings.out))
    show_files(console, plan)


def _recorded(topics: TopicSettings) -> list[TopicSpec]:
    """The source topics of a replay; new ones accept times ahead of the clock, which a shifted rehearsal has."""
    specs = []
    for setting in TOPIC_SETTINGS:
        source, dead = source_topic(topics, setting, LogTime.RECORDED)
        specs += [replace(source, config={**source.config, "message.timestamp.after.max.ms": str(2**63 - 1)}), dead]
    return specs


def kafka_at(bootstrap: str) -> KafkaSettings:
    """The Kafka at an address; TLS and SASL come from the environment, as for the services."""
    return KafkaSettings(_secrets_dir=os.environ.get("SECRETS_DIR"), bootstrap_servers=bootstrap)


def main_job(plan: Plan, settings: Settings, history: History, console: Console) -> list[Check]:
    """Stack, services, settlement, document; returns every comparison.

    The files are remembered at the end: what a run that broke off had sent is gone with its Kafka.
    """
    plan.insist_on_days_that_are_over(system_clock())
    campaign = plan.campaign(settings.shop)
    with Session(settings.out, campaigns=[campaign], console=console) as session:
        _send(plan, settings, session, console)
        plan.check()
        ends = session.open_settlements()
        report = session.wait_until_complete(seconds=settings.wait)
        log = asyncio.run(read_meter_log(session.kafka, session.topics, plan.scope(settings.shop)))
        checks = list(_checks(plan, session, ends, report, log))
        content = summary(report, log) | {"orders": report["orders"]} | _files(plan, settings.out)
        write_summary(settings.out / "summary.json", content)
        session.write_report(campaign["id"], checks, ("en",))
    contents = [entry.content for entry in plan.inputs]
    history.begin(contents)
    history.finish(contents)
    show_files(console, plan)
    show_days_in_short(console, content)
    return checks


def _send(plan: Plan, settings: Settings, session: Session, console: Console) -> None:
    with Lists(settings.out) as lists:
        records = plan.records(lists)
        if settings.speed is None:
            sent = session.send(records, total=plan.total)
            console.print(f"Sent {sent.total:,} records in {sent.seconds:.1f} s ({sent.rate:,.0f} a second).")
            return
        with sending_bar(console, plan.total) as on_sent:
            asyncio.run(send_paced(session.kafka, session.topics, records, settings.speed, on_sent=on_sent))


def _checks(
    plan: Plan, session: Session, ends: Mapping[str, Mapping[int, int]], report: Mapping[str, Any], log: MeterLog
) -> Iterator[Check]:
    sent = Counter[str]()
    for entry in plan.inputs:
        sent[entry.topic] += entry.tally.events
    names = {setting: session.topics.name(setting) for setting in TOPIC_SETTINGS}
    yield from topic_checks(sent, names, ends, report["balance"])
    yield from meter_checks([(entry.topic, entry.tally) for entry in plan.inputs], log)
    yield from settlement_checks(report, session.campaign_file.days())
    yield from money_checks(report)
    yield from order_checks(report, session.sandbox_orders())
    yield from document_checks(report, session.documents)


def _files(plan: Plan, out: Path) -> dict[str, Any]:
    content: dict[str, Any] = {"files": [entry.tally.summary() for entry in plan.inputs], "warnings": plan.warnings()}
    if plan.statements is not None:
        content["statements"] = list(plan.statements.summary())
        plan.statements.write(out / "statements.csv")
    return content
