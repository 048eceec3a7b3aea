"""What is in an HTTP request: the body within its bounds, who sends it, which kind of call it is."""

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Final

from ingestion.domain.batches import BadBatch

MAX_BODY_BYTES: Final = 500 * 1024
"""Before and after decompression."""
GZIP: Final = b"\x1f\x8b"

KINDS: Final[Mapping[str, str]] = {
    "/v1/batch": "batch",
    "/v1/import": "batch",
    "/v1/b": "batch",
    "/v1/track": "track",
    "/v1/t": "track",
    "/v1/identify": "identify",
    "/v1/i": "identify",
    "/v1/page": "page",
    "/v1/p": "page",
    "/v1/screen": "screen",
    "/v1/s": "screen",
    "/v1/group": "group",
    "/v1/g": "group",
    "/v1/alias": "alias",
    "/v1/a": "alias",
}
"""What is sent where; the single letters are the browser's."""


def unpacked(body: bytes) -> bytes:
    """The body, decompressed if it is gzip whatever its headers say. Raises BadBatch: BATCH_SIZE, BROKEN_GZIP."""
    if body[:2] == GZIP:
        stream = zlib.decompressobj(wbits=31)
        try:
            body = stream.decompress(body, MAX_BODY_BYTES + 1)
        except zlib.error:
            raise BadBatch("BROKEN_GZIP") from None
        if not stream.eof and len(body) <= MAX_BODY_BYTES:
            raise BadBatch("BROKEN_GZIP")
    if len(body) > MAX_BODY_BYTES:
        raise BadBatch("BATCH_SIZE")
    return body


def write_key(authorization: bytes) -> str:
    """The write key of an Authorization header, Basic (as user name) or Bearer; empty if there is none."""
    scheme, _, rest = authorization.strip().partition(b" ")
    try:
        if scheme.lower() == b"basic":
            return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[0]
        if scheme.lower() == b"bearer":
            return rest.strip().decode()
    except (binascii.Error, UnicodeError):
        pass
    return ""


def traceparent(header: bytes) -> str:
    """A W3C trace context of version 00, or nothing."""
    text = header.decode("latin-1")
    parts = text.split("-")
    fits = [len(part) for part in parts] == [2, 32, 16, 2] and all(set(part) <= _HEX for part in parts)
    return text if fits and parts[0] == "00" else ""


_HEX: Final = frozenset("0123456789abcdef")
