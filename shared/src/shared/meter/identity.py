"""Identities of events: the same numbers for an id wherever and whenever it is met."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

KEY_MASK = (1 << 60) - 1
"""Integers of up to 60 bits take 32 bytes in memory, longer ones 48."""
_UUID_LENGTH = 36
_DASHES = (8, 13, 18, 23)
_VERSION, _VARIANT = 12, 16
"""Places of two hexadecimal digits of a UUID."""


def identity(event_id: str) -> int:
    """First 128 bits of BLAKE2b of the id, as an integer."""
    return int.from_bytes(blake2b(event_id.encode(), digest_size=16).digest(), "big")


class Identities(NamedTuple):
    """124 bits for each id of a batch, in two columns."""

    keys: list[int]
    """60 bits."""
    rests: array[int]
    """64 bits (``Q``)."""


def window_identities(event_ids: Sequence[str]) -> Identities:
    """What a window remembers of ids.

    A canonical lower-case UUID of version 4 is its own bits without the version's, which are all alike; of any other
    id it is the first 124 bits of BLAKE2b but for four. A batch of such UUIDs is converted as a whole, which costs a
    third of hashing each.
    """
    raw = _raw_uuids(event_ids)
    if raw is None:
        raw = b"".join([_raw_uuids((one,)) or _hashed(one) for one in event_ids])
    words = array("Q", raw)
    if sys.byteorder == "little":
        words.byteswap()
    return Identities([low & KEY_MASK for low in words[1::2]], words[0::2])


def _hashed(event_id: str) -> bytes:
    return blake2b(event_id.encode(), digest_size=16).digest()


def _raw_uuids(event_ids: Sequence[str]) -> bytes | None:
    """16 bytes for each, or ``None`` unless every one is written ``xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx``.

    The first digit after the third dash, which the key leaves out, takes the place of the version.
    """
    count = len(event_ids)
    if set(map(len, event_ids)) != {_UUID_LENGTH}:
        return None
    joined, dashes = "".join(event_ids), "-" * count
    if any(joined[at::_UUID_LENGTH] != dashes for at in _DASHES):
        return None
    digits = joined.replace("-", "")
    if len(digits) != 32 * count or digits[_VERSION::32] != "4" * count:  # a dash elsewhere would move all that follow
        return None
    try:
        moved = bytearray(digits, "ascii")
        moved[_VERSION::32] = moved[_VARIANT::32]
        raw = bytes.fromhex(text := moved.decode())
    except ValueError:
        return None
    return raw if raw.hex() == text else None  # spaces and capitals are not canonical
