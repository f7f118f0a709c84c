"""The service as a process, and readings put on Kafka for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer
from tests.integration.purchaser.world import SellerProcess, free_port

from local_stack import LocalStack
from shared.readings import Progress, Reading, progress_key, reading_key

SCRIPT = str(Path(sys.executable).parent / "offset-purchaser")


class Purchaser:
    """One process of the service."""

    def __init__(self, stack: LocalStack, dsn: str, seller_process: SellerProcess, folder: Path, prefix: str) -> None:
        self.folder, self.port, self.prefix = folder, free_port(), prefix
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
            "POSTGRES_DSN": dsn,
            "TOPIC_PREFIX": prefix,
            "TOPIC_PARTITIONS": "2",
            "HTTP_PORT": str(self.port),
            "PURCHASER_CAMPAIGNS_FILE": str(folder / "campaigns.yaml"),
            "PURCHASER_DOCUMENTS_FOLDER": str(folder / "documents"),
            "PURCHASER_HTTP_TIMEOUT_S": "2",
            "PURCHASER_SANDBOX_URL": seller_process.url,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [SCRIPT, *arguments], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.command("report", "--json"))
        return found

    def start(self) -> None:
        log = (self.folder / "purchaser.log").open("ab")
        self.process = subprocess.Popen([SCRIPT, "run"], env=self.environment, stdout=log, stderr=log)

    def wait_ready(self) -> None:
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/health/ready").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError((self.folder / "purchaser.log").read_text()[-3000:])

    def wait_complete(self, seconds: float = 40) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            report = self.report()
            states = [s["state"] for day in report["days"] for s in day["settlements"]]
            if states and set(states) == {"complete"}:
                return report
            time.sleep(0.5)
        raise AssertionError(f"{report}\n{(self.folder / 'purchaser.log').read_text()[-3000:]}")

    def end(self, how: signal.Signals) -> float:
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(20)
        return time.monotonic() - began


async def publish(stack: LocalStack, topic: str, *messages: Reading | Progress | bytes | None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers)
    await producer.start()
    try:
        for m in messages:
            if isinstance(m, Reading | Progress):
                key = reading_key(m) if isinstance(m, Reading) else progress_key(m)
                await producer.send_and_wait(topic, m.model_dump_json().encode(), key=key.encode(), partition=0)
            else:
                await producer.send_and_wait(topic, m, key=b"strange", partition=0)
    finally:
        await producer.stop()
