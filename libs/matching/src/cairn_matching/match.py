"""A whole table at once: all pairs that keys find are scored, sure ones are joined, unsure ones are for people."""

from dataclasses import dataclass

import numpy as np

from cairn_matching.blocking import Blocks
from cairn_matching.cluster import Clusters, Links, cluster, same_unique_ids
from cairn_matching.model import Model
from cairn_matching.score import Scorer, in_bits
from cairn_matching.table import Table
from cairn_matching.train import Progress


@dataclass(slots=True)
class Matched:
    """Clusters, the links they rest on, and the pairs to review: unsure ones, and sure ones that were refused."""

    clusters: Clusters
    links: Links
    review: Links
    compared: int
    """Pairs that were compared."""


def match(model: Model, table: Table, progress: Progress = lambda word, done, total: None) -> Matched:
    """Cluster a table by a frozen model; the partition is a function of the set of records."""
    scorer = Scorer(model, table)
    found, compared = scored_pairs(model, table, scorer, progress)
    sure = found.bits >= in_bits(model.rules.thresholds.link)
    links = _joined(found.where(sure), same_unique_ids(table))
    clusters = cluster(table, links, scorer.bits, one_per_source=model.rules.one_per_source)
    apart = clusters.of[found.left] != clusters.of[found.right]
    return Matched(clusters, links, found.where(apart), compared)


def scored_pairs(model: Model, table: Table, scorer: Scorer, progress: Progress) -> tuple[Links, int]:
    """Pairs that reach the threshold of review, and how many were compared."""
    blocks = Blocks(table, model.keys)
    least = in_bits(model.rules.thresholds.review)
    total, compared = blocks.count(), 0
    kept: list[Links] = []
    for left, right in blocks.pairs():
        compared += len(left)
        places = scorer.promising(left, right, least)
        left, right = left[places], right[places]
        bits = scorer.bits(left, right)
        kept.append(Links(left, right, bits).where(bits >= least))
        progress("comparing pairs", min(compared, total), total)
    return _joined(*kept), compared


def _joined(*links: Links) -> Links:
    if not links:
        return Links(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))
    return Links(
        np.concatenate([one.left for one in links]),
        np.concatenate([one.right for one in links]),
        np.concatenate([one.bits for one in links]),
    )
