"""Keys, roles, limits and idempotency, on the real application and tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from tests.integration.purchaser.calling import Api, reasons
from tests.integration.purchaser.feeding import CAMPAIGN
from tests.support import until

from offset_purchaser.api.app import roles
from offset_purchaser.api.gate import BODY_BYTES_MAX
from offset_purchaser.keys import Role

WAITS = CAMPAIGN + "    expected_files: [carrier.csv, posters.csv]\n"
ARRIVALS = "/v1/campaigns/bf/arrivals"


def address(path: str) -> str:
    values = {"campaign": "bf", "day": "2026-11-27", "number": "1"}
    for name, value in values.items():
        path = path.replace("{" + name + "}", value)
    return path.replace("{", "").replace("}", "")


async def arrivals(api: Api) -> list[tuple[str, str]]:
    rows = await api.world.pool.fetch("SELECT name, said_by FROM arrivals ORDER BY name")
    return [(row["name"], row["said_by"]) for row in rows]


async def test_every_route_refuses_a_request_without_a_key_and_one_whose_role_is_too_small(api: Api) -> None:
    callers = {role: await api.caller(role, f"a {role}") for role in Role}
    for (method, path), needed in roles().items():
        bare = await api.client.request(method, address(path))
        assert (bare.status_code, bare.headers["www-authenticate"]) == (401, 'Bearer realm="campaign-offsets"'), path
        for role, caller in callers.items():
            send = caller.get if method == "GET" else caller.post
            answer = await send(address(path))
            assert (answer.status_code == 403) == (not role.covers(needed)), (method, path, role, answer.text)
            if answer.status_code == 403:
                assert answer.json()["detail"] == f"this needs a key of role {needed}; yours is {role}"


async def test_only_reading_is_open_to_a_reading_key() -> None:
    assert {method for (method, _), role in roles().items() if role is Role.READ} == {"GET"}
    assert {role for (method, _), role in roles().items() if method == "POST"} == {Role.APPROVE, Role.ADMIN}


async def test_a_strange_authorization_is_refused_as_a_missing_one_is(api: Api) -> None:
    shaped = "copk_000000000000_" + "A" * 43
    for value in ("", "Bearer", "Bearer x", "Basic abc", shaped, f"Bearer {shaped}", "Bearer copk_\x01", "Bearer \xe9"):
        answer = await api.client.get("/v1/campaigns", headers=[(b"Authorization", value.encode("latin-1"))])
        assert answer.status_code == 401, value


async def test_wrong_revoked_and_expired_keys_hear_the_same(api: Api) -> None:
    known = await api.caller()
    ended = await api.caller(expires_at=api.world.clock())
    running = await api.caller(expires_at=api.world.clock() + timedelta(seconds=1))
    assert (await running.get("/v1/me")).json()["key_id"] == running.key_id
    said = [await ended.get("/v1/me")]
    known.secret = known.secret[:-1] + ("A" if known.secret[-1] != "A" else "B")
    said.append(await known.get("/v1/me"))
    revoked = await api.caller()
    await api.world.pool.execute("UPDATE api_keys SET revoked_at = now() WHERE key_id = $1", revoked.key_id)
    said.append(await revoked.get("/v1/me"))
    assert [(answer.status_code, answer.json()["detail"]) for answer in said] == [
        (401, "this key is unknown, revoked or expired")
    ] * 3


async def test_a_misspelt_filter_is_refused_by_its_name_and_not_answered_with_everything(api: Api) -> None:
    anna = await api.caller()
    answer = await anna.get("/v1/documents?campain=bf&limit=1")
    assert (answer.status_code, reasons(answer)) == (422, {"campain": "there is no such parameter"})
    assert (await anna.get("/v1/documents?campaign=bf&limit=1")).status_code == 200


async def test_two_authorizations_are_none(api: Api) -> None:
    anna = await api.caller()
    both = [("Authorization", f"Bearer {anna.secret}"), ("Authorization", "Bearer x")]
    assert (await api.client.get("/v1/me", headers=both)).status_code == 401


async def test_a_secret_is_stored_as_a_hash_only(api: Api) -> None:
    anna = await api.caller()
    row = await api.world.pool.fetchrow("SELECT * FROM api_keys")
    assert row is not None
    assert anna.secret.encode() not in str(dict(row)).encode()
    assert len(row["secret_sha256"]) == 32


async def test_a_post_without_an_idempotency_key_is_refused_before_anything_happens(api: Api) -> None:
    await api.world.campaigns(WAITS)
    anna = await api.caller()
    for key in (None, "", "a b", "x" * 256, "k\xe9"):
        headers = [(b"Authorization", f"Bearer {anna.secret}".encode())]
        headers += [(b"Idempotency-Key", key.encode("latin-1"))] if key is not None else []
        answer = await api.client.post(ARRIVALS, json={"name": "carrier.csv"}, headers=headers)
        assert answer.status_code == 400
        assert list(reasons(answer)) == ["Idempotency-Key"]
    assert await arrivals(api) == []


async def test_a_repeat_gets_the_stored_answer_and_has_no_second_effect(api: Api) -> None:
    await api.world.campaigns(WAITS)
    anna = await api.caller()
    first = await anna.post(ARRIVALS, {"name": "carrier.csv"}, key="one")
    again = await anna.post(ARRIVALS, {"name": "carrier.csv"}, key="one")
    assert (first.status_code, first.json()) == (200, {"name": "carrier.csv", "first": True})
    assert (again.status_code, again.content) == (200, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert await arrivals(api) == [("carrier.csv", "Anna")]


async def test_the_same_key_for_another_body_is_refused_and_another_person_has_keys_of_their_own(api: Api) -> None:
    await api.world.campaigns(WAITS)
    anna, ben = await api.caller(), await api.caller(name="Ben")
    await anna.post(ARRIVALS, {"name": "carrier.csv"}, key="one")
    other = await anna.post(ARRIVALS, {"name": "posters.csv"}, key="one")
    assert (other.status_code, list(reasons(other))) == (422, ["Idempotency-Key"])
    assert (await ben.post(ARRIVALS, {"name": "posters.csv"}, key="one")).status_code == 200
    assert await arrivals(api) == [("carrier.csv", "Anna"), ("posters.csv", "Ben")]


async def test_a_twin_in_flight_is_refused_and_the_other_one_has_its_effect_once(api: Api) -> None:
    await api.world.campaigns(WAITS)
    anna = await api.caller()
    async with api.world.pool.acquire() as slow, slow.transaction():
        await slow.execute("LOCK TABLE arrivals IN ACCESS EXCLUSIVE MODE")
        first = asyncio.create_task(anna.post(ARRIVALS, {"name": "carrier.csv"}, key="one"))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'arrivals'::regclass"
        await until(lambda: slow.fetchval(waiting), bool)
        twin = await anna.post(ARRIVALS, {"name": "carrier.csv"}, key="one")
        assert (twin.status_code, twin.headers["retry-after"]) == (409, "1")
    assert (await first).status_code == 200
    assert (await anna.post(ARRIVALS, {"name": "carrier.csv"}, key="one")).headers["idempotent-replayed"] == "true"
    assert await arrivals(api) == [("carrier.csv", "Anna")]


async def test_twenty_identical_posts_at_once_have_one_effect(api: Api) -> None:
    await api.world.campaigns(WAITS)
    anna = await api.caller()
    answers = await asyncio.gather(*(anna.post(ARRIVALS, {"name": "carrier.csv"}, key="one") for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert {answer.content for answer in answers if answer.status_code == 200} == {
        b'{"name":"carrier.csv","first":true}'
    }
    assert await api.world.pool.fetchval("SELECT count(*) FROM api_requests") == 1


async def test_a_decided_refusal_is_repeated_and_a_crash_before_the_commit_leaves_nothing(api: Api) -> None:
    await api.world.campaigns(WAITS)
    anna = await api.caller()
    refused = await anna.post(ARRIVALS, {"name": "none.csv"}, key="one")
    assert (refused.status_code, reasons(refused)) == (422, {"name": "campaign bf does not expect a file none.csv"})
    again = await anna.post(ARRIVALS, {"name": "none.csv"}, key="one")
    assert (again.content, again.headers["idempotent-replayed"]) == (refused.content, "true")
    await api.world.owner("ALTER TABLE api_requests ADD CONSTRAINT broken CHECK (idempotency_key <> 'two')")
    failed = await anna.post(ARRIVALS, {"name": "carrier.csv"}, key="two")
    assert failed.status_code == 500
    assert await arrivals(api) == []
    await api.world.owner("ALTER TABLE api_requests DROP CONSTRAINT broken")
    assert (await anna.post(ARRIVALS, {"name": "carrier.csv"}, key="two")).json()["first"] is True


async def test_an_invalid_request_is_not_remembered(api: Api) -> None:
    await api.world.campaigns(WAITS)
    anna = await api.caller()
    assert (await anna.post(ARRIVALS, {"name": ""}, key="one")).status_code == 422
    assert (await anna.post(ARRIVALS, {"name": "carrier.csv"}, key="one")).status_code == 200


async def test_a_body_beyond_the_limit_is_refused_without_being_read(api: Api) -> None:
    anna = await api.caller()
    for declared in (None, "9" * 12):
        read = []

        async def body(read: list[int] = read) -> AsyncIterator[bytes]:
            for number in range(1000):
                read.append(number)
                yield b"x" * 1024

        headers = {"Authorization": f"Bearer {anna.secret}", "Idempotency-Key": "k"}
        headers |= {"Content-Length": declared} if declared else {}
        answer = await api.client.post(ARRIVALS, content=body(), headers=headers)
        assert answer.status_code == 413
        assert str(BODY_BYTES_MAX) in answer.json()["detail"]
        assert len(read) <= (0 if declared else 66)


STRANGE_BODIES = (
    *(b"{", b"\xff\xfe", b'{"name": "\\ud800"}', b'{"name": "a\\u0000b"}', b'{"\\ud800": 1, "name": "x"}', b"null"),
    *(b"[" * 50_000, b'{"name": ' + b"1" * 5000 + b"}", b'{"name": NaN}', '{"name": "\u202e\u200b"}'.encode()),
)


async def test_a_strange_body_is_a_sentence_never_a_failure(api: Api) -> None:
    await api.world.campaigns(WAITS)
    anna = await api.caller()
    headers = {"Authorization": f"Bearer {anna.secret}", "Idempotency-Key": "k", "Content-Type": "application/json"}
    for body in STRANGE_BODIES:
        answer = await api.client.post(ARRIVALS, content=body, headers=headers)
        assert answer.status_code in (400, 422), (body[:50], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


STRANGE_ADDRESSES = (
    *("campaigns/..%2f..%2fetc", "campaigns/%00", "campaigns/a%0Ab", "campaigns/%ff", "nothing", "", "/me"),
    *(f"campaigns/bf/days/{day}" for day in ("99999-01-01", "9999-12-31", "0001-01-01", "2026-11-26", "1", "NaN")),
    *("campaigns?limit=99999999999999999999", "campaigns?offset=-1", "campaigns?limit=0", "campaigns/bf/days?limit=32"),
)


async def test_a_strange_address_is_a_problem_never_a_failure(api: Api) -> None:
    await api.world.campaigns(CAMPAIGN)
    anna = await api.caller()
    for path in STRANGE_ADDRESSES:
        answer = await anna.get(f"/v1/{path}")
        assert answer.status_code in (404, 422), (path, answer.status_code, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_every_answer_forbids_caching_sniffing_and_framing(api: Api) -> None:
    anna = await api.caller()
    for answer in (await anna.get("/v1/me"), await anna.get("/v1/nothing"), await api.client.get("/v1/me")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


async def test_other_methods_are_refused(api: Api) -> None:
    anna = await api.caller()
    headers = {"Authorization": f"Bearer {anna.secret}"}
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "FOO"):
        assert (await api.client.request(method, "/v1/me", headers=headers)).status_code == 405
