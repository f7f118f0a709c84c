"""Reading ``campaigns.yaml``: every error names the file, the line and the key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from offset_purchaser.campaign import Campaign, clash
from offset_purchaser.campaign_check import entity_faults, faults, invoice_faults
from offset_purchaser.campaign_words import printable, sentence, told_otherwise
from offset_purchaser.terms import LegalEntity, Strict
from shared.errors import Rejected

LIMIT_BYTES = 5_000_000
"""A campaign is about 1 kB; five megabytes is a wrong file."""


class CampaignFile(Strict):
    """The whole file."""

    legal_entities: tuple[LegalEntity, ...] = ()
    campaigns: tuple[Campaign, ...]

    def entity(self, campaign: Campaign) -> LegalEntity:
        """Who buys for a campaign."""
        if isinstance(campaign.legal_entity, LegalEntity):
            return campaign.legal_entity
        return next(entity for entity in self.legal_entities if entity.id == campaign.entity_id)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file as read: its content, the SHA-256 of its bytes, and where each key stands in it."""

    file: CampaignFile
    sha256: str
    name: str
    tree: CommentedMap

    def place(self, *path: str | int) -> str:
        """``file:line: key`` of a key, for what is found wrong later."""
        line, key = _locate(self.tree, path)
        return f"{self.name}:{line}: {key}"


def load(path: Path) -> Loaded:
    """Read a campaign file. Raises ``Rejected`` with one line per error: ``file:line: key: what is wrong``."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Rejected(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > LIMIT_BYTES:
        raise Rejected(f"{path}: {len(data)} bytes is no campaign file (limit {LIMIT_BYTES})")
    tree = _tree(data, str(path))
    return Loaded(_file(tree, str(path)), hashlib.sha256(data).hexdigest(), str(path), tree)


def parse(data: bytes, name: str) -> CampaignFile:
    """Parse the bytes of a campaign file; ``name`` stands before every line number."""
    return _file(_tree(data, name), name)


def _tree(data: bytes, name: str) -> CommentedMap:
    try:
        tree = YAML(typ="rt").load(data.decode())
    except UnicodeDecodeError as error:
        raise Rejected(f"{name}: not UTF-8 at byte {error.start}") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Rejected(f"{name}:{line}: {error.problem or 'not YAML'}") from None
    except YAMLError as error:
        raise Rejected(f"{name}: not YAML: {error}") from None
    except (ValueError, OverflowError) as error:
        raise Rejected(f"{name}:{_line_of_bad_scalar(data)}: not a date or number that exists: {error}") from None
    except RecursionError:
        raise Rejected(f"{name}: nested too deeply") from None
    if not isinstance(tree, CommentedMap):
        raise Rejected(f"{name}:1: expected the keys legal_entities and campaigns")
    return tree


def _file(tree: CommentedMap, name: str) -> CampaignFile:
    try:
        file = CampaignFile.model_validate(plain(tree))
    except ValidationError as error:
        items = error.errors(include_url=False)
        lines = [_explain(name, tree, item) for item in items if not told_otherwise(item, items)]
        raise Rejected("\n".join(dict.fromkeys(lines))) from None
    except (TypeError, OverflowError, RecursionError) as error:
        raise Rejected(f"{name}: holds a value that is none of a campaign file ({error})") from None
    found = [(_locate(tree, path), why) for path, why in (*_slips(tree), *_disagreements(file))]
    if found:
        raise Rejected("\n".join(f"{name}:{line}: {key}: {why}" for (line, key), why in found))
    return file


def _disagreements(file: CampaignFile) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is wrong between the entries of a file: (where, sentence)."""
    entities = [entity.id for entity in file.legal_entities]
    for ids, what in ((entities, "legal_entities"), ([c.id for c in file.campaigns], "campaigns")):
        yield from (
            ((what, n, "id"), f"{name} is the id of an entry above") for n, name in enumerate(ids) if name in ids[:n]
        )
    unknown = set()
    for n, campaign in enumerate(file.campaigns):
        if isinstance(campaign.legal_entity, str) and campaign.legal_entity not in entities:
            unknown.add(campaign.id)
            yield ("campaigns", n, "legal_entity"), f"legal entity {campaign.legal_entity} is not in the file"
    series: dict[str, str] = {}
    for n, campaign in enumerate(file.campaigns):
        if campaign.id in unknown:
            continue
        entity = file.entity(campaign)
        if series.setdefault(entity.series, entity.id) != entity.id:
            why = f"{entity.id} and {series[entity.series]} would share document numbers: give one another short"
            yield ("campaigns", n, "legal_entity"), why
    for n, entity in enumerate(file.legal_entities):
        yield from ((("legal_entities", n, *path), why) for path, why in entity_faults(entity))
    broken = set()
    for n, campaign in enumerate(file.campaigns):
        own = entity_faults(campaign.legal_entity) if isinstance(campaign.legal_entity, LegalEntity) else ()
        yield from ((("campaigns", n, "legal_entity", *path), why) for path, why in own)
        ours = () if campaign.id in unknown else invoice_faults(campaign, file.entity(campaign).party)
        for path, why in (*faults(campaign), *ours):
            broken.add(n)
            yield ("campaigns", n, *path), why
    yield from _clashes([(n, one) for n, one in enumerate(file.campaigns) if n not in broken])


def _clashes(campaigns: Sequence[tuple[int, Campaign]]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What two campaigns would both buy; ``campaigns`` with their places, those alone whose days are days."""
    for m, (n, campaign) in enumerate(campaigns):
        for _, other in campaigns[:m]:
            if other.id != campaign.id and (sentence := clash(other, campaign)):
                yield ("campaigns", n, "id"), sentence


def _line_of_bad_scalar(data: bytes) -> int:
    """The first line that cannot be read on its own, for errors that YAML raises without a place."""
    for number, line in enumerate(data.decode().splitlines(), 1):
        try:
            YAML(typ="safe", pure=True).load(line.strip().removeprefix("- "))
        except YAMLError:
            continue
        except (ValueError, OverflowError):
            return number
    return 1


def plain(node: Any) -> Any:
    """Plain Python values; numbers keep their digits, so that a price never passes through binary floating point."""
    if isinstance(node, CommentedMap):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [plain(value) for value in node]
    if isinstance(node, float):
        return _digits(node)
    return node


def _slips(node: Any, *path: str | int) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Scalars that were read as a number and may have been meant otherwise: (where, sentence)."""
    if isinstance(node, CommentedMap):
        for key, value in node.items():
            yield from _slips(value, *path, key)
    elif isinstance(node, CommentedSeq):
        for n, value in enumerate(node):
            yield from _slips(value, *path, n)
    elif isinstance(node, bool):
        if path[-1] not in YES_OR_NO:
            yield path, f"{str(node).lower()} is not a number"
    elif _led_by_zero(node):
        yield path, f"begins with a zero, which some read as octal; write {plain(node)}"


YES_OR_NO = frozenset({"stop_buying"})
"""The keys whose value is true or false."""


def _led_by_zero(node: Any) -> bool:
    if isinstance(node, float):
        return abs(node) >= 1 and not getattr(node, "_exp", None) and bool(getattr(node, "_m_lead0", 0))
    return isinstance(node, int) and (getattr(node, "_width", None) or 0) > len(str(abs(node)))


def _digits(node: float) -> str:
    width, precision = getattr(node, "_width", None), getattr(node, "_prec", None)
    if width is None or precision is None or getattr(node, "_exp", None):
        return repr(float(node))
    return f"{float(node):.{max(width - precision - 1, 0)}f}"


def _explain(name: str, tree: CommentedMap, item: Any) -> str:
    path: Sequence[str | int] = item["loc"]
    line, key = _locate(tree, path)
    message = sentence(item)
    first = message.split(":", 1)[0]
    if isinstance(node := _node(tree, path), CommentedMap) and first in node:
        line, key, message = _line_of(node, first, line), f"{key}.{first}" if key else first, message[len(first) + 2 :]
    return f"{name}:{line}: {key + ': ' if key else ''}{message}"


def _node(tree: CommentedMap, path: Sequence[str | int]) -> Any:
    node: Any = tree
    for part in path:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            continue  # a union's own label in the path, or the missing key itself
    return node


def _locate(tree: CommentedMap, path: Sequence[str | int]) -> tuple[int, str]:
    node: Any = tree
    line, words = 1, ""
    for part in path:
        if isinstance(node, CommentedMap):
            known = part in node
            if not known and _is_label(part):
                continue
            words = f"{words}.{printable(part)}" if words else printable(part)
            if not known:
                break
            line = _line_of(node, part, line)
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line = node.lc.item(part)[0] + 1 if node.lc.data else line  # a tagged list knows no places
            words = f"{words}[{part + 1}]"
        elif _is_label(part):
            continue
        else:
            break
        node = node[part]
    return line, words


def _line_of(node: CommentedMap, key: Any, before: int) -> int:
    """The line of a key; of one that a merge (``<<``) brings, where it is written; else ``before``."""
    if key in (node.lc.data or {}):
        return int(node.lc.key(key)[0]) + 1
    for source in node.merge or ():
        if isinstance(source, CommentedMap) and key in source:
            return _line_of(source, key, before)
    return before


def _is_label(part: str | int) -> bool:
    """Whether a part of an error's path names one kind of a union, not a key: ``tuple[...]``, ``LegalEntity``."""
    return isinstance(part, str) and (part[:1].isupper() or "[" in part)
