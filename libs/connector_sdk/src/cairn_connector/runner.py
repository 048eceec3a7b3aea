"""The process around a connector: pull, handle, receipt, acknowledge; stop without losing or doubling anything."""

import asyncio
import json
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from cairn_connector import streams, wire
from cairn_connector.delivery import Connector, DeliveryError, Outcome, Status
from cairn_connector.handling import Handler, Later, Reply, Verdict
from cairn_connector.journal import Entry, Journal
from cairn_connector.manifest import Manifest
from cairn_connector.metrics import DISPATCHES, IN_HAND, RECEIPTS
from cairn_connector.pulling import PullQueue
from cairn_connector.rate import RateLimit
from cairn_connector.settings import ConnectorSettings

log: Final = structlog.get_logger()

CHECK_AGAIN_S: Final = 2.0
PUBLISH_AGAIN_S: Final = 0.5
FAILED_AGAIN_S: Final = 5.0
DAY_S: Final = 86_400.0


class Runner:
    """One connector at work on its queue, until `stop` is called."""

    def __init__(
        self,
        connector: Connector,
        manifest: Manifest,
        settings: ConnectorSettings,
        client: Client,
        journal: Journal,
        clock: Callable[[], float],
    ) -> None:
        self._connector = connector
        self._manifest = manifest
        self._settings = settings
        self._client = client
        self._journal = journal
        self._clock = clock
        self._handler = Handler(connector, journal, manifest.doubt, clock=clock, timeout_s=settings.deliver_timeout_s)
        self._rate = RateLimit(manifest.rate)
        self._queue = PullQueue(client, wire.DISPATCH_STREAM, wire.queue_consumer(manifest.name), self._ensure_queue)
        self._stopping = asyncio.Event()
        self._freed = asyncio.Event()
        self._in_hand: dict[int, Msg] = {}
        self._hands: set[asyncio.Task[None]] = set()
        self._last_fault = ""
        self._usable = False

    def stop(self) -> None:
        """Take nothing more; `run` returns when what is in hand is finished."""
        self._stopping.set()
        self._freed.set()

    async def run(self) -> None:
        """Work until stopped. Raises only for faults of this code, never for those of channel or server."""
        await self._journal.prune(self._clock() - self._settings.journal_days * DAY_S)
        probe = await self._client.subscribe(f"connector.{self._manifest.name}.probe", cb=self._answer_probe)
        async with asyncio.TaskGroup() as group:
            aside = [group.create_task(self._show_work()), group.create_task(self._recover())]
            await self._wait_until_usable()
            while not self._stopping.is_set():
                await self._pull(group)
            await self._queue.close()
            await self._drain()
            for task in aside:
                task.cancel()
        with suppress(*streams.FAULTS):
            await probe.unsubscribe()

    async def _pull(self, group: asyncio.TaskGroup) -> None:
        free = self._settings.concurrency - len(self._in_hand)
        if free < max(1, self._settings.concurrency // 4):
            self._freed.clear()
            await self._freed.wait()
            return
        for message in await self._queue.take(free):
            self._in_hand[id(message)] = message
            task = group.create_task(self._take_in_hand(message))
            self._hands.add(task)
            task.add_done_callback(self._hands.discard)
        IN_HAND.set(len(self._in_hand))

    async def _take_in_hand(self, message: Msg) -> None:
        try:
            await self._work_on(message)
        except streams.FAULTS as fault:  # the dispatch comes again, and the journal knows how far it got
            log.info("dispatch.interrupted", fault=type(fault).__name__)
        except Exception as fault:
            self._last_fault = type(fault).__name__
            log.error("dispatch.failed", fault=type(fault).__name__)
            with suppress(*streams.FAULTS):
                await message.nak(FAILED_AGAIN_S)
        finally:
            del self._in_hand[id(message)]
            self._freed.set()

    async def _work_on(self, message: Msg) -> None:
        try:
            dispatch = wire.decode_dispatch(message.data)
        except ValueError:
            log.error("dispatch.unreadable", bytes=len(message.data))
            await message.term()
            return
        DISPATCHES.inc()
        await self._rate.wait()
        seen_before = (
            message.metadata.num_delivered > 1 or dispatch.attempt > 1 or wire.REPEAT_HEADER in (message.headers or {})
        )
        verdict = await self._handler.handle(dispatch, seen_before=seen_before)
        if isinstance(verdict, Reply):
            repeat = message.metadata.sequence.stream if verdict.repeated else 0
            entry = Entry(dispatch.delivery_id, dispatch.tenant, dispatch.attempt, 0.0)
            await self._tell(entry, verdict, repeat)
            await message.ack()  # if it is lost, the dispatch comes again and the journal answers it
            return
        if verdict.in_doubt:
            entry = Entry(dispatch.delivery_id, dispatch.tenant, dispatch.attempt, 0.0)
            await self._tell(entry, Reply(Outcome(Status.IN_DOUBT, reason="NOT_YET_KNOWN")), 0)
        await message.nak(verdict.delay_s)

    async def _tell(self, entry: Entry, reply: Reply, repeat: int) -> None:
        """Publish a receipt; in trouble again and again, since the dispatch is not acknowledged before."""
        outcome = reply.outcome
        body = wire.encode_receipt(
            entry.delivery_id, entry.attempt, entry.tenant, outcome, resolved_by_query=reply.by_query
        )
        message_id = f"{entry.delivery_id}:{outcome.status.value}"
        if outcome.status in (Status.RETURNED, Status.IN_DOUBT):
            message_id += f":{entry.attempt}"
        if repeat:
            message_id += f":{repeat}"
        while True:
            try:
                await streams.store(
                    self._client, wire.receipt_subject(self._manifest.name), body, message_id=message_id
                )
                RECEIPTS.labels(outcome.status.value).inc()
                return
            except streams.FAULTS as fault:
                log.info("receipt.delayed", fault=type(fault).__name__)
            await asyncio.sleep(PUBLISH_AGAIN_S)
            if self._settings.create_queue:
                with suppress(*streams.FAULTS):
                    await streams.ensure_receipt_stream(self._client)

    async def _recover(self) -> None:
        """Settle what a crash left begun, before its dispatches come again."""
        for entry in await self._journal.unfinished():
            verdict: Verdict | None = Later(entry.begun_at + self._manifest.doubt.settle_s - self._clock())
            while isinstance(verdict, Later):
                await asyncio.sleep(max(0.0, verdict.delay_s))
                verdict = await self._handler.settle(entry)
            if verdict is not None:
                await self._tell(entry, verdict, 0)

    async def _show_work(self) -> None:
        while True:
            await asyncio.sleep(streams.ACK_WAIT_S / 3)
            for message in list(self._in_hand.values()):
                with suppress(*streams.FAULTS):
                    await message.in_progress()

    async def _wait_until_usable(self) -> None:
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(self._settings.deliver_timeout_s):
                    await self._connector.check()
                self._usable = True
                log.info("connector.ready", connector=self._manifest.name)
                return
            except Exception as fault:
                reason = fault.reason if isinstance(fault, DeliveryError) else type(fault).__name__
                if reason != self._last_fault:
                    log.warning("connector.unusable", connector=self._manifest.name, reason=reason)
                self._last_fault = reason
            with suppress(TimeoutError):
                async with asyncio.timeout(CHECK_AGAIN_S):
                    await self._stopping.wait()

    async def _drain(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_s):
                await asyncio.gather(*self._hands, return_exceptions=True)
        for task in list(self._hands):
            task.cancel()

    async def _ensure_queue(self) -> None:
        if self._settings.create_queue:
            await streams.ensure_dispatch_queue(self._client, self._manifest.name)

    async def _answer_probe(self, message: Msg) -> None:
        answer = {
            "name": self._manifest.name,
            "version": self._manifest.version,
            "usable": self._usable,
            "in_hand": len(self._in_hand),
            "last_fault": self._last_fault,
        }
        await message.respond(json.dumps(answer).encode())


async def run_until_signal(runner: Runner) -> None:
    """Run until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, runner.stop)
    await runner.run()
