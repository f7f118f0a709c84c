"""The commands that look back and intervene, on both meters as real processes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from tests.integration.meter.in_process import done, ended, refused
from tests.integration.meter.test_meters import counted, parcel, view
from tests.support import Message, Sandbox, encoded, until

BY = ("--by", "anna", "--reason", "a test")


def failing(sandbox: Sandbox, service: str, *arguments: str) -> str:
    with pytest.raises(AssertionError, match="ended with") as raised:
        sandbox.command(service, *arguments)
    return str(raised.value)


async def stopped(sandbox: Sandbox, number: int) -> list[dict[str, Any]]:
    return await until(
        lambda: sandbox.rows("traffic_meter", "SELECT * FROM progress WHERE stopped <> ''"),
        lambda rows: len(rows) >= number,
    )


async def test_a_dead_letter_is_mended_and_counted_once_however_often_it_is_replayed(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    await sandbox.send([view(n) for n in range(20)] + [view(50, device="tin"), view(51, device="tin")])
    process = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 22)
    letters = json.loads(await done(sandbox, "dead-letters", "list", "--json"))
    assert [(letter["field"], letter["state"]) for letter in letters] == [("device", "open")] * 2
    first, second = letters[0]["source"], letters[1]["source"]
    shown = json.loads(await done(sandbox, "dead-letters", "show", first))
    assert '"device": "tin"' in shown["value"]
    mended = sandbox.folder / "mended.json"
    mended.write_bytes(view(int(shown["key"].removeprefix("v")))[2] or b"")
    assert "--reason" in await refused(sandbox, "dead-letters", "replay", first, "--by", "a", "--reason", "")
    await done(sandbox, "dead-letters", "replay", first, "--value", str(mended), *BY)
    await counted(sandbox, "traffic_meter", "site-traffic", 23)
    again: Message = ("site-traffic", b"v52", view(52)[2], None)
    await send_with_header(sandbox, again, first)
    await counted(sandbox, "traffic_meter", "site-traffic", 24)
    balance = await sandbox.balance("traffic_meter", "site-traffic")
    assert (balance["counted"], balance["duplicate"], balance["rejected"]) == (21, 1, 2)
    (sums,) = await sandbox.rows("traffic_meter", "SELECT sum(duplicate_unprovable) AS n FROM progress")
    assert sums["n"] == 0, "a replay keeps the key of its record"
    assert "replayed" in await refused(sandbox, "dead-letters", "replay", first, *BY)
    await done(sandbox, "dead-letters", "accept", second, *BY)
    assert "is accepted" in await refused(sandbox, "dead-letters", "replay", second, *BY)
    for taken in (first, second):
        why = await refused(sandbox, "dead-letters", "accept", taken, *BY)
        assert f"already replayed or accepted: {taken}" in why
    assert json.loads(await done(sandbox, "dead-letters", "list", "--json")) == []
    noted = json.loads(await done(sandbox, "interventions", "--json"))
    assert [(one["command"], one["who"], one["reason"]) for one in noted] == [
        ("dead-letters replay", "anna", "a test"),
        ("dead-letters accept", "anna", "a test"),
    ]
    await done(sandbox, "audit")
    assert sandbox.stop(process) == 0


async def test_letters_that_are_large_empty_forged_or_of_no_partition_hold_nothing_up(sandbox: Sandbox) -> None:
    """Replayed three times: each time one record for each position, and nothing to any other topic."""
    sandbox.prepare("traffic-meter")
    site = sandbox.prefix + "site-traffic"
    producer = AIOKafkaProducer(bootstrap_servers=sandbox.stack.bootstrap_servers, max_request_size=2_000_000)
    await producer.start()
    await producer.send_and_wait(site, b"{", key=b"many", partition=0, headers=[("", b"")] * 300_000)
    await producer.send_and_wait(site, None, key=b"none", partition=0)
    await producer.send_and_wait(site, b"{" * 1_048_500, key=b"full", partition=0)  # no room for one more header
    letter = [("reason", b"x"), ("field", b"x")]
    other = f"{sandbox.prefix}meter-readings/1/0/5"
    gone = f"{site}/1/7/0"
    for source in (other, gone):
        await producer.send_and_wait(site + ".dead-letter", b"forged", key=source.encode(), headers=letter)
    await producer.stop()
    process = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 3)
    many, none, full = (f"{site}/1/0/{offset}" for offset in range(3))
    shown = json.loads(await done(sandbox, "dead-letters", "show", many))
    assert (shown["value"], shown["key"], shown["cut"]) == ("{", "many", False)
    assert 0 < shown["headers_left_out"] < 200_000
    shown = json.loads(await done(sandbox, "dead-letters", "show", none))
    assert (shown["value"], shown["reason"]) == (None, "the record has no value")
    for time in range(1, 4):
        told = await ended(sandbox, "dead-letters", "replay", "--all", *BY)
        assert (told.exit_code, told.stdout) == (1, "2 dead letters sent again\n"), told.stderr
        assert f"{gone} is not sent: {site} has 2 partitions" in told.stderr
        assert f"{full} is not sent: with its headers it is larger than {site} takes" in told.stderr
        assert f"{other} is no dead letter of {site}: passed over" in told.stderr
        await counted(sandbox, "traffic_meter", "site-traffic", 3 + 2 * time)
    listed = json.loads(await done(sandbox, "dead-letters", "list", "--json"))
    assert sorted(row["source"] for row in listed) == sorted([gone, full, f"{site}/1/0/7", f"{site}/1/0/8"])
    assert [record for record in await sandbox.log("meter-readings") if record.value == b"forged"] == []
    assert {record.value for record in await sandbox.log("site-traffic")} == {b"{", None, b"{" * 1_048_500}
    await done(sandbox, "dead-letters", "accept", f"{site}/1/0/8", full, gone, *BY)
    (left,) = json.loads(await done(sandbox, "dead-letters", "list", "--json"))
    assert left["source"] == f"{site}/1/0/7"
    assert sandbox.stop(process) == 0


async def send_with_header(sandbox: Sandbox, message: Message, source: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=sandbox.stack.bootstrap_servers)
    await producer.start()
    topic, key, value, _ = message
    partition = int(source.rsplit("/", 3)[2])
    await producer.send_and_wait(
        sandbox.prefix + topic, value, key=key, partition=partition, headers=[("replays", source.encode())]
    )
    await producer.stop()


async def test_an_audit_agrees_with_what_was_counted_and_names_what_was_changed(sandbox: Sandbox) -> None:
    for service in ("traffic-meter", "delivery-emissions"):
        sandbox.prepare(service)
    await sandbox.send([*(view(n) for n in range(300)), *(view(n) for n in range(30))])
    await sandbox.send([parcel(n, revision, "updated", 100 + revision) for n in range(20) for revision in (1, 0)])
    processes = [sandbox.start(service) for service in ("traffic-meter", "delivery-emissions")]
    await counted(sandbox, "traffic_meter", "site-traffic", 330)
    await counted(sandbox, "delivery_emissions", "shipments", 40)
    assert [sandbox.stop(process) for process in processes] == [0, 0]
    sandbox.command("traffic-meter", "audit")
    sandbox.command("delivery-emissions", "audit")
    sandbox.command("traffic-meter", "check-keys", "--topic", sandbox.prefix + "site-traffic")
    await sandbox.rows("traffic_meter", "UPDATE registers SET events = events + 1 RETURNING 1")
    await sandbox.rows("delivery_emissions", "UPDATE registers SET activity[2] = 7 RETURNING 1")
    assert "stored" in failing(sandbox, "traffic-meter", "audit")
    assert "stored" in failing(sandbox, "delivery-emissions", "audit")


async def test_keys_that_are_not_ids_and_ids_in_two_partitions_are_found(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    twin = [("site-traffic", key, view(1)[2], None) for key in (b"a", b"b", b"c", b"d", b"e")]
    await sandbox.send([*(view(n) for n in range(10)), *twin])
    done = sandbox.ended("traffic-meter", "check-keys", "--topic", sandbox.prefix + "site-traffic")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "15 records, 5 keys that are not the id, 1 ids in 2 partitions", "  v1 in partitions [0, 1]",
    ]  # fmt: skip


async def test_a_topic_of_bad_records_stops_alone_until_it_is_lifted(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    process = sandbox.start("traffic-meter")
    await sandbox.send([view(n) for n in range(900)] + [view(n, device="tin") for n in range(2_000, 2_400)])
    rows = await stopped(sandbox, 2)
    assert all("too many bad records" in row["stopped"] for row in rows)
    assert {row["topic"] for row in rows} == {sandbox.prefix + "site-traffic"}
    mail = {
        "event_id": "m1", "occurred_at": json.loads(view(1)[2] or b"")["occurred_at"], "kind": "marketing",
        "recipients": 2, "bytes": 10,
    }  # fmt: skip
    await sandbox.send([("emails-sent", b"m1", encoded(mail), None)])
    await counted(sandbox, "traffic_meter", "emails-sent", 1)
    await sandbox.send([view(n) for n in range(3_000, 3_050)])
    sandbox.command("traffic-meter", "resume", "--topic", sandbox.prefix + "site-traffic", *BY)
    await counted(sandbox, "traffic_meter", "site-traffic", 1_350)
    balance = await sandbox.balance("traffic_meter", "site-traffic")
    assert (balance["counted"], balance["rejected"]) == (950, 400)
    assert sandbox.stop(process) == 0


async def test_a_partition_whose_log_changed_goes_on_in_a_new_epoch_without_a_restart(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    await sandbox.send([view(n) for n in range(40)])
    process = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 40)
    assert sandbox.stop(process) == 0
    await sandbox.rows("traffic_meter", "UPDATE progress SET anchor_sha256 = '\\x00' WHERE anchor_offset IS NOT NULL")
    process = sandbox.start("traffic-meter")
    for row in await stopped(sandbox, 2):
        place = ("--topic", row["topic"], "--partition", str(row["partition"]))
        assert "more than 1,000,000,000,000" in failing(
            sandbox, "traffic-meter", "reseat", *place, "--lost", "9" * 23, *BY
        )
        sandbox.command("traffic-meter", "reseat", *place, "--lost", "3", *BY)
    await counted(sandbox, "traffic_meter", "site-traffic", 40 + 40 + 6)
    rows = await sandbox.rows(
        "traffic_meter",
        "SELECT log_epoch, sum(lost) AS lost, sum(counted) AS counted FROM progress WHERE counted > 0 "
        "GROUP BY 1 ORDER BY 1",
    )
    assert [(row["log_epoch"], row["lost"], row["counted"]) for row in rows] == [(1, 0, 40), (2, 6, 40)]
    assert sandbox.stop(process) == 0


async def test_a_restated_day_is_sent_again_as_a_new_revision_and_later_registers_follow(sandbox: Sandbox) -> None:
    """Restated with a campaign default, which the later register, a view without bytes, takes."""
    sandbox.prepare("traffic-meter")
    await sandbox.send([view(n) for n in range(10)])
    process = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 10)
    readings = await until(sandbox.readings, lambda found: len(found[0]) >= 2)
    reading = next(iter(readings[0].values()))
    day = reading.quarter.date().isoformat()
    sandbox.command(
        "traffic-meter", "restate", "--day", day, "--factor-set", f"{reading.factor_set}+view_bytes=1000", *BY
    )
    await until(sandbox.readings, lambda found: all(one.revision == 1 for one in found[0].values()))
    await sandbox.send([view(100, country="DE", bytes_transferred=None)])
    newer = await until(sandbox.readings, lambda found: any(one.country == "DE" for one in found[0].values()))
    assert {one.revision for one in newer[0].values()} == {1}
    assert {one.factor_set for one in newer[0].values()} == {f"{reading.factor_set}+view_bytes=1000"}
    german = next(one for one in newer[0].values() if one.country == "DE")
    assert (german.events, german.activity) == (1, {"unmeasured_events": 1})
    assert german.emissions_ug is not None
    assert 100 < german.emissions_ug.central < 200  # a kilobyte, where the set's own default is 2.3 MB
    assert "no-such-set" in failing(
        sandbox, "traffic-meter", "restate", "--day", day, "--factor-set", "no-such-set", *BY
    )
    done = json.loads(sandbox.command("traffic-meter", "interventions", "--json"))
    assert {(one["command"], one["who"], one["reason"]) for one in done} == {("restate", "anna", "a test")}
    assert [(one["detail"]["channel"], one["detail"]["revision"]) for one in done] == [
        ("site", 1), ("email", 1), ("ads", 1),
    ]  # fmt: skip
    assert sandbox.stop(process) == 0


async def test_running_meters_send_everything_again_when_a_person_asks(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    await sandbox.send([view(n) for n in range(10)])
    process = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 10)

    async def told() -> int:
        return sum(b'"type":"reading"' in record.value for record in await sandbox.log("meter-readings"))

    before = await until(told, lambda number: number >= 2)
    sandbox.command("traffic-meter", "resend", *BY)
    await until(told, lambda number: number >= 2 * before)
    (done,) = json.loads(sandbox.command("traffic-meter", "interventions", "--json"))
    assert (done["command"], done["who"], done["reason"]) == ("resend", "anna", "a test")
    assert sandbox.stop(process) == 0
