"""From typst's PDF/A-3 to a Factur-X file that is still PDF/A-3: only its XMP metadata are extended.

typst itself embeds the files with their relationship; what it cannot write are the four ``fx`` properties and the
PDF/A extension schema that describes them. Writing the XMP anew loses the schemas that typst described there, and
with them PDF/A; so they are added to what typst wrote, and every other object stays as it is.
"""

from __future__ import annotations

from copy import deepcopy
from importlib.resources import files
from io import BytesIO

from lxml import etree  # type: ignore[import-untyped]
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject

XML_NAME = "factur-x.xml"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_SCHEMAS = "{http://www.aiim.org/pdfa/ns/extension/}schemas"
_FX = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
_PACKET = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>%s<?xpacket end="r"?>'


def declare_facturx(pdf: bytes) -> bytes:
    """Declare the embedded ``factur-x.xml`` (EN 16931) in the XMP metadata. Same bytes in, same bytes out."""
    reader = PdfReader(BytesIO(pdf))
    writer = PdfWriter(clone_from=reader)
    writer.pdf_header = reader.pdf_header
    metadata = writer.root_object["/Metadata"].get_object()
    if not isinstance(metadata, DecodedStreamObject):
        raise TypeError(f"the XMP metadata are a {type(metadata).__name__}, not a plain stream")
    metadata.set_data(extend_xmp(metadata.get_data()))
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def embedded_xml(pdf: bytes) -> bytes | None:
    """The ``factur-x.xml`` inside a stored document, as it is; ``None`` for a document that is no e-invoice."""
    found = PdfReader(BytesIO(pdf)).attachments.get(XML_NAME)
    return bytes(found[0]) if found else None


def extend_xmp(packet: bytes) -> bytes:
    """Add the Factur-X properties and their extension schema to an XMP packet that has a PDF/A schema bag."""
    root = etree.fromstring(packet[packet.index(b"<x:xmpmeta") : packet.rindex(b"<?xpacket")])
    bag = root.find(f".//{_SCHEMAS}/{_RDF}Bag")
    description = root.find(f".//{_RDF}Description")
    if bag is None or description is None:
        raise ValueError("the XMP metadata lack the PDF/A extension schemas")
    declared = _declaration()
    bag.extend(deepcopy(item) for item in declared.findall(f".//{_SCHEMAS}/{_RDF}Bag/{_RDF}li"))
    properties = declared.find(f"{_RDF}Description/{_FX}ConformanceLevel/..")
    level = properties.find(f"{_FX}ConformanceLevel")
    level.text = "EN 16931"
    description.addnext(properties)
    extended: bytes = etree.tostring(root, encoding="utf-8")
    return _PACKET % extended


def _declaration() -> etree._Element:
    source = files("facturx").joinpath("xmp/Factur-X_extension_schema.xmp").read_bytes()
    return etree.fromstring(source, etree.XMLParser(remove_comments=True, remove_blank_text=True))
