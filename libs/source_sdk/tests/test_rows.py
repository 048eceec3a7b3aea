"""Files as partners make them: packed, cut off, in any encoding."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pyarrow import compress

from cairn_source import rows
from cairn_source.rows import BROKEN, CannotRead, Row, columns_of, format_of, rows_of, size_of, unpacked_name

CSV = "no,name\r\n" + "".join(f"{number},Müller {number}\r\n" for number in range(5_000))
JSONL = "".join(f'{{"no": {number}, "name": "Müller"}}\n' for number in range(5_000))


def zstandard(content: bytes) -> bytes:
    return bytes(compress(content, codec="zstd", asbytes=True))


def as_it_is(content: bytes) -> bytes:
    return content


def in_two_goes(content: bytes) -> bytes:
    half = len(content) // 2
    return gzip.compress(content[:half]) + gzip.compress(content[half:])


@pytest.mark.parametrize("pack", [as_it_is, gzip.compress, in_two_goes, zstandard])
@pytest.mark.parametrize(("name", "text"), [("orders.csv", CSV), ("orders.jsonl", JSONL)])
def test_a_packed_file_says_the_same(tmp_path: Path, name: str, text: str, pack: Callable[[bytes], bytes]) -> None:
    plain, packed = tmp_path / name, tmp_path / f"{name}.gz"
    plain.write_bytes(text.encode())
    packed.write_bytes(pack(text.encode()))
    format = format_of(packed, "")
    assert format == format_of(plain, "")
    read = [
        [(number, fields) for number, _, fields in rows_of(path, format, delimiter=",", encoding="utf-8-sig")]
        for path in (plain, packed)
    ]
    assert read[0] == read[1]
    assert len(read[0]) == 5_000
    columns = [columns_of(path, format, delimiter=",", encoding="utf-8-sig") for path in (plain, packed)]
    assert columns[0] == columns[1]
    progress = [read for _, read, _ in rows_of(packed, format, delimiter=",", encoding="utf-8-sig")]
    assert progress == sorted(progress)
    assert progress[-1] == size_of(packed, format)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard])
def test_a_packed_file_that_is_cut_off_tells_what_is_before_and_then_that(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "orders.csv.gz"
    noise = "".join(f"{os.urandom(16).hex()},x\n" for _ in range(20_000))
    path.write_bytes(pack(f"no,name\n{noise}".encode())[:-1_000])
    told: list[Row] = []
    with pytest.raises(CannotRead, match="cut off or broken"):
        told.extend(rows_of(path, "csv", delimiter=",", encoding="utf-8-sig"))
    assert len(told) > 1_000
    assert not any(BROKEN in fields for _, _, fields in told)


def test_a_line_without_end_fills_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_LINE_BYTES", 100)
    path = tmp_path / "orders.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' + b"[" * 1_000))
    with pytest.raises(CannotRead, match="16 MB"):
        list(rows_of(path, "jsonl", delimiter=",", encoding="utf-8-sig"))


def test_a_file_is_called_the_same_whether_it_is_packed_or_not() -> None:
    assert [unpacked_name(name) for name in ("a.csv", "a.csv.gz", "b/a.JSONL.ZST", ".gz")] == [
        "a.csv",
        "a.csv",
        "b/a.JSONL",
        "",
    ]
