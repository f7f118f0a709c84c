"""Webhooks: the signature of the Standard Webhooks scheme, and which addresses may be called."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from uuid import UUID

import pytest

from offset_purchaser.webhooks import Message, checked_url, headers, make_secret, message_body, refused_address, sign
from shared.errors import Rejected


def test_the_signature_is_the_one_of_the_schemes_own_example() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    assert sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def message(**changes: object) -> Message:
    values = {
        "endpoint_id": UUID(int=1), "outbox_id": 7, "type": "order.placed", "url": "https://example.com",
        "value": b'{"event_id":"e1","occurred_at":"2026-11-28T00:00:00Z","amount":"22.00"}',
        "secrets": (make_secret(bytes(32)),), "tries": 0, "first_try_at": None,
    } | changes  # fmt: skip
    return Message(**values)  # type: ignore[arg-type]


def test_a_message_says_what_happened_when_and_in_which_order() -> None:
    assert message_body(message()) == (
        "e1",
        b'{"type":"order.placed","timestamp":"2026-11-28T00:00:00Z","sequence":7,'
        b'"data":{"event_id":"e1","occurred_at":"2026-11-28T00:00:00Z","amount":"22.00"}}',
    )


def test_both_secrets_sign_during_a_rotation() -> None:
    now = datetime(2026, 11, 28, tzinfo=UTC)
    secrets = (make_secret(b"a" * 32), make_secret(b"b" * 32))
    found = headers(message(secrets=secrets), "e1", b"{}", now)
    assert found["webhook-timestamp"] == "1795824000"
    assert found["webhook-signature"].split() == [sign(secret, "e1", 1795824000, b"{}") for secret in secrets]


@pytest.mark.parametrize(
    "url",
    ["x", "http://example.com/", "ftp://example.com", "https://", "https://u:p@example.com/",
     "https://example.com/#x", "",
     "https://10.0.0.1/", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
     "https://169.254.169.254/",
     "https://exa mple.com/", "https://example.com:99999/", "https://example.com\\@10.0.0.1/",
     "https://ex\u00e4mple.com/",
     "https://[fe80::1]/", "https://example.com/\r\nX: y", "http://127.0.0.1:80/", "https://example.com:0/",
     "https://example.com/" + "x" * 2000, "https://erp..example.com/hook", "https://.example.com/",
     f"https://{'a' * 64}.example.com/", "https://-a.example.com/", "https://" + "abc." * 64 + "com/"],
)  # fmt: skip
def test_an_address_that_could_reach_inside_is_refused(url: str) -> None:
    with pytest.raises(Rejected) as refused:
        checked_url(url, private=False)
    assert refused.value.field == "url"


@pytest.mark.parametrize(
    "url", ["https://example.com", "https://example.com:8443/a?b=c", "https://93.184.215.14/hook", "https://[2606:2800:21f:cb07::1]/",
     "https://Example.COM./x", f"https://{'a' * 63}.example.com/", "https://my_erp.example-1.com/"],
)  # fmt: skip
def test_a_public_https_address_is_accepted(url: str) -> None:
    assert checked_url(url, private=False) == url


def test_private_networks_are_a_setting_and_plain_http_stays_on_loopback() -> None:
    assert checked_url("http://127.0.0.1:8080/x", private=True)
    assert checked_url("https://10.0.0.1/", private=True)
    for url in ("http://10.0.0.1/", "http://example.com/", "https://169.254.169.254/", "https://0.0.0.0/"):
        with pytest.raises(Rejected):
            checked_url(url, private=True)


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "127.0.0.1", "192.168.0.1", "100.64.0.1", "169.254.1.1", "0.0.0.0", "224.0.0.1", "fd00::1",
                "fec0::1", "::10.0.0.1", "::93.184.215.14", "::ffff:192.168.0.1",
                "64:ff9b::a00:1", "2002:a00:1::", "ff02::1", "::"],
)  # fmt: skip
def test_a_name_that_leads_to_a_private_address_is_refused_when_it_is_called(address: str) -> None:
    assert refused_address(ipaddress.ip_address(address), private=False)
