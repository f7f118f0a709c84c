"""Keys: what is kept, who is let in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from offset_purchaser.keys import KeyRecord, Role, admit, key_id_of, make_secret, person
from shared.errors import Rejected

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
KEY_ID, SECRET, DIGEST = make_secret(bytes(range(38)))


def record(**changes: object) -> KeyRecord:
    values = {"key_id": KEY_ID, "name": "Anna", "role": Role.READ, "secret_sha256": DIGEST, "expires_at": None,
              "revoked_at": None} | changes  # fmt: skip
    return KeyRecord(**values)  # type: ignore[arg-type]


def test_a_secret_names_its_key_and_is_kept_as_a_hash() -> None:
    assert SECRET == "copk_000102030405_BgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCU"
    assert (len(DIGEST), DIGEST.hex()[:8]) == (32, "a4dc11bb")
    assert key_id_of(SECRET) == "000102030405"
    assert "BgcICQ" not in repr(record())


@pytest.mark.parametrize("text", ["", "copk_", SECRET + "A", SECRET[:-1], SECRET.upper(), SECRET + "\n", "x" + SECRET])
def test_what_does_not_look_like_a_secret_names_no_key(text: str) -> None:
    assert key_id_of(text) == ""


def test_only_the_right_secret_of_a_running_key_is_let_in() -> None:
    assert admit(SECRET, record(), NOW) is not None
    assert admit(SECRET[:-1] + "V", record(), NOW) is None
    assert admit(SECRET, None, NOW) is None
    assert admit(SECRET, record(revoked_at=NOW), NOW) is None
    assert admit(SECRET, record(expires_at=NOW), NOW) is None
    assert admit(SECRET, record(expires_at=NOW + timedelta(microseconds=1)), NOW) is not None


@pytest.mark.parametrize(
    ("mine", "covered"),
    [(Role.READ, {Role.READ}), (Role.APPROVE, {Role.READ, Role.APPROVE}), (Role.ADMIN, set(Role))],
)
def test_a_role_may_do_what_the_smaller_ones_may(mine: Role, covered: set[Role]) -> None:
    assert {role for role in Role if mine.covers(role)} == covered


def test_names_have_one_spelling() -> None:
    assert person("  Anna \u00a0 Martin ") == "Anna Martin"
    assert person("\uff21nna") == "Anna"
    for name in ("", "  ", "a" * 101, "Anna\u200b", "Anna\u202e", "An\x00na"):
        with pytest.raises(Rejected, match="printable name"):
            person(name)
