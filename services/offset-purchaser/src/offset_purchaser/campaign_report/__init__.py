"""A campaign's report for people: one page with everything in it, and its charts as pictures for slides.

``assemble`` makes a ``Page`` of what the purchaser counted and bought, ``write_report`` draws and writes it.
"""

from offset_purchaser.campaign_report.assemble import assemble
from offset_purchaser.campaign_report.page import Page, Proof
from offset_purchaser.campaign_report.words import LANGUAGES
from offset_purchaser.campaign_report.write import write_report

__all__ = ["LANGUAGES", "Page", "Proof", "assemble", "write_report"]
