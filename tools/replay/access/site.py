"""Requests to site-traffic events, byte for byte as they will be sent, validated by the contract."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from demo.records import Record
from replay.access.agents import Devices
from replay.access.classify import is_page, kind_of, why_nothing
from replay.access.request import CACHED, CACHED_BYTES, LineParser, Moment, NotARequest, Request, Unreadable
from replay.files import MAX_LINE
from replay.identity import RowIds
from replay.rows import Parsed, Rows, State, not_traffic, rejected
from shared.decode import BatchDecoder
from shared.events import SiteTraffic

_new = tuple.__new__  # a named tuple's own constructor costs three times as much
PAGE_CHARACTERS = 1024
"""The contract's limit of a page; a longer path is cut and flagged."""
IN_THE_FUTURE = "lies in the future"
PER_CALL = 512
"""Events validated by one call: small enough for the processor's cache, large enough to hide the call."""


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """What a log cannot say about itself."""

    shop: str = "default"
    source_system: str = "access-log"
    hosting_country: str | None = None
    country: str | None = None
    """Country of visitors that nothing else tells."""
    countries: Callable[[bytes], str] | None = None
    """Address to country; without it nobody looks at addresses."""
    move: Callable[[Moment], Moment] | None = None
    """Moves times for a rehearsal."""
    latest_ms: int = 2**62
    """A request after this moment has a wrong time: it is rejected."""


class SiteEvents:
    """Builds the events of one log."""

    def __init__(self, ids: RowIds, options: SiteOptions) -> None:
        self._ids = ids
        self._options = options
        self._devices = Devices()
        self._paths: dict[bytes, tuple[str, bool, bool]] = {}
        self._decoder = BatchDecoder(SiteTraffic)
        fixed = {"shop": options.shop, "source_system": options.source_system}
        if options.hosting_country:
            fixed["hosting_country"] = options.hosting_country
        self._fixed = json.dumps(fixed)[1:-1]

    def rows(self, batches: Iterable[Sequence[bytes | None]], parse: LineParser) -> Rows:
        """Every line of a log with its end, in order; rows count from 1."""
        row = 0
        for batch in batches:
            for start in range(0, len(batch), PER_CALL):
                part = batch[start : start + PER_CALL]
                yield from self._checked([self._one(row + i, line, parse) for i, line in enumerate(part, 1)])
                row += len(part)

    def sent_at(self, line: bytes, parse: LineParser) -> int | None:
        """Kafka's milliseconds of the event that a line alone becomes; ``None`` when it becomes none."""
        if len(line) > MAX_LINE:
            return None
        (parsed,) = self._checked([self._one(0, line, parse)])
        return parsed.records[0].timestamp_ms if parsed.state is State.SENT else None

    def _one(self, row: int, line: bytes | None, parse: LineParser) -> Parsed:
        if line is None:
            return rejected(row, "line", f"is longer than {MAX_LINE} bytes")
        try:
            request = parse(line)
        except Unreadable as error:
            return rejected(row, error.field, error.reason)
        except NotARequest as error:
            return not_traffic(row, str(error))
        return self._event(row, request)

    def _event(self, row: int, request: Request) -> Parsed:
        moment, method, raw_path, status, size, agent, address, country, html, flags = request
        if moment.ms > self._options.latest_ms:
            return rejected(row, "time", IN_THE_FUTURE)
        path = self._paths.get(raw_path)
        if path is None:
            path = self._path(raw_path)
        page, looks_like_page, cut = path
        kind = kind_of(method, status, size, looks_like_page if html is None else html)
        if not kind:
            return not_traffic(row, why_nothing(method, status), "size")
        if size < 0:
            size, flags = 0, (*flags, "size_not_logged")
        if cut:
            flags = (*flags, "page_cut")
        options = self._options
        if options.move is not None:
            moment = options.move(moment)
        if not country:
            country = (options.countries(address) if options.countries else "") or options.country or ""
        event_id = self._ids(row)
        value = (
            f'{{"schema_version":1,"event_id":"{event_id}","occurred_at":"{moment.text}",{self._fixed},'
            f'"kind":"{kind}","device":"{self._devices(agent)}",{page}'
            + (f'"country":"{country}",' if country else "")
            + f'"bytes_transferred":{size}}}'
        )
        record = _new(Record, ("site_traffic", event_id.encode(), value.encode(), moment.ms))
        return _new(Parsed, (row, State.SENT, (record,), "", "", size, flags))

    def _path(self, raw: bytes) -> tuple[str, bool, bool]:
        if len(self._paths) >= CACHED:
            self._paths.clear()
        text = raw.decode("utf-8", "replace")
        page = f'"page":{json.dumps(text[:PAGE_CHARACTERS])},' if text else ""
        found = (page, is_page(raw), len(text) > PAGE_CHARACTERS)
        if len(raw) <= CACHED_BYTES:
            self._paths[raw] = found
        return found

    def _checked(self, rows: list[Parsed]) -> list[Parsed]:
        """Rows with the ones that the contract refuses turned into rejections."""
        sent = [i for i, row in enumerate(rows) if row.state is State.SENT]
        verdicts = self._decoder.rows([rows[i].records[0].value for i in sent])
        for i, verdict in zip(sent, verdicts, strict=True):
            if verdict is None:
                why = self._decoder.why(rows[i].records[0].value)
                rows[i] = rejected(rows[i].row, why.field, why.reason)
        return rows
