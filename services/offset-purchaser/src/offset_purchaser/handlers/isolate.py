"""One campaign's, order's or document's trouble stays its own: it is logged and counted, and the others go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from structlog.contextvars import bound_contextvars

from offset_purchaser import metrics
from shared.errors import Conflict, Transient
from shared.telemetry import log


@contextmanager
def isolated(where: str, **what: str) -> Iterator[None]:
    """Let through what concerns the whole process (Transient, Conflict); note everything else and carry on.

    Every log line from inside carries ``what``: the campaign, day or order it is about.
    """
    try:
        with bound_contextvars(**what):
            yield
    except (Transient, Conflict):
        raise
    except Exception as error:
        metrics.FAILURES.labels(where).inc()
        log(__name__).exception("cannot go on with this one", where=where, reason=str(error), **what)
