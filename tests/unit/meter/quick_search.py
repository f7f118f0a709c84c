"""Looks for a record that the quick reader takes otherwise than the contract does:

python -m tests.unit.meter.quick_search --records 5000000 --seed 7
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from shared.decode import RAW_TIME, BatchDecoder
from shared.events import SiteTraffic
from traffic_meter.quick_rows import QuickRows

FIELDS = (*(name for name in SiteTraffic.model_fields if name != "occurred_at"), RAW_TIME)
OPTIONAL = [name for name, info in SiteTraffic.model_fields.items() if not info.is_required()]
GOOD: dict[str, Any] = {
    "schema_version": 1,
    "event_id": "6a1d4f9e-9a77-4c60-8d2b-000000000001",
    "occurred_at": "2026-11-27T20:59:12.125+01:00",
    "shop": "default",
    "source_system": "web",
    "country": "FR",
    "kind": "view",
    "session_id": "é-1",
    "page": "https://shop.example/fr-fr/p/smartphone-1?a=b",
    "device": "laptop",
    "bytes_transferred": 2_000_000,
    "dwell_ms": 0,
    "hosting_country": None,
}
TOKENS = (
    *(b"0", b"-0", b"1", b"01", b"1.0", b"1e0", b"1E+2", b"-1", b"1.", b".5", b"+1", b"100000000000", b"100000000001"),
    *(b"9" * 25, b"9" * 5_000, b"1e999", b"NaN", b"Infinity", b"-Infinity", b"null", b"true", b"false", b"nul", b"{}"),
    *(b"[]", b"[1]", b'{"a":[{}]}', b"[" * 250 + b"]" * 250, b"[1,]", b'""', b'"FR"', b'"fr"', b'"UK"', b'"view"'),
    *(b'"default"', b'"a-shop"', b'"a shop"', b'"FR\\n"', b'"default\\n"', b'"shop\n"', b'"\\u0000"', b'"\\\\u0000"'),
    *(b'"\\ud83d\\ude00"', b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\u0041"', b'"\\u12"', b'"\\q"', b'"\\/"', b'"\x7f"'),
    *(b'"\xc3\xa9"', b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\xf4\x90\x80\x80"', b'"\xf0\x9f\x98\x80"', b"'a'"),
    *(b'"' + b"x" * n + b'"' for n in (32, 33, 128, 129, 1_024, 1_025)),
    *(b'"' + "é".encode() * n + b'"' for n in (128, 129)),
    *(b'"2026-11-27T20:59:12Z"', b'"2026-11-27T20:59:12"', b'"2026-02-30T00:00:00Z"', b'"1764363552"', b'"soon"'),
)
BYTES = b'"\\{}[]:,0129.eE+-ntfu \t\n\r\x00\x01\x0b\x1f\x7f\xc3\xa9\xff\xed/'


def record(chance: random.Random) -> bytes:
    """A page view with up to three things done to it."""
    names = [name for name in GOOD if chance.random() < 0.9]
    chance.shuffle(names)
    pairs = [(json.dumps(name).encode(), json.dumps(GOOD[name], ensure_ascii=False).encode()) for name in names]
    for _ in range(chance.choice((0, 1, 1, 2))):
        at = chance.randrange(len(pairs) + 1)
        name, value = chance.choice(pairs) if pairs else (b'"kind"', b'"view"')
        match chance.randrange(4):
            case 0 if at < len(pairs):
                pairs[at] = (pairs[at][0], chance.choice(TOKENS))
            case 1:
                pairs.insert(at, (name, chance.choice((value, chance.choice(TOKENS)))))
            case 2:
                pairs.insert(
                    at, (chance.choice((b'"new"', b'"Kind"', b'"\xff"', b'"\\u006bind"')), chance.choice(TOKENS))
                )
            case _ if at < len(pairs):
                escaped = b'"' + b"".join(b"\\u%04x" % char for char in pairs[at][0][1:-1]) + b'"'
                pairs[at] = (escaped, pairs[at][1])
    text = bytearray(b"{" + b",".join(name + b":" + value for name, value in pairs) + b"}")
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        at = chance.randrange(len(text) + 1)
        match chance.randrange(4):
            case 0:
                del text[at : at + chance.choice((1, 1, 2, 400))]
            case 1:
                text.insert(at, chance.choice(BYTES))
            case 2 if at < len(text):
                text[at] = chance.choice(BYTES)
            case _:
                text += chance.choice((b" ", b"\n", b"x", b"{}", b"\x00"))
    return bytes(text)


def _typed(value: Any) -> tuple[type, Any]:
    return type(value), value


class Search:
    """Counts what both readers make of records; ``differences`` must stay empty."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.differences: list[bytes] = []
        self._reader = QuickRows(SiteTraffic)
        self._quick = BatchDecoder(SiteTraffic, OPTIONAL, self._reader)
        self._sure = BatchDecoder(SiteTraffic, OPTIONAL)

    def look(self, values: Sequence[bytes | None]) -> None:
        """Read a batch both ways. The quick reader stays the same: what it remembers must decide nothing."""
        _, left = self._reader.read(values)
        quick, sure = self._quick.decode(values), self._sure.decode(values)
        self.seen["records"] += len(values)
        self.seen["accepted"] += sum(row is not None for row in sure.rows)
        self.seen["read quickly"] += len(values) - len(left)
        for value, one, other in zip(values, quick.rows, sure.rows, strict=True):
            if (one and [_typed(getattr(one, name)) for name in FIELDS]) != (
                other and [_typed(other[name]) for name in FIELDS]
            ):
                self.differences.append(value or b"")
        if list(quick.times_ms) != list(sure.times_ms) or quick.bad != sure.bad:
            self.differences.append(b"times: " + b"\n".join(filter(None, values)))


def search(records: int, seed: int, batch: int = 50) -> Search:
    """Look at ``records`` seeded records, some of them tombstones."""
    chance, found = random.Random(seed), Search()
    for _ in range(records // batch):
        found.look([None if chance.random() < 0.01 else record(chance) for _ in range(batch)])
    return found


def main(records: Annotated[int, typer.Option(min=1_000)] = 1_000_000, seed: int = 1) -> None:
    """Exit code 1 and the records when there is one."""
    found = search(records, seed, batch=1_000)
    print(", ".join(f"{number:,} {what}" for what, number in found.seen.items()), f"{len(found.differences)} different")
    for value in found.differences[:20]:
        print(value)
    sys.exit(bool(found.differences))


if __name__ == "__main__":
    typer.run(main)
