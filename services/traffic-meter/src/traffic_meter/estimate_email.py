"""One line of ``estimate`` about e-mails: a mailing as the event says it, or the published single mail.

``bytes`` is the event: one message per recipient, nothing for writing. ``size_mb`` is the published model with its own
defaults: one sender, ``recipients`` receivers, 3 minutes of writing, everybody reads for 10 seconds, stored 10 years.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from shared import fields as limits
from shared.estimate import Subject
from shared.estimate_fields import Fields, ceiling
from shared.estimate_lines import Case
from shared.trail import Term, Trail
from traffic_meter.methods.ademe_digital import DEVICES, GRIDS, NETWORKS, AdemeDigital

METHOD = AdemeDigital()
LARGEST_MB = 1_000_000
LONGEST_YEARS = 100
SIZE_UNKNOWN = "size-unknown:1-MB"
NO_MAIL = "size-0:no-mail"
"""The source counts a mail of 0 MB as no mail at all: 0 g, devices included."""
DEFAULTED = ("device", "sender_network", "receiver_network", "reading_seconds", "storage_years")
"""Options whose published default is flagged when it is taken."""
KINDS = ("marketing", "transactional")


def email_case(fields: Fields, method_id: str | None = None) -> Case:
    """Read a line. Raises ``Rejected`` with the field's name."""
    fields.choice("method", (METHOD.id,))
    kind = fields.choice("kind", KINDS) or "marketing"
    country = fields.country("country") or ""
    recipients = fields.integer("recipients", 1, ceiling(limits.Recipients))
    read = fields.share("read_share")
    writing = fields.number("writing_minutes", 0, 1440)
    options = _options(fields)
    flags: list[str] = []
    if fields.has("bytes") and not fields.has("size_mb"):
        size = fields.integer("bytes", 0, ceiling(limits.MessageBytes))
        case = _mailing(recipients or 1, size or 0, read, writing)
    else:
        megabytes = fields.number("size_mb", 0, LARGEST_MB)
        if not country and "grid_region" not in options:
            options["grid_region"] = "France"
            flags.append("grid-region-unknown:France")
        options["published"] = True
        case = _single(recipients or 1, megabytes, read, writing, flags)
    if recipients is None:
        flags.append("recipients-unknown:1")
    flags += [f"{name}:default" for name in DEFAULTED if name not in options]
    if set(flags) - {SIZE_UNKNOWN}:
        options["filled"] = True
    return replace(case, subject=Subject(country, {"kind": kind}), options=options, flags=tuple(flags))


def _options(fields: Fields) -> dict[str, Decimal | str | bool]:
    options: dict[str, Decimal | str | bool] = {}
    for name, choices in (
        ("device", (*DEVICES, "average")),
        ("sender_network", tuple(NETWORKS)),
        ("receiver_network", tuple(NETWORKS)),
        ("grid_region", tuple(GRIDS)),
    ):
        word = fields.choice(name, choices)
        if word is not None:
            options[name] = word
    for name, high in (("reading_seconds", 86_400), ("storage_years", LONGEST_YEARS)):
        number = fields.number(name, 0, high)
        if number is not None:
            options[name] = number
    return options


def _mailing(recipients: int, size: int, read: Decimal | None, writing: Decimal | None) -> Case:
    """The event's own activity: the same measures as a register."""

    def derive(trail: Trail) -> dict[str, Term]:
        count = trail.input("recipients", recipients, "mail")
        terms = {"recipients": count, "recipient_bytes": count * trail.input("bytes", size, "byte")}
        if read is None:
            terms["unknown_read_recipients"] = count * trail.constant(1)
        else:
            terms["read_recipients_bp"] = (count * trail.input("read_share", read, "ratio")).to("bp")
        if writing is not None:
            terms["writing_minutes"] = trail.input("writing_minutes", writing, "min")
        return terms

    return Case(METHOD, Subject("", {}), derive)


def _single(
    receivers: int, megabytes: Decimal | None, read: Decimal | None, writing: Decimal | None, flags: list[str]
) -> Case:
    """The published mail; what is absent takes the published default, flagged."""
    if megabytes is None:
        flags.append(SIZE_UNKNOWN)
    if read is None:
        flags.append("read-share-unknown:1")
    if writing is None:
        flags.append("writing-time-unknown:3-min")
    if megabytes is not None and not megabytes:
        flags.append(NO_MAIL)

    def derive(trail: Trail) -> dict[str, Term]:
        if NO_MAIL in flags:
            return {}
        count = trail.input("recipients", receivers, "mail")
        size = _given(trail, "size_mb", megabytes, "MiB", "email.size")
        share = _given(trail, "read_share", read, "ratio", "email.read_share")
        size = size.to("byte")
        message = trail.constant(1, "mail", note="one message")
        return {
            "messages": message,
            "message_bytes": size,
            "message_receivers": count,
            "message_receiver_bytes": count * size,
            "message_readers": count * share,
            "writing_minutes": _given(trail, "writing_minutes", writing, "min", "email.write"),
        }

    return Case(METHOD, Subject("", {}), derive)


def _given(trail: Trail, name: str, value: Decimal | None, unit: str, factor_id: str) -> Term:
    return trail.factor(factor_id) if value is None else trail.input(name, value, unit)
