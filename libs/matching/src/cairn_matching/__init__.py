"""Probabilistic record matching. Pure: records and rules in; a model, clusters and their reasons out."""

from cairn_matching.blocking import Key, KeyTexts
from cairn_matching.cluster import OTHERS_DISAGREE, SOURCE_HOLDS_BOTH, UNIQUE_IDS_DIFFER, Clusters, Links
from cairn_matching.match import Matched, match
from cairn_matching.model import BadModel, Model, dump, load
from cairn_matching.rules import BadRules, Rules, Thresholds, document, guess, read
from cairn_matching.score import Contribution, Scorer, in_bits, probability
from cairn_matching.stream import Stream, Suggestion
from cairn_matching.table import Reader, Table, date_orders, read_rows
from cairn_matching.train import train

__all__ = [
    "OTHERS_DISAGREE",
    "SOURCE_HOLDS_BOTH",
    "UNIQUE_IDS_DIFFER",
    "BadModel",
    "BadRules",
    "Clusters",
    "Contribution",
    "Key",
    "KeyTexts",
    "Links",
    "Matched",
    "Model",
    "Reader",
    "Rules",
    "Scorer",
    "Stream",
    "Suggestion",
    "Table",
    "Thresholds",
    "date_orders",
    "document",
    "dump",
    "guess",
    "in_bits",
    "load",
    "match",
    "probability",
    "read",
    "read_rows",
    "train",
]
