"""An audit after Kafka's retention has taken the log away: from the archive, to the same registers."""

from __future__ import annotations

from pathlib import Path

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from tests.integration.meter.test_meters import counted, view
from tests.support import Sandbox


async def forget(sandbox: Sandbox, topic: str) -> None:
    """Let Kafka delete everything that is in a topic of two partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=sandbox.stack.bootstrap_servers)
    await admin.start()
    try:
        parts = [TopicPartition(sandbox.prefix + topic, number) for number in (0, 1)]
        await admin.delete_records({part: RecordsToDelete(before_offset=-1) for part in parts})
    finally:
        await admin.close()


async def test_an_audit_from_the_archive_agrees_after_the_log_is_gone(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.prepare("traffic-meter")
    process = sandbox.start("traffic-meter")
    archive = ("archive", "--to", str(tmp_path / "raw"), "--topic", sandbox.prefix + "site-traffic")
    await sandbox.send([view(n) for n in range(40)])
    await counted(sandbox, "traffic_meter", "site-traffic", 40)
    assert "2 files written" in sandbox.command("traffic-meter", *archive)
    await sandbox.send([*(view(n) for n in range(30, 60)), ("site-traffic", b"x", b"{", None)])
    await counted(sandbox, "traffic_meter", "site-traffic", 71)
    assert sandbox.stop(process) == 0
    assert "2 files written" in sandbox.command("traffic-meter", *archive)
    assert "0 files written" in sandbox.command("traffic-meter", *archive)

    await forget(sandbox, "site-traffic")
    audit = ("audit", "--topic", sandbox.prefix + "site-traffic")
    assert sandbox.ended("traffic-meter", *audit).returncode == 1
    with_archive = sandbox.ended("traffic-meter", *audit, "--archive", str(tmp_path / "raw"))
    assert with_archive.returncode == 0, with_archive.stdout + with_archive.stderr

    await sandbox.rows("traffic_meter", "UPDATE registers SET events = events + 1")
    forged = sandbox.ended("traffic-meter", *audit, "--archive", str(tmp_path / "raw"))
    assert forged.returncode == 1
    assert "the log says" in forged.stderr
