"""One Kafka node, broker and controller in one process (KRaft), on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

from local_stack.errors import LocalStackError, explain_log
from local_stack.ports import LOOPBACK
from local_stack.process import Launch
from local_stack.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local_stack.process import Guarded

_READY = "Kafka Server started"

# Measured on two cores: the serial collector starts half a second sooner than the default one. The first compiler tier
# alone takes a third less processor time to start (2.8 s instead of 4.2 s), and no more for the first million records
# written and read (2.3 s instead of 2.9 s): Python clients are the limit here, and the processors are shared with them.
_JVM = ("-Xms128m", "-Xmx512m")
_FORMAT_JVM = ("-Xmx128m",)
_ALWAYS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true", "-XX:-UsePerfData")
_LOGGING = (
    "-Dorg.slf4j.simpleLogger.logFile=System.out",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    # Hundreds of lines at each start, all of them in server.properties or in Kafka's documentation.
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaConfig=warn",
)


def broker_properties(*, data: Path, broker_port: int, controller_port: int) -> dict[str, str]:
    """The node's settings. Retention, cleanup and timestamp type are left to the topics; see the comments."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{broker_port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{broker_port}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "log.dirs": str(data),
        # A topic somebody forgot to create is an error to see, not a topic with the wrong settings.
        "auto.create.topics.enable": "false",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        # After a crash the broker may only come back when its former session is over; by default that is nine seconds.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # One consumer at a time joins here; waiting for more of them only delays every start by three seconds.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # Replayed records carry times of long ago. Deleting by age would remove them while they are being read.
        "log.retention.ms": "-1",
        "log.retention.check.interval.ms": "60000",
        # The default is a fifth of this heap, kept for ever, for topics that fit into a fraction of it.
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    }


class Kafka(Server):
    """The node's folder and ports, over any number of runs."""

    name = "Kafka"
    # A cold disk and a busy machine of two cores need a fraction of it; longer means that it hangs.
    ready_seconds = 90.0

    def __init__(
        self, folder: Path, *, java: Path, jars: Sequence[Path], broker_port: int, controller_port: int, keep_data: bool
    ) -> None:
        """``jars``: the class path. Both ports must be free at each start."""
        super().__init__(folder, keep_data=keep_data)
        self.broker_port = broker_port
        self.controller_port = controller_port
        self._java = java
        self._class_path = os.pathsep.join(str(jar) for jar in jars)

    @property
    def log(self) -> Path:
        """Kafka's log of its own doings."""
        return self.folder / "kafka.log"

    @property
    def address(self) -> str:
        """For clients' ``bootstrap.servers``."""
        return f"{LOOPBACK}:{self.broker_port}"

    def prepare(self) -> Launch:
        """Write the settings, format the storage when it is new."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        (self.folder / "tmp").mkdir(exist_ok=True)
        properties = self._write_properties()
        if not (self._data / "meta.properties").exists():
            self._format(properties)
        return Launch(
            name=self.name,
            argv=self._command(_JVM, "kafka.Kafka", str(properties)),
            env=_environment(),
            folder=self.folder,
            log=self.log,
            stop_signal=signal.SIGTERM,
            discard_signal=signal.SIGKILL,
            keep_data=self.keep_data,
            remove=() if self.keep_data else (self.folder,),
            common=None if self.keep_data else self.folder.parent,
        )

    def is_ready(self, run: Guarded) -> bool:
        """By its log: the port opens seconds before the broker takes requests."""
        return _READY in run.log_text()

    def after_ready(self) -> None:
        """Nothing: topics are their owners' to create."""

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _write_properties(self) -> Path:
        settings = broker_properties(
            data=self._data, broker_port=self.broker_port, controller_port=self.controller_port
        )
        path = self.folder / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return path

    def _format(self, properties: Path) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        done = subprocess.run(
            self._command(
                _FORMAT_JVM, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(properties)
            ),
            env=_environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=self.ready_seconds,
            check=False,
        )
        if done.returncode:
            raise LocalStackError(explain_log(self.name, done.stdout + done.stderr))

    def _command(self, jvm: tuple[str, ...], *arguments: str) -> tuple[str, ...]:
        # The compression libraries unpack themselves there; in /tmp a killed JVM would leave them behind, as it would
        # its performance data.
        temporary = f"-Djava.io.tmpdir={self.folder / 'tmp'}"
        return (str(self._java), *jvm, *_ALWAYS, temporary, *_LOGGING, "-cp", self._class_path, *arguments)


def _environment() -> dict[str, str]:
    # Nothing of the caller's: JAVA_TOOL_OPTIONS or KAFKA_* of another installation must not change this broker.
    return {"PATH": os.defpath, "LANG": "C.UTF-8"}
