"""E-mails: recipients, the bytes sent to them, and how many read."""

from __future__ import annotations

from shared.estimate import ChannelName
from shared.events import EmailSent
from shared.meter.channel import Channel, Contribution, Fields

BASIS_POINTS = 10_000


def fold(row: Fields) -> Contribution:
    """Sums over recipients; a mailing without a read share is counted as such, the default share is the method's."""
    recipients = row["recipients"]
    share = row.get("read_share")
    read = 0 if share is None else round(recipients * share * BASIS_POINTS)
    return Contribution(
        (row["kind"],), (recipients, recipients * row["bytes"], read, recipients if share is None else 0)
    )


EMAIL = Channel(
    name=ChannelName.EMAIL,
    topic="emails_sent",
    event=EmailSent,
    labels=("kind",),
    measures=("recipients", "recipient_bytes", "read_recipients_bp", "unknown_read_recipients"),
    horizon_s=24 * 60 * 60,
    fold=fold,
)
