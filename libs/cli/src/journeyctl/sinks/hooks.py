"""A receiver of webhooks that keeps every call it got with a right signature."""

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from journeyctl.sinks.asking import Gate, Sink, arguments, routes, serve
from journeyctl.sinks.kept import Arrival, Kept


def told(arrival: Arrival) -> dict[str, Any]:
    """What the call said."""
    return {"body": json.loads(arrival.body)}


def main(given: Sequence[str] | None = None) -> None:
    """Serve HTTP until told to stop: webhooks at POST /hooks, questions at GET /messages."""
    parser = arguments(main.__doc__ or "")
    parser.add_argument("--secret", required=True, help="whsec_… that signs the calls")
    options = parser.parse_args(given)
    run(options.http, options.folder, options.secret)


def run(http_address: str, folder: Path, secret: str) -> None:
    """The same, with the options as arguments."""
    kept = Kept(folder / "hooks.sqlite")
    gate = Gate()
    webhook = Webhook(secret)

    async def receive(request: Request) -> Response:
        body = await request.body()
        try:
            content = webhook.verify(body, dict(request.headers))
        except WebhookVerificationError:
            return Response(status_code=401)
        recipient = str(content.get("data", {}).get("recipient", ""))
        await kept.keep(request.headers["webhook-id"], recipient, time.time(), body)
        await gate.passed()
        return Response(status_code=204)

    @asynccontextmanager
    async def nothing_else() -> AsyncIterator[None]:
        try:
            yield
        finally:
            kept.close()

    hooks = Route("/hooks", receive, methods=["POST"])
    serve(http_address, [hooks, *routes(Sink(kept, gate, told))], nothing_else)


if __name__ == "__main__":
    main()
