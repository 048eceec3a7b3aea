"""Rows as requests: what is told, what is kept aside, and which batch ends a slice."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn_journey import DefinitionFaults
from cairn_source import Mapping, Row, Slice, load_mapping, load_mappings
from cairn_source.rows import BROKEN, READ
from cairn_source.telling import batches, event

MAPPING = """
kind: Import
name: orders
from: "public.*"
event: Order Completed
time: {column: at, zone: Europe/Berlin}
identifiers: {user_id: customer}
properties: {number: {column: no, as: number}, text: text, lines: {column: lines, as: json}}
"""


@pytest.fixture
def mapping(tmp_path: Path) -> Mapping:
    return told(tmp_path, MAPPING)


def told(folder: Path, text: str) -> Mapping:
    path = folder / "mapping.yaml"
    path.write_text(text)
    return load_mapping(path)


def row(place: str = "1", origin: str = "public.orders", **fields: Any) -> Row:
    return Row(origin, place, {"at": "2024-07-01T12:00", "customer": "c1", "no": 7, **fields})


def test_a_row_is_an_event_at_its_place(mapping: Mapping) -> None:
    made = event(mapping, row("17", text="a", lines={"sku": [1, None, True]}))
    assert made.message_id == "orders/public.orders:17"
    assert made.type == "Order Completed"
    assert made.event_time.ToDatetime(UTC) == datetime(2024, 7, 1, 10, tzinfo=UTC)
    assert dict(made.identifiers) == {"user_id": "c1"}
    assert dict(made.properties)["number"] == 7
    assert MessageToDict(made.properties)["lines"] == {"sku": [1, None, True]}
    assert made.unreadable == ""


def test_an_id_too_long_or_not_plain_is_hashed_and_columns_may_be_the_id(mapping: Mapping, tmp_path: Path) -> None:
    for origin in ("public." + "x" * 100, "public.größe"):
        made = event(mapping, row(origin=origin)).message_id
        assert made.startswith("import-")
        assert made == event(mapping, row(origin=origin)).message_id
    by_columns = told(tmp_path, MAPPING + "id: [no]\n")
    assert event(by_columns, row("1")).message_id == event(by_columns, row("2")).message_id
    assert event(by_columns, row("1")).message_id != event(by_columns, row("1", no=8)).message_id


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"at": "soon"}, "at is no time"),
        ({"customer": None}, "nobody is named by customer"),
        ({"no": "many"}, "no is no number"),
        ({"no": 2**60}, "number is a whole number beyond 2^53: leave `as: number` out"),
        ({"text": "\ud800"}, "it is not in the encoding that the mapping says"),
        ({"customer": "\ud800"}, "it is not in the encoding that the mapping says"),
    ],
)
def test_a_row_that_is_no_event_travels_with_its_reason_and_what_was_read(
    mapping: Mapping, fields: dict[str, Any], why: str
) -> None:
    made = event(mapping, row("17", **fields))
    assert made.unreadable == f"public.orders:17 {why}"
    assert made.message_id == "orders/public.orders:17"
    assert dict(made.properties)["at"] == fields.get("at", "2024-07-01T12:00")


def test_a_line_that_is_no_row_travels_as_it_was_read(mapping: Mapping) -> None:
    made = event(mapping, Row("public.orders", "3", {BROKEN: "this line is no JSON object", READ: "{oops"}))
    assert made.unreadable == "public.orders:3 this line is no JSON object"
    assert dict(made.properties) == {"read": "{oops"}


def test_only_the_last_batch_of_a_slice_is_done_with_it(mapping: Mapping) -> None:
    item = Slice("log", "9", [*(row(str(n)) for n in range(7)), row("8", origin="other.table")])
    made = list(batches(item, [mapping], 3))
    assert [len(batch.places) for batch in made] == [3, 3, 1]
    assert [batch.done for batch in made] == [None, None, item]
    assert made[-1].ignored == 1
    (empty,) = batches(Slice("log", "9"), [mapping], 3)
    assert (empty.places, empty.done is not None) == ([], True)


def test_the_past_is_told_as_past_unless_the_mapping_says_otherwise(mapping: Mapping, tmp_path: Path) -> None:
    past = Slice("copy", "", [row()], past=True)
    assert [batch.request.historical for batch in batches(past, [mapping], 9)] == [True]
    live = told(tmp_path, MAPPING + "historical: false\n")
    assert [batch.request.historical for batch in batches(past, [live], 9)] == [False]
    mixed = [batch.request.historical for batch in batches(past, [live, mapping], 9)]
    assert mixed == [False, True]


def test_changes_are_events_of_the_mappings_that_want_them(mapping: Mapping, tmp_path: Path) -> None:
    changes = told(tmp_path, MAPPING.replace("name: orders", "name: changes\non: [update, delete]"))
    for change, name in (("insert", "orders"), ("update", "changes"), ("delete", "changes")):
        (batch,) = batches(Slice("log", "1", [row()._replace(change=change)]), [mapping, changes], 9)  # type: ignore[arg-type]
        (made,) = batch.request.events
        assert made.message_id == f"{name}/public.orders:1"


def test_long_rows_make_small_requests(mapping: Mapping) -> None:
    item = Slice("log", "1", [row(str(n), text="x" * 30_000) for n in range(100)])
    made = list(batches(item, [mapping], 500))
    assert max(batch.request.ByteSize() for batch in made) < 1_100_000
    assert sum(len(batch.places) for batch in made) == 100


def test_a_folder_without_mappings_and_an_unknown_change_are_told(tmp_path: Path) -> None:
    with pytest.raises(DefinitionFaults) as none:
        load_mappings(tmp_path)
    with pytest.raises(DefinitionFaults) as unknown:
        told(tmp_path, MAPPING + "on: [upsert]\n")
    assert "there is no mapping here" in str(none.value.faults[0])
    assert "upsert is no change of a row" in str(unknown.value.faults[0])


def test_the_wire_has_what_the_front_door_reads() -> None:
    assert pb.IngestEvent.DESCRIPTOR.fields_by_name["unreadable"].number == 6
