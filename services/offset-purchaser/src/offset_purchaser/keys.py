"""Keys of the HTTP API: who calls, and what that person or program may do. Pure.

A secret holds 256 random bits, so its SHA-256 is as safe to keep as a slow hash would be: there is no list of likely
secrets to try, and every request can be checked in microseconds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.errors import Rejected

PREFIX = "copk"
"""Starts every secret, so that scanners of repositories and logs can recognise one."""
ID_BYTES, SECRET_BYTES = 6, 32
NAME_LENGTH_MAX = 100
_SECRET = re.compile(rf"{PREFIX}_([0-9a-f]{{{2 * ID_BYTES}}})_([A-Za-z0-9_-]{{43}})")


class Role(StrEnum):
    """What a key may do; each role may do what the ones before it may."""

    READ = "read"
    APPROVE = "approve"
    ADMIN = "admin"

    def covers(self, other: Role) -> bool:
        """Whether this role may do what needs another."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request comes from. ``name`` stands in approvals: two people are two names, whatever keys they use."""

    key_id: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A stored key; the secret itself is not."""

    key_id: str
    name: str
    role: Role
    secret_sha256: bytes
    expires_at: datetime | None
    revoked_at: datetime | None


def make_secret(random: bytes) -> tuple[str, str, bytes]:
    """(key id, secret to show once, hash to keep) from ``ID_BYTES + SECRET_BYTES`` random bytes."""
    key_id = random[:ID_BYTES].hex()
    text = base64.urlsafe_b64encode(random[ID_BYTES : ID_BYTES + SECRET_BYTES]).decode().rstrip("=")
    secret = f"{PREFIX}_{key_id}_{text}"
    return key_id, secret, secret_hash(secret)


def secret_hash(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def key_id_of(secret: str) -> str:
    """The id that a presented secret claims; ``""`` when it does not look like one of ours."""
    found = _SECRET.fullmatch(secret)
    return found[1] if found else ""


def admit(secret: str, record: KeyRecord | None, now: datetime) -> Principal | None:
    """Who presents a secret; ``None`` for a wrong, revoked or expired one. Takes the same time for any wrong one."""
    stored = record.secret_sha256 if record else bytes(32)
    same = hmac.compare_digest(secret_hash(secret), stored)
    if not same or record is None or record.revoked_at is not None:
        return None
    if record.expires_at is not None and record.expires_at <= now:
        return None
    return Principal(record.key_id, record.name, record.role)


def person(name: str) -> str:
    """A name as it is kept: one spelling, no invisible characters. Raises ``Rejected``."""
    found = " ".join(unicodedata.normalize("NFKC", name).split())
    if not found or len(found) > NAME_LENGTH_MAX or not found.isprintable():
        raise Rejected(f"a printable name of 1 to {NAME_LENGTH_MAX} characters is needed", field="name")
    return found
