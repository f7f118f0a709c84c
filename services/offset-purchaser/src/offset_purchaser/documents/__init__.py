"""Documents for finance: the frozen content, and its rendering as PDF/A-3 (with Factur-X for invoices).

``DocumentContent`` is what the settlement stores with the number; ``render_pdf(content)`` turns it into bytes.
"""

from offset_purchaser.documents.catalogue import statement_vat
from offset_purchaser.documents.content import DocumentContent, totals
from offset_purchaser.documents.render import Attachment, Rendered, render, render_pdf
from offset_purchaser.documents.values import line_amount, round_money

__all__ = [
    "Attachment",
    "DocumentContent",
    "Rendered",
    "line_amount",
    "render",
    "render_pdf",
    "round_money",
    "statement_vat",
    "totals",
]
