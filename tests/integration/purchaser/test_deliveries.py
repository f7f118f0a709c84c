"""Documents on their way, with a real PostgreSQL and a real SMTP server: each place once, whatever goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import World, everything
from tests.mailbox import Mailbox, mail_server

from offset_purchaser import metrics
from offset_purchaser.handlers.deliver import deliver, send_again
from offset_purchaser.handlers.observe import observe
from offset_purchaser.store import deliveries
from shared.errors import Rejected

NUMBER = "R-ST-RETAIL-FR-2026-00001"
TWO = CAMPAIGN.replace("    party:", "    documents_to: [finance@retail.example, audit@retail.example]\n    party:")
TOPIC = "offset-documents"


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as found:
        yield found


@pytest_asyncio.fixture
async def mailing(world: World, box: Mailbox) -> World:
    settings = world.context.settings.model_copy(
        update={"smtp_url": SecretStr(box.url), "smtp_from": "offsets@retail.example"}
    )
    world.context = replace(world.context, settings=settings)
    await world.campaigns(TWO)
    await world.feed(reading(), progress())
    return world


async def places(world: World) -> dict[str, tuple[str, int]]:
    return {row["target"]: (row["state"], row["attempts"]) for row in await deliveries.of_document(world.pool, NUMBER)}


def copies(box: Mailbox) -> list[tuple[Any, Any, bytes]]:
    found = []
    for mail in box.mails:
        (file,) = mail.iter_attachments()
        found.append((mail["To"], mail["Message-ID"], file.get_content()))
    return found


async def test_a_document_goes_to_the_folder_and_to_everybody_once_with_its_very_bytes(
    mailing: World, box: Mailbox
) -> None:
    await everything(mailing)
    issued = await mailing.pool.fetchval("SELECT bytes FROM document_files WHERE number = $1", NUMBER)
    assert (mailing.folder / "documents" / f"{NUMBER}.pdf").read_bytes() == issued
    assert [(str(to), file) for to, _, file in copies(box)] == [
        ("audit@retail.example", issued),
        ("finance@retail.example", issued),
    ]
    assert set((await places(mailing)).values()) == {("sent", 1)}
    assert len({message_id for _, message_id, _ in copies(box)}) == 2


async def test_a_server_that_takes_nothing_now_is_asked_again_later_and_each_mail_arrives_once(
    mailing: World, box: Mailbox
) -> None:
    box.answers += ["451 busy", "451 busy"]
    await everything(mailing)
    assert await places(mailing) == {
        "": ("sent", 1),
        "audit@retail.example": ("waiting", 1),
        "finance@retail.example": ("waiting", 1),
    }
    assert await deliver(mailing.context, mailing.term) == 0  # not due yet
    mailing.clock.pass_by(seconds=1)
    assert await deliver(mailing.context, mailing.term) == 2
    assert len(box.mails) == 2


async def test_a_lost_answer_makes_the_same_mail_go_out_again_under_the_same_id(mailing: World, box: Mailbox) -> None:
    box.answers += ["drop"]
    await everything(mailing)
    mailing.clock.pass_by(seconds=1)
    await deliver(mailing.context, mailing.term)
    first, second, third = copies(box)
    assert first == third
    assert second[1] != first[1]


async def test_a_refusal_stays_until_a_person_sends_it_again(mailing: World, box: Mailbox) -> None:
    box.answers += ["550 unknown person"]
    await everything(mailing)
    mailing.clock.pass_by(days=1)
    await deliver(mailing.context, mailing.term)
    (row,) = [row for row in await deliveries.of_document(mailing.pool, NUMBER) if row["state"] == "refused"]
    assert (row["target"], row["reason"]) == (
        "audit@retail.example",
        "the mail server refuses the mail: 550 unknown person",
    )
    await send_again(mailing.pool, NUMBER, mailing.clock, TOPIC)
    await deliver(mailing.context, mailing.term)
    assert await places(mailing) == {
        "": ("sent", 1),
        "audit@retail.example": ("sent", 2),
        "finance@retail.example": ("sent", 1),
    }


async def test_sending_again_is_idempotent_and_never_renders(mailing: World, box: Mailbox) -> None:
    await everything(mailing)
    before = copies(box)
    await send_again(mailing.pool, NUMBER, mailing.clock, TOPIC)
    await send_again(mailing.pool, NUMBER, mailing.clock, TOPIC)
    await deliver(mailing.context, mailing.term)
    assert copies(box) == before
    await mailing.pool.execute("UPDATE outbox SET sent_at = now()")
    for _ in range(2):
        await send_again(mailing.pool, NUMBER, mailing.clock, TOPIC, everything=True)
    await deliver(mailing.context, mailing.term)
    assert sorted(copies(box)[2:]) == sorted(before)
    events = [
        json.loads(row["value"])["event_id"]
        for row in await mailing.pool.fetch("SELECT value FROM outbox WHERE topic = $1 ORDER BY id", TOPIC)
    ]
    assert len(events) == 2
    assert len(set(events)) == 1


async def test_one_more_address_gets_the_document_once(mailing: World, box: Mailbox) -> None:
    await everything(mailing)
    for _ in range(2):
        await send_again(mailing.pool, NUMBER, mailing.clock, TOPIC, to="board@retail.example")
        await deliver(mailing.context, mailing.term)
    assert [str(to) for to, _, _ in copies(box)].count("board@retail.example") == 1
    with pytest.raises(Rejected, match="there is no document ST-1 with a file"):
        await send_again(mailing.pool, "ST-1", mailing.clock, TOPIC)


async def test_a_crash_between_the_bytes_and_their_places_loses_nothing(mailing: World, box: Mailbox) -> None:
    blocked = mailing.folder / "documents"
    blocked.write_text("a file where the folder should be")
    await everything(mailing)
    assert (await places(mailing))[""] == ("waiting", 1)
    blocked.unlink()
    await mailing.lead()  # another instance takes over
    mailing.clock.pass_by(seconds=1)
    await deliver(mailing.context, mailing.term)
    assert (blocked / f"{NUMBER}.pdf").exists()
    assert len(box.mails) == 2


async def test_without_a_mail_server_the_document_waits_and_says_for_what(world: World) -> None:
    await world.campaigns(TWO)
    await world.feed(reading(), progress())
    await everything(world)
    reasons = {row["target"]: row["reason"] for row in await deliveries.of_document(world.pool, NUMBER)}
    assert "PURCHASER_SMTP_URL and PURCHASER_SMTP_FROM are needed" in reasons["finance@retail.example"]
    await observe(world.context)
    assert metrics.DELIVERIES.labels("mail", "waiting")._value.get() == 2
    assert reasons[""] == ""
    state = await world.pool.fetchval("SELECT state FROM settlements")
    assert state == "complete"  # who reads the document is no question of the settlement
