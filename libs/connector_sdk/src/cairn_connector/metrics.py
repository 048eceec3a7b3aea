"""What a connector process counts."""

from typing import Final

from prometheus_client import Counter, Gauge, start_http_server

DISPATCHES: Final = Counter("cairn_connector_dispatches_total", "Dispatches taken from the queue, repeats included.")
RECEIPTS: Final = Counter("cairn_connector_receipts_total", "Receipts published.", ["status"])
IN_HAND: Final = Gauge("cairn_connector_in_hand", "Dispatches being worked on.")


def serve(address: str) -> None:
    """Serve the metrics on host:port."""
    host, _, port = address.rpartition(":")
    start_http_server(int(port), host or "127.0.0.1")
