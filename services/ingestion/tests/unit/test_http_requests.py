import base64
import gzip

import pytest

from ingestion.adapters.http_requests import MAX_BODY_BYTES, addressed, traceparent, unpacked, write_key
from ingestion.domain.batches import BadBatch


def test_gzip_is_seen_by_its_first_bytes_and_bounded() -> None:
    assert unpacked(gzip.compress(b"{}")) == b"{}"
    assert unpacked(b"{}") == b"{}"
    assert len(unpacked(gzip.compress(b"x" * MAX_BODY_BYTES))) == MAX_BODY_BYTES
    bomb = gzip.compress(b"x" * 100_000_000)
    for body in (bomb, gzip.compress(b"x" * MAX_BODY_BYTES) * 2, b"x" * (MAX_BODY_BYTES + 1)):
        with pytest.raises(BadBatch, match="BATCH_SIZE"):
            unpacked(body)
    two = gzip.compress(b'{"a":') + gzip.compress(b"1}")
    assert unpacked(two) == b'{"a":1}'
    assert unpacked(gzip.compress(b"\xef\xbb\xbf{}")) == unpacked(b"\xef\xbb\xbf{}") == b"{}"
    for body in (b"\x1f\x8bnonsense", gzip.compress(b"{}" * 50)[:-9], two[:-9]):
        with pytest.raises(BadBatch, match="BROKEN_GZIP"):
            unpacked(body)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v1/batch/", ("/v1/batch", "")),
        ("//v1/batch", ("/v1/batch", "")),
        ("/k/KEY/batch/", ("/batch", "KEY")),
        ("//k/KEY/batch", ("/batch", "KEY")),
        ("/k//batch", ("/batch", "")),
        ("/", ("", "")),
    ],
)
def test_a_path_is_found_with_and_without_slashes_and_key(path: str, found: tuple[str, str]) -> None:
    assert addressed(path) == found


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (b"Basic " + base64.b64encode(b"KEY:"), "KEY"),
        (b"basic " + base64.b64encode(b"KEY:word"), "KEY"),
        (b"Bearer KEY", "KEY"),
        (b"Basic !!!", ""),
        (b"Basic " + base64.b64encode(b"\xff\xfe:"), ""),
        (b"Digest x", ""),
        (b"", ""),
    ],
)
def test_the_write_key_is_read_from_the_header(header: bytes, key: str) -> None:
    assert write_key(header) == key


def test_only_a_well_formed_trace_context_passes() -> None:
    good = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    assert traceparent(good.encode()) == good
    for bad in ("", "x", good.upper(), "01" + good[2:], good + "-x", good[:-1]):
        assert traceparent(bad.encode()) == ""
