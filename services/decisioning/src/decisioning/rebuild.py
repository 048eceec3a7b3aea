"""How the read models follow from the log: `python -m decisioning.rebuild` makes them anew."""

from collections.abc import Sequence

from cairn_decisions import DecisioningDomain
from cairn_decisions.facts import ProfileState
from cairn_decisions.stored import STORED
from cairn_runtime.rebuild import ReadModel
from cairn_runtime.rebuild_command import main
from cairn_runtime.rebuild_profiles import ProfileFolding
from decisioning.adapters.read_model import project
from decisioning.application.catalogues import Catalogues


def folding(programmes: Sequence[tuple[str, str, bytes]]) -> ProfileFolding[ProfileState]:
    catalogues = Catalogues()
    for row in programmes:
        catalogues.install(*row)
    return ProfileFolding(DecisioningDomain(catalogues), project)


READ_MODEL = ReadModel(
    service="decisioning",
    folding=folding,
    tables={
        "decisions": "SELECT * FROM {table}",
        "decision_counts": "SELECT * FROM {table} WHERE decisions <> 0",
        "merged_profiles": "SELECT * FROM {table}",
    },
    stored=STORED,
)

if __name__ == "__main__":
    main("decisioning.rebuild:READ_MODEL")
