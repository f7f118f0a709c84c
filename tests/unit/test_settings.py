"""A setting that cannot be read is named as people set it; an address that holds a password is refused without it."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from offset_purchaser.settings import PurchaserSettings
from shared.errors import Rejected
from shared.meter.settings import MeterSettings
from shared.settings import PostgresSettings

UNREADABLE = ["hunter2/w", "hunter2#w", "hunter2?w", "hunter2[w", "25/hunter2"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("nope", "not JSON (set the environment variable METER_EXPECTED_RATES)"),
        ('{"site": -1}', "site: Input should be greater than or equal to 0 (set the environment variable "
                         "METER_EXPECTED_RATES)"),
        ("[]", "Input should be a valid dictionary (set the environment variable METER_EXPECTED_RATES)"),
    ],
)  # fmt: skip
def test_rates_that_are_none_name_the_variable(monkeypatch: pytest.MonkeyPatch, value: str, said: str) -> None:
    monkeypatch.setenv("METER_EXPECTED_RATES", value)
    with pytest.raises(Rejected) as raised:
        MeterSettings.load()
    assert (raised.value.reason, raised.value.field) == (said, "METER_EXPECTED_RATES")


@pytest.mark.parametrize("password", UNREADABLE)
def test_a_dsn_whose_password_is_not_escaped_is_refused_in_words_without_it(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("POSTGRES_DSN", f"postgresql://u:{password}@127.0.0.1:1/db")
    with pytest.raises(Rejected, match=r"^POSTGRES_DSN: not a URL of the form postgresql://.* / as %2F") as refused:
        PostgresSettings.load()
    assert "hunter2" not in str(refused.value)
    assert refused.value.__suppress_context__
    with pytest.raises(ValueError, match="not a URL") as direct:
        PostgresSettings(dsn=SecretStr(f"postgresql://u:{password}@127.0.0.1:1/db"))
    assert "hunter2" not in str(direct.value)


@pytest.mark.parametrize("password", UNREADABLE)
def test_a_mail_server_whose_password_is_not_escaped_is_refused_in_words_without_it(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("PURCHASER_SMTP_URL", f"smtps://u:{password}@127.0.0.1:465")
    with pytest.raises(Rejected, match=r"^PURCHASER_SMTP_URL: not a URL of the form smtp://") as refused:
        PurchaserSettings.load()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://meter:p%2Fw%23@127.0.0.1:5432/db",
        "postgres://meter@db/x?sslmode=require",
        "postgresql://meter:a@b@[::1]:5432/db",
        "postgresql://meter:x@one:5432,two:5432/db",
        "postgresql://meter:x@/db?host=/run/postgresql&port=5433",
    ],
)
def test_every_form_of_a_dsn_that_can_be_read_is_taken(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    monkeypatch.setenv("POSTGRES_DSN", dsn)
    assert PostgresSettings.load().dsn.get_secret_value() == dsn


@pytest.mark.parametrize("dsn", ["", "mysql://u:hunter2@h/db", "postgresql://u:x@h:70000/db"])
def test_another_scheme_or_an_impossible_port_is_refused(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    monkeypatch.setenv("POSTGRES_DSN", dsn)
    with pytest.raises(Rejected, match="not a URL of the form postgresql://"):
        PostgresSettings.load()


@pytest.mark.parametrize("url", ["", "smtp://relay", "smtp+starttls://u:p%40w@mail.example.org:587"])
def test_no_mail_server_and_a_readable_one_are_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PURCHASER_SMTP_URL", url)
    assert PurchaserSettings.load().smtp_url.get_secret_value() == url
