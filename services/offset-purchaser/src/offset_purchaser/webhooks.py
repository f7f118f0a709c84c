"""Outgoing webhooks after the Standard Webhooks scheme: signatures, addresses that may be called, when to try. Pure.

A message has the headers ``webhook-id`` (the same at every attempt), ``webhook-timestamp`` (seconds, of the attempt)
and ``webhook-signature``: ``v1,`` and the base64 of HMAC-SHA256 over ``id.timestamp.body``, one for each secret in
force, separated by spaces.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from shared.errors import Rejected

PREFIX = "whsec_"
SECRET_BYTES = 32
URL_LENGTH_MAX = 2000
HOST_LENGTH_MAX = 253
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?")
"""A name that DNS can know: parts of 1 to 63 letters, digits, hyphens; others fail before any look-up."""
OVERLAP = timedelta(hours=24)
"""After a rotation both secrets sign for this long, so that a receiver can change over without losing a message."""
GIVE_UP = timedelta(days=3)
"""A receiver that is away longer than a weekend is switched off; its messages wait until it is switched on again."""
FIRST_S, MOST_S = 5.0, 3600.0
"""Back-off between attempts: doubles from the first to the most."""
GONE = 410
"""The receiver's own word for "never again"."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one endpoint, with what is needed to sign it."""

    endpoint_id: UUID
    outbox_id: int
    type: str
    value: bytes
    url: str
    secrets: tuple[str, ...]
    tries: int
    first_try_at: datetime | None


def make_secret(random: bytes) -> str:
    """The secret of an endpoint as people copy it."""
    return PREFIX + base64.b64encode(random[:SECRET_BYTES]).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def message_body(message: Message) -> tuple[str, bytes]:
    """(webhook-id, body). ``sequence`` grows with every message, whatever its day."""
    data = json.loads(message.value)
    content = {
        "type": message.type,
        "timestamp": data["occurred_at"],
        "sequence": message.outbox_id,
        "data": data,
    }
    return str(data["event_id"]), json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def headers(message: Message, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of one attempt."""
    timestamp = int(now.timestamp())
    return {
        "Content-Type": "application/json",
        "User-Agent": "offset-purchaser",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(secret, message_id, timestamp, body) for secret in message.secrets),
    }


def hopeless(message: Message, now: datetime) -> bool:
    """Whether a receiver has been away for too long."""
    return message.first_try_at is not None and now - message.first_try_at > GIVE_UP


def checked_url(url: str, *, private: bool) -> str:
    """An endpoint's address. Raises ``Rejected``. ``private``: the installation lets webhooks stay in its network."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Rejected("this is not an address", field="url") from None
    if len(url) > URL_LENGTH_MAX or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Rejected(f"plain ASCII, {URL_LENGTH_MAX} characters at most", field="url")
    if not host or parts.username is not None or parts.fragment or port == 0:
        raise Rejected("an address with a host, without a user and a fragment is needed", field="url")
    address = _ip(host)
    if address is None and (len(host) > HOST_LENGTH_MAX or not _HOST.fullmatch(host)):
        raise Rejected(f"{host[:80]} is not the name of a host", field="url")
    loopback = host == "localhost" or (address is not None and address.is_loopback)
    if parts.scheme != "https" and not (parts.scheme == "http" and private and loopback):
        raise Rejected("https is needed", field="url")
    if address is not None and (why := refused_address(address, private=private)):
        raise Rejected(why, field="url")
    return url


Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_TUNNELS = tuple(ipaddress.ip_network(n) for n in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"))
"""IPv6 addresses that lead to an IPv4 address, which then could be a private one."""


def refused_address(address: Address, *, private: bool) -> str:
    """Why an address may not be called; ``""`` when it may. Asked again at every attempt, after the name's lookup."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return refused_address(address.ipv4_mapped, private=private)
        own = address.is_loopback or address.is_unspecified  # they stand in ::/96 and are judged below
        if not own and any(address in network for network in _TUNNELS):
            return f"{address} is a tunnel"
    if address.is_multicast or address.is_unspecified or address.is_link_local:
        return f"{address} is not a receiver"
    site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local  # global for Python
    if (site_local or not address.is_global) and not private:
        return f"{address} is not a public address (PURCHASER_WEBHOOKS_PRIVATE allows it)"
    return ""


def _ip(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
