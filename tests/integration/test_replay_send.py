"""Files to a Kafka that is there already: recorded times, the pace of the records, no file twice."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from typer.testing import CliRunner, Result

from demo.records import Record
from demo.send import end_offsets
from local_stack import LocalStack
from replay.cli import app
from replay.paced import send_paced
from shared.errors import Rejected
from shared.events import SiteTraffic
from shared.kafka import LogTime, ensure_topics, source_topic
from shared.settings import KafkaSettings, TopicSettings

LINE = '192.0.2.1 - - [{time} +0000] "GET /{n} HTTP/1.1" 200 {n} "-" "-"\n'


@pytest.fixture
def kafka(stack: LocalStack) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=stack.bootstrap_servers)


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> TopicSettings:
    monkeypatch.setenv("TOPIC_PREFIX", f"s{uuid.uuid4().hex[:8]}-")
    return TopicSettings.load()


async def read(kafka: KafkaSettings, name: str) -> list[Any]:
    ends = (await end_offsets(kafka, [name]))[name]
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(name, partition) for partition in ends])
    found: list[Any] = []
    while len(found) < sum(ends.values()):
        for records in (await consumer.getmany(timeout_ms=200)).values():
            found += records
    await consumer.stop()
    return found


Run = Callable[..., Result]


@pytest.fixture
def run(kafka: KafkaSettings, topics: TopicSettings, tmp_path: Path) -> Run:
    def invoke(path: Path, *more: str) -> Result:
        arguments = ["run", "--log", str(path), "--bootstrap", kafka.bootstrap_servers, "--out", str(tmp_path / "out")]
        return CliRunner().invoke(app, [*arguments, *more])

    return invoke


def log(path: Path, count: int) -> Path:
    moments = [datetime(2015, 5, 17, 10, minute // 60, minute % 60, tzinfo=UTC) for minute in range(count)]
    path.write_text("".join(LINE.format(time=f"{m:%d/%b/%Y:%H:%M:%S}", n=n) for n, m in enumerate(moments, 1)))
    return path


def test_every_record_carries_the_time_of_its_line(
    kafka: KafkaSettings, topics: TopicSettings, run: Run, tmp_path: Path
) -> None:
    import asyncio

    result = run(log(tmp_path / "a.log", 50))
    assert result.exit_code == 0, result.output
    assert "50 rows = 50 sent + 0 not traffic + 0 rejected" in result.output
    records = asyncio.run(read(kafka, topics.name("site_traffic")))
    assert len(records) == 50
    for record in records:
        event = SiteTraffic.model_validate_json(record.value)
        assert record.key == event.event_id.encode()
        assert record.timestamp == int(event.occurred_at.timestamp() * 1000)
    (entry,) = json.loads((tmp_path / "out" / "summary.json").read_text())["files"]
    assert (entry["sent"], entry["bytes"]) == (50, 50 * 51 // 2)


def test_a_file_is_not_sent_twice_by_mistake(
    kafka: KafkaSettings, topics: TopicSettings, run: Run, tmp_path: Path
) -> None:
    import asyncio

    path = log(tmp_path / "a.log", 5)
    assert run(path).exit_code == 0
    renamed = path.rename(tmp_path / "b.log")
    refused = run(renamed)
    assert isinstance(refused.exception, Rejected)
    assert "b.log was replayed on" in str(refused.exception)
    assert run(renamed, "--again").exit_code == 0
    records = asyncio.run(read(kafka, topics.name("site_traffic")))
    assert len(records) == 10
    assert len({record.key for record in records}) == 5


def test_a_topic_that_the_broker_stamps_is_refused(
    kafka: KafkaSettings, topics: TopicSettings, run: Run, tmp_path: Path
) -> None:
    import asyncio

    specs = source_topic(topics, "site_traffic", LogTime.APPEND)
    asyncio.run(ensure_topics(kafka, specs, replication_factor=1))
    result = run(log(tmp_path / "a.log", 5))
    assert isinstance(result.exception, Rejected)
    assert "message.timestamp.type" in str(result.exception)
    assert not (tmp_path / "out" / "replayed.json").exists()


def test_a_rehearsal_may_lie_ahead_of_the_clock(
    kafka: KafkaSettings, topics: TopicSettings, run: Run, tmp_path: Path
) -> None:
    import asyncio

    result = run(log(tmp_path / "a.log", 5), "--shift-to", "2090-01-01")
    assert result.exit_code == 0, result.output
    records = asyncio.run(read(kafka, topics.name("site_traffic")))
    assert {datetime.fromtimestamp(record.timestamp / 1000, UTC).year for record in records} == {2090}


async def test_records_are_sent_at_their_own_pace(kafka: KafkaSettings, topics: TopicSettings) -> None:
    await ensure_topics(kafka, source_topic(topics, "site_traffic", LogTime.RECORDED), replication_factor=1)
    began = time.monotonic()
    moments: list[float] = []

    def records() -> Any:
        for number in range(4):
            yield Record("site_traffic", b"%d" % number, b"{}", 1_431_857_100_000 + number * 5000)

    sent = await send_paced(
        kafka, topics, records(), 10.0, on_sent=lambda count: moments.extend([time.monotonic() - began] * count)
    )
    assert sent == len(moments) == 4
    assert moments[-1] >= 1.5
    assert len(set(moments)) > 1
