"""One instance acts. The epoch moves only on a takeover, so every write can be conditional on it."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import Conflict
from shared.postgres import Connection, Pool, transaction


@dataclass(frozen=True, slots=True)
class Term:
    """The right to act, until another instance takes over."""

    epoch: int
    holder: str


async def acquire(pool: Pool, holder: str, lease_s: float) -> Term | None:
    """Take over when nobody holds a running lease. ``None``: somebody does."""
    async with transaction(pool) as connection:
        free = await connection.fetchval("SELECT expires_at < clock_timestamp() FROM lease FOR UPDATE")
        if not free:
            return None
        epoch = await connection.fetchval(
            "UPDATE leadership SET epoch = epoch + 1, holder = $1 RETURNING epoch", holder
        )
        await _extend(connection, lease_s)
        return Term(epoch, holder)


async def renew(pool: Pool, term: Term, lease_s: float) -> None:
    """Hold on to the right. Raises ``Conflict`` when another instance took over."""
    async with transaction(pool) as connection:
        await connection.fetchval("SELECT 1 FROM lease FOR UPDATE")
        await fence(connection, term)
        await _extend(connection, lease_s)


async def resign(pool: Pool, term: Term) -> None:
    """Give the right back, so that another instance need not wait for the lease to end."""
    async with transaction(pool) as connection:
        await connection.fetchval("SELECT 1 FROM lease FOR UPDATE")
        await fence(connection, term)
        await connection.execute("UPDATE lease SET expires_at = '-infinity'")


async def fence(connection: Connection, term: Term) -> None:
    """Make the transaction conditional on the term. Raises ``Conflict`` when it is over."""
    epoch = await connection.fetchval("SELECT epoch FROM leadership FOR SHARE")
    if epoch != term.epoch:
        raise Conflict(f"another instance took over (epoch {epoch}, ours was {term.epoch})")


async def _extend(connection: Connection, lease_s: float) -> None:
    await connection.execute("UPDATE lease SET expires_at = clock_timestamp() + make_interval(secs => $1)", lease_s)
