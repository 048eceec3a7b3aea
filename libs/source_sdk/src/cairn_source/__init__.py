"""What a team imports to bring events out of a legacy system into Cairn."""

from cairn_source.mapping import Mapping, load_mapping, load_mappings
from cairn_source.process import main, run_source
from cairn_source.settings import SourceSettings
from cairn_source.source import Change, Row, Slice, Source, Unreachable

__all__ = [
    "Change",
    "Mapping",
    "Row",
    "Slice",
    "Source",
    "SourceSettings",
    "Unreachable",
    "load_mapping",
    "load_mappings",
    "main",
    "run_source",
]
