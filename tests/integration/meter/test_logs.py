"""What a meter writes about events that hold more than they should: where they were, never what they said."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from tests.integration.meter.test_meters import counted, view
from tests.support import Message, Sandbox

PERSONAL = ("jane@example.com", "203.0.113.7", "Rue de la Paix", "session-4711", "Jane Roe")


async def test_the_log_names_topic_partition_and_offset_of_bad_records_and_nothing_personal(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    more = {"session_id": "session-4711", "page": "/Rue de la Paix"}
    bad: list[Message] = [
        view(1, device="jane@example.com", **more),
        view(2, bytes_transferred="203.0.113.7", **more),
        ("site-traffic", b"Jane Roe", b"Jane Roe, jane@example.com", None),
    ]
    await sandbox.send([view(0, **more), *bad])
    process = sandbox.start("traffic-meter", LOG_LEVEL="debug")
    await counted(sandbox, "traffic_meter", "site-traffic", 4)
    assert sandbox.stop(process) == 0
    text = next(sandbox.folder.glob("traffic-meter-*.log")).read_text()
    assert [word for word in PERSONAL if word in text] == []
    password = urlsplit(sandbox.dsn("traffic_meter")).password
    assert password
    assert password not in text
    lines = [json.loads(line) for line in text.splitlines()]
    letters = [line for line in lines if line["event"] == "records not counted, the first at"]
    assert {line["field"] for line in letters} == {"device", "bytes_transferred", "unreadable"}
    for line in letters:
        assert line["topic"] == sandbox.prefix + "site-traffic"
        assert (line["partition"] in (0, 1), line["offset"] >= 0, line["service"]) == (True, True, "traffic-meter")
