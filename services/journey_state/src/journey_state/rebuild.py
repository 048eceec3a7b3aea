"""How the read models follow from the log: `python -m journey_state.rebuild` makes them anew."""

from collections.abc import Sequence

from cairn_journey import CustomerState
from cairn_journey.engine.domain import JourneyDomain
from cairn_journey.engine.evolve import MEANING
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.stored import STORED
from cairn_runtime import Snapshots
from cairn_runtime.rebuild import ReadModel
from cairn_runtime.rebuild_command import main
from cairn_runtime.rebuild_profiles import ProfileFolding
from journey_state.adapters.read_model import project
from journey_state.application.activation import installer


def domain(programmes: Sequence[tuple[str, str, bytes]]) -> JourneyDomain:
    known = Programmes()
    install = installer(known)
    for row in programmes:
        install(*row)
    return JourneyDomain(known)


SNAPSHOTS = Snapshots(CustomerState, meaning=MEANING)


def folding(programmes: Sequence[tuple[str, str, bytes]]) -> ProfileFolding[CustomerState]:
    return ProfileFolding(domain(programmes), project, snapshots=SNAPSHOTS, facts=False)


READ_MODEL = ReadModel(
    service="journey_state",
    folding=folding,
    tables={
        "customers": "SELECT * FROM {table}",
        "instances": "SELECT * FROM {table}",
        "counters": "SELECT * FROM {table} WHERE value <> 0",
    },
    stored=STORED,
)

if __name__ == "__main__":
    main("journey_state.rebuild:READ_MODEL")
