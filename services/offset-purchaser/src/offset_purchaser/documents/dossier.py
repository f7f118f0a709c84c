"""The audit file of one settlement: one zip that a stranger can check offline, years later.

``build_dossier`` is pure: the same data give the same bytes. ``dossier_check.verify_dossier`` needs the file alone.
"""

from __future__ import annotations

from offset_purchaser.documents.accounting import (
    bilan_carbone,
    emitted,
    esrs_e1_7,
    ghg_protocol,
)
from offset_purchaser.documents.container import as_json, pack, sha256
from offset_purchaser.documents.dossier_data import DossierData, record_of
from offset_purchaser.documents.tables import (
    calculation_csv,
    csv_bytes,
    methods_csv,
    orders_csv,
    registers_csv,
    sources_csv,
)
from offset_purchaser.documents.workbook import workbook
from shared.errors import Rejected

README = """Audit file of settlement {number} of {day}, campaign {campaign} ({mode}), legal entity {entity}.

settlement.json   what was settled, in grams, and the rules of the campaign that decide what counts
sources.csv       where the records of every source partition went; the difference must be 0
registers.csv     every register as it stood at the freeze, micrograms of CO2e; record.txt is the same as it was hashed
methods.csv       methods and factor sets by channel; factors/ holds the factor sets
calculation.csv   from registers to the quantity needed; recompute.xlsx does it again with formulas
orders.csv        one priced line for each order, orders.json with what is known of its project and certificates;
                  documents/ and certificates/ hold the papers
evidence/         what people brought with figures of their own
accounting/       GHG Protocol, Bilan Carbone and ESRS E1-7; emissions and credits apart
manifest.json     SHA-256 of every file here

The total: inside a factor group low, central and high add up, because one factor stands behind all of its registers;
between groups the half widths add in quadrature. Registers marked bots, late_unprovable or not_estimated are shown and
not counted. The result is rounded up to grams once; from formula 2 on (settlement.json) what others pay is rounded up
by itself, and so is the rest.

Check it, without a database or a network: offset-purchaser dossier verify FILE
It recomputes every hash, the total and the tables. A file that was made up as a whole agrees with itself: exit code 3.
Add --document with every document that you received elsewhere, or --expect with a SHA-256 printed on one. What they
prove is named, and so is what only agrees with itself. Exit code 0: registers, grams, orders and papers are proven.
"""


def build_dossier(data: DossierData) -> bytes:
    """The zip's bytes. Raises ``Rejected`` when the registers are not those that were hashed at the freeze."""
    if sha256(record_of(data.registers)) != data.lines_sha256:
        raise Rejected(f"the registers of {data.day} ({data.number}) do not have the SHA-256 of the freeze")
    return pack(_entries(data))


def readme(data: DossierData) -> bytes:
    """The text beside the tables, which explains them."""
    named = {"number": data.number, "day": data.day, "campaign": data.campaign_id}
    return README.format(**named, mode=data.mode, entity=data.legal_entity).encode()


def dossier_name(data: DossierData) -> str:
    """The file name, e.g. ``dossier-black-friday-2026-2026-11-27-1.zip``."""
    return f"dossier-{data.campaign_id}-{data.day.isoformat()}-{data.number}.zip"


def tables(data: DossierData) -> dict[str, bytes]:
    """The files that follow from the data alone, byte by byte, in every version of what they stand on."""
    settled = ("campaign_id", "campaign_name", "legal_entity", "mode", "day", "number", "frozen_at")
    rules = ("cover", "bots", "late_unprovable")
    said = ("formula",) if data.formula > 1 else ()  # the first formula's files have no such line
    grams = ("owed_g", "paid_by_others_g", "waived_g", "committed_g", "need_g", "lines_sha256")
    return {
        "settlement.json": as_json(data.model_dump(mode="json", include={*settled, *rules, *said, *grams})),
        "sources.csv": sources_csv(data.sources),
        "registers.csv": registers_csv(data),
        "record.txt": record_of(data.registers),
        "methods.csv": methods_csv(data.registers),
        "calculation.csv": calculation_csv(data),
        "orders.csv": orders_csv(data),
        "orders.json": as_json([line.model_dump(mode="json") for line in data.orders]),
        "accounting/ghg-protocol.csv": csv_bytes(*ghg_protocol(emitted(data.day, data.registers))),
        "accounting/bilan-carbone.csv": csv_bytes(*bilan_carbone(emitted(data.day, data.registers))),
        "accounting/esrs-e1-7.csv": csv_bytes(*esrs_e1_7(data.orders)),
    }


FOLDERS = ("factors", "documents", "certificates", "evidence")


def _entries(data: DossierData) -> dict[str, bytes]:
    return {
        **tables(data),
        "README.txt": readme(data),
        "recompute.xlsx": workbook(data),
        **{f"{folder}/{file.name}": file.content for folder in FOLDERS for file in getattr(data, folder)},
        **{f"documents/{file.name}": file.content for file in data.contents},
    }
