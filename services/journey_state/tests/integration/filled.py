"""A log of journeys with its read models, as the service would have left them."""

from cairn_eventstore import NewEvent, PostgresEventStore, UnitOfWork
from cairn_journey.engine.domain import JourneyDomain
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import partition_of
from cairn_runtime import Change
from cairn_runtime.database import open_pool
from journey_state.adapters.read_model import project
from journey_state.rebuild import domain

from .running import PROGRAMME, bought


async def filled(dsn: str, customers: int) -> list[Event]:
    """Streams and read models of customers, as the service would have left them; the events of all streams."""
    made: JourneyDomain = domain([("default", PROGRAMME.version, PROGRAMME.bundle())])
    async with open_pool(dsn, "journey_state") as pool:
        insert = "INSERT INTO definitions (tenant, ordinal, version, bundle) VALUES ('default', 1, $1, $2)"
        await pool.execute(insert, PROGRAMME.version, PROGRAMME.bundle())
        work, all_events = UnitOfWork(), []
        for number in range(customers):
            person = stable_id("person", number)
            partition = partition_of("default", person)
            before = state = made.initial("default", person)
            facts: list[Event] = []
            for day in (0, 12, 14, 50)[: 1 + number % 4]:
                caused, state = made.handle(state, bought(person, day, 1.5))
                facts += caused
            work.appends += [NewEvent(partition, person, n, fact) for n, fact in enumerate(facts, 1)]
            change = Change(partition, "default", person, 0, len(facts), before, state, facts)
            project(work, [change])
            all_events += facts
        await PostgresEventStore(pool).commit(work)
    return all_events
