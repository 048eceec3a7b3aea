"""What is in an HTTP request: the body within its bounds, who sends it, which kind of call it is."""

import base64
import binascii
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote

import msgspec

from ingestion.domain import dialects
from ingestion.domain.batches import BadBatch
from ingestion.domain.dialects import Dialect
from ingestion.domain.fates import Fate, Outcome

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""Before and after decompression; what RudderStack's clients may send, eight times what Segment's do."""
GZIP: Final = b"\x1f\x8b"
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""With which some systems begin a text in UTF-8."""

PATH_KEY: Final = "/k/"
"""`/k/<write key>` before any path: for clients that can send no credential."""
_SINGLE_CALLS: Final = ("track", "identify", "page", "screen", "group", "alias")


class Route(NamedTuple):
    """What is sent to a path: in which dialect, and which type of call if only the path says it."""

    dialect: Dialect
    kind: str = ""
    imports: bool = False
    """Whether it is told what became of each event; it tells of what is long past, unless it says otherwise."""


ROUTES: Final[Mapping[str, Route]] = {
    **{f"/v1/{name}": Route(dialects.SEGMENT) for name in ("batch", "b")},
    "/v1/import": Route(dialects.SEGMENT, imports=True),
    **{f"/v1/{name}": Route(dialects.SEGMENT_SINGLE, name) for name in _SINGLE_CALLS},
    **{f"/v1/{name[0]}": Route(dialects.SEGMENT_SINGLE, name) for name in _SINGLE_CALLS},
    "/batch": Route(dialects.POSTHOG),
    **{path: Route(dialects.POSTHOG_SINGLE) for path in ("/capture", "/i/v0/e")},
    "/com.snowplowanalytics.snowplow/tp2": Route(dialects.SNOWPLOW),
    "/cloudevents": Route(dialects.CLOUD_EVENT),
}
"""The single letters are those of Segment's browser client."""
_CLOUD_BATCH: Final = b"application/cloudevents-batch+json"
_CLOUD_STRUCTURED: Final = b"application/cloudevents+json"


def addressed(path: str) -> tuple[str, str]:
    """The path without its write key, and the key; empty if there is none."""
    if path.startswith("//"):  # a client whose host was written with a slash at the end
        path = f"/{path.lstrip('/')}"
    if not path.startswith(PATH_KEY):
        return path.rstrip("/"), ""
    key, slash, rest = path.removeprefix(PATH_KEY).partition("/")
    return f"{slash}{rest}".rstrip("/"), key


def told(outcomes: Sequence[Outcome]) -> bytes:
    """What became of the events of an import: numbers, and the place of each event that was kept aside."""
    fates = Counter(outcome.fate for outcome in outcomes)
    aside = [
        {"index": index, "reason": outcome.reason, "field": outcome.field.partition(".")[2]}
        for index, outcome in enumerate(outcomes)
        if outcome.fate is Fate.QUARANTINED
    ]
    numbers = {"accepted": fates[Fate.ACCEPTED], "duplicates": fates[Fate.DUPLICATE]}
    return msgspec.json.encode({"success": True, **numbers, "quarantined": aside})


def settings_key(path: str) -> str:
    """The write key of `/v1/projects/<write key>/settings`, or nothing."""
    parts = path.split("/")
    return parts[3] if len(parts) == 5 and parts[1:3] == ["v1", "projects"] and parts[4] == "settings" else ""


def browser_settings(key: str) -> bytes:
    """What Segment's browser client needs to be told: send everything here."""
    return msgspec.json.encode({"integrations": {"Segment.io": {"apiKey": key}}, "plan": {"track": {}}})


def cloud_event(headers: Mapping[bytes, bytes], body: bytes) -> tuple[Dialect, bytes]:
    """A CloudEvents request as JSON, whichever of the three modes it came in: attributes in headers, one, or many.

    Raises BadBatch (BROKEN_JSON) if the data of binary mode is said to be JSON and is not.
    """
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if kind == _CLOUD_BATCH:
        return dialects.CLOUD_EVENTS, body
    if kind == _CLOUD_STRUCTURED:
        return dialects.CLOUD_EVENT, body
    attributes = {
        name.decode("latin-1")[3:]: unquote(value.decode("latin-1"))
        for name, value in headers.items()
        if name.startswith(b"ce-")
    }
    try:
        data = {"data": msgspec.Raw(body or b"null")} if _is_json(kind) else {"data_base64": base64.b64encode(body)}
        return dialects.CLOUD_EVENT, msgspec.json.encode({**attributes, **data})
    except msgspec.MsgspecError:
        raise BadBatch("BROKEN_JSON") from None


def _is_json(kind: bytes) -> bool:
    return not kind or kind.endswith((b"/json", b"+json"))


def unpacked(body: bytes) -> bytes:
    """The body, decompressed if it is gzip whatever its headers say. Raises BadBatch: BATCH_SIZE, BROKEN_GZIP."""
    if body[:2] == GZIP:
        body = b"".join(_members(body))
    if len(body) > MAX_BODY_BYTES:
        raise BadBatch("BATCH_SIZE")
    return body.removeprefix(BYTE_ORDER_MARK)


def _members(body: bytes) -> Iterator[bytes]:
    """What gzip packed, which may have been in several goes; no more than is needed to see that it is too much."""
    left = MAX_BODY_BYTES + 1
    while body[:2] == GZIP and left:
        stream = zlib.decompressobj(wbits=31)
        try:
            part = stream.decompress(body, left)
        except zlib.error:
            raise BadBatch("BROKEN_GZIP") from None
        left -= len(part)
        if not stream.eof and left:
            raise BadBatch("BROKEN_GZIP")
        yield part
        body = stream.unused_data


def packed(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a body is said to be compressed, in a way that we do not know."""
    return headers.get(b"content-encoding", b"").strip().lower() not in (b"", b"identity", b"gzip", b"x-gzip")


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
