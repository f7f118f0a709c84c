"""One run on real parts: the stack, the services as processes of their own, the campaign file, and the wait for it.

The demonstration and the replay of files differ only in where their records come from and what they compare; both use
``Session``::

    with Session(Path("var/demo"), campaigns=[...], console=Console()) as session:
        sent = session.send(records, total=283_000)  # with a progress bar
        session.open_settlements()
        report = session.wait_until_complete(seconds=120)

Leaving the block, by whatever way, ends every process that it started.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import httpx
from rich.console import Console

from demo.campaign_file import CampaignFile
from demo.checks import Check
from demo.outfolder import own_folder
from demo.progress import sending_bar, waiting_line
from demo.purchaser import PurchaserClient, held, waiting_for
from demo.records import TOPIC_SETTINGS, Record
from demo.send import Sent, end_offsets, send_records
from demo.services import Keeper, Service, ServiceFailed, by_hand, run_commands, short_tail, write_environment
from local_stack.stack import LocalStack
from shared.settings import KafkaSettings, TopicSettings

READY_SECONDS = 120.0
"""Start-up is imports and a connection each, two seconds; this covers a busy machine that compiles byte code first."""
HELD_SECONDS = 15.0
"""A settlement held this long for the same reason waits for a person, and nobody else is here."""
OWN_OUTPUTS = (
    *("documents", "charts", "logs", "env", "campaigns.yaml", "sandbox.sqlite", "summary.json", "proof.json"),
    *("report*.html", "statements.csv"),
)
"""What a session and its run may write below its folder; the same names of an earlier run are removed first."""


class Session:
    """The services and what they need, for the length of a ``with`` block. See the module's text for its use."""

    def __init__(
        self,
        out: Path,
        *,
        campaigns: Sequence[Mapping[str, Any]],
        console: Console,
        flush_interval_ms: int = 1000,
    ) -> None:
        """Prepare a session that writes below ``out``; ``campaigns`` are the entries of the campaign file.

        Nothing is started or written before the block is entered, and nothing at all (``Rejected``) when ``out`` holds
        files that no run wrote, or another run is writing there.
        """
        self.out = out
        self.documents = out / "documents"
        self.sandbox_url = ""
        self._campaigns = campaigns
        self._console = console
        self._flush_interval_ms = flush_interval_ms
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        """Start everything; ready when this returns."""
        try:
            self._exit.enter_context(_terminate_like_ctrl_c())
            self._exit.enter_context(own_folder(self.out, OWN_OUTPUTS))
            self._start()
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the services, then the stack; what was written stays."""
        self._exit.close()

    def send(self, records: Iterable[Record], *, total: int | None) -> Sent:
        """Send records at full speed, in order, with a progress bar; ``total`` None when nobody knows.

        Returns when Kafka has acknowledged every one of them.
        """
        with sending_bar(self._console, total) as on_sent:
            return asyncio.run(send_records(self.kafka, self.topics, records, on_sent=on_sent))

    def open_settlements(self) -> dict[str, dict[int, int]]:
        """Let the campaigns settle once what is in the source topics now has been counted; returns those offsets."""
        names = [self.topics.name(setting) for setting in TOPIC_SETTINGS]
        ends = asyncio.run(end_offsets(self.kafka, names))
        self.campaign_file.write(opens_after=ends)
        return ends

    def wait_until_complete(self, *, seconds: float) -> dict[str, Any]:
        """Wait for every settlement of the campaigns; returns the purchaser's report.

        Raises ``ServiceFailed``, with what was waited for and the ends of the logs, when that takes too long.
        """
        deadline = time.monotonic() + seconds
        days = self.campaign_file.days()
        was_held, held_since = "", 0.0
        with waiting_line(self._console) as show:
            while True:
                self.keeper.check()
                report = self.purchaser.report()
                waiting = waiting_for(report, days) or self._documents_on_their_way(report)
                if not waiting:
                    return report
                now, is_held = time.monotonic(), held(report, days)
                if is_held != was_held:
                    was_held, held_since = is_held, now
                if is_held and now > held_since + HELD_SECONDS:
                    raise ServiceFailed(f"Settlements are held until a person decides: {is_held}")
                if now > deadline:
                    raise ServiceFailed(self._overdue(waiting, seconds))
                show(waiting)
                self.purchaser.pause()

    def write_report(self, campaign: str, checks: Sequence[Check], languages: Sequence[str]) -> None:
        """Let the purchaser write its page of a campaign into the session's folder, with what the run compared."""
        proof = self.out / "proof.json"
        found = {
            "compared": len(checks),
            "differing": sum(not check.ok for check in checks),
            "restarts": sum(self.keeper.restarts.values()),
        }
        proof.write_text(json.dumps(found), encoding="utf-8")
        self.purchaser.write_report(campaign, self.out, languages, proof)

    def sandbox_orders(self) -> list[dict[str, Any]]:
        """The sandbox's own listing of every order it has."""
        answer = httpx.get(f"{self.sandbox_url}/v1/orders", timeout=30)
        orders: list[dict[str, Any]] = answer.raise_for_status().json()["orders"]
        return orders

    def _documents_on_their_way(self, report: Mapping[str, Any]) -> str:
        numbers = {s["document"] for entry in report["days"] for s in entry["settlements"] if s["document"]}
        missing = sorted(number for number in numbers if not (self.documents / f"{number}.pdf").exists())
        return f"files of {', '.join(missing)}" if missing else ""

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)

    def _start(self) -> None:
        self.stack = self._exit.enter_context(LocalStack.ephemeral(self._console))
        self.kafka = KafkaSettings(bootstrap_servers=self.stack.environment("traffic_meter")["KAFKA_BOOTSTRAP_SERVERS"])
        self.topics = TopicSettings()
        self.campaign_file = CampaignFile(self.out / "campaigns.yaml", self._campaigns, self.topics)
        self.campaign_file.write(opens_after=None)
        sandbox, *services = self._services()
        self._say("Creating tables and topics")
        run_commands([(service, command) for service in services for command in (("migrate",), ("topics", "create"))])
        self.keeper = Keeper(self.out / "logs", self._say)
        self._exit.callback(self.keeper.stop)
        self._say("Starting the services")
        for service in (sandbox, *services):
            environment = write_environment(self.out / "env", service)
            self.keeper.start(service)
            self._say(f"  {service.name}, by hand: {by_hand(service, environment)}")
        for service in (sandbox, *services):
            self._wait_ready(service)
        self.purchaser = PurchaserClient(services[-1])

    def _services(self) -> list[Service]:
        """The sandbox first: the purchaser looks for it when it starts."""
        common = {"LOG_FORMAT": "json", "METER_LOG_TIME": "recorded"}
        meter = common | {"METER_FLUSH_INTERVAL_MS": str(self._flush_interval_ms)}
        sandbox_port = free_port()
        self.sandbox_url = f"http://127.0.0.1:{sandbox_port}"
        self.documents.mkdir(parents=True, exist_ok=True)
        purchaser = common | {
            "PURCHASER_CAMPAIGNS_FILE": str(self.campaign_file.path.resolve()),
            "PURCHASER_DOCUMENTS_FOLDER": str(self.documents.resolve()),
            "PURCHASER_SANDBOX_URL": self.sandbox_url,
            "PURCHASER_MODE": "rehearsal",
        }
        return [
            Service(
                "sandbox",
                "offset-purchaser",
                ("sandbox", "--state", str((self.out / "sandbox.sqlite").resolve())),
                common | {"HTTP_PORT": str(sandbox_port)},
            ),
            self._service("traffic-meter", meter),
            self._service("delivery-emissions", meter),
            self._service("offset-purchaser", purchaser),
        ]

    def _service(self, name: str, own: Mapping[str, str]) -> Service:
        environment = self.stack.environment(name.replace("-", "_"))
        return Service(name, name, ("run",), environment | {"HTTP_PORT": str(free_port())} | dict(own))

    def _wait_ready(self, service: Service) -> None:
        url = f"http://127.0.0.1:{service.environment['HTTP_PORT']}/health/ready"
        deadline = time.monotonic() + READY_SECONDS
        reason = "no answer"
        while time.monotonic() < deadline:
            self.keeper.check()
            try:
                answer = httpx.get(url, timeout=2.0)
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            if answer.status_code == 200:
                return
            reason = answer.text
            time.sleep(0.1)
        raise ServiceFailed(f"{service.name} was not ready after {READY_SECONDS:.0f} s: {reason}\n{self._log_ends()}")

    def _overdue(self, waiting: str, seconds: float) -> str:
        return f"The settlements are not complete after {seconds:.0f} s: {waiting}\n{self._log_ends()}"

    def _log_ends(self, lines: int = 6) -> str:
        parts = []
        for name in self.keeper.restarts:
            parts.append(f"--- end of {self.keeper.log(name)}\n{short_tail(self.keeper.log(name), lines)}")
        return "\n".join(parts)


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _terminate_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM unwind the program as Ctrl-C does, while the context lasts."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
