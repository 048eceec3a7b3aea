"""What a source worker counts."""

from typing import Final

from prometheus_client import Counter, Gauge, start_http_server

ROWS: Final = Counter("cairn_source_rows_total", "Rows that Cairn answered for.", ["outcome"])
"""accepted, duplicate, quarantined; ignored: no mapping is for them."""
PASSES: Final = Counter("cairn_source_passes_total", "Times that there was nothing left to read.")
FAULTS: Final = Counter("cairn_source_faults_total", "Times that reading or sending was broken off.", ["reason"])
COMPLETE: Final = Gauge("cairn_source_complete_timestamp_seconds", "When last there was nothing left to read.")


def serve(address: str) -> None:
    """Serve the metrics on host:port."""
    host, _, port = address.rpartition(":")
    start_http_server(int(port), host or "127.0.0.1")
