"""Snowplow's tracker protocol (payload_data 1-0-4): events whose values are all texts, turned into calls."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from cairn_kernel.time import to_datetime
from ingestion.domain.faults import FIELD_FORMAT, BadEvent
from ingestion.domain.segment import Call

_STRUCTURED: Final = {"se_ca": "category", "se_la": "label", "se_pr": "property"}
_TRANSACTION: Final = {
    **{"tr_id": "order_id", "tr_af": "affiliation", "tr_tt": "total", "tr_tx": "tax", "tr_sh": "shipping"},
    **{"tr_cu": "currency", "tr_ci": "city", "tr_st": "state", "tr_co": "country"},
}
_ITEM: Final = {
    **{"ti_id": "order_id", "ti_sk": "sku", "ti_nm": "product", "ti_ca": "category", "ti_pr": "price"},
    **{"ti_qu": "quantity", "ti_cu": "currency"},
}
_NUMBERS: Final = frozenset({"total", "tax", "shipping", "price", "quantity"})


def calls(event: Mapping[str, Any]) -> Iterator[Call]:
    """What one event tells. Raises BadEvent (FIELD_FORMAT) if what is inside it cannot be read."""
    about: dict[str, Any] = {
        "message_id": event.get("eid"),
        "user_id": event.get("uid"),
        "anonymous_id": event.get("duid") or event.get("nuid") or event.get("tnuid") or event.get("sid"),
        "timestamp": _instant(event.get("ttm") or event.get("dtm"), "dtm"),
        "sent_at": _instant(event.get("stm"), "stm"),
    }
    entities = _entities(event)
    match event.get("e"):
        case "pv":
            yield Call(type="page", name=event.get("page"), properties={**_address(event), **entities}, **about)
        case "pp":
            yield Call(type="track", event="Page Pinged", properties={**_address(event), **entities}, **about)
        case "se":
            fields = {**_renamed(event, _STRUCTURED), **_value(event), **entities}
            yield Call(type="track", event=event.get("se_ac"), properties=fields, **about)
        case "tr":
            fields = {**_renamed(event, _TRANSACTION), **entities}
            yield Call(type="track", event="Transaction", properties=fields, **about)
        case "ti":
            fields = {**_renamed(event, _ITEM), **entities}
            yield Call(type="track", event="Transaction Item", properties=fields, **about)
        case "ue":
            yield _self_describing(event, about, entities)
        case _:
            raise BadEvent(FIELD_FORMAT, "e")


def _self_describing(event: Mapping[str, Any], about: dict[str, Any], entities: dict[str, Any]) -> Call:
    outer = _json(event, "ue_px", "ue_pr")
    inner = outer.get("data") if isinstance(outer, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("data"), dict):
        raise BadEvent(FIELD_FORMAT, "ue_px")
    name, fields = _schema_name(inner.get("schema"), "ue_px.schema"), {**inner["data"], **entities}
    if name == "screen_view":
        return Call(type="screen", name=inner["data"].get("name"), properties=fields, **about)
    if name == "link_click":
        return Call(type="track", event="Link Clicked", properties=fields, **about)
    return Call(type="track", event=name, properties=fields, **about)


def _entities(event: Mapping[str, Any]) -> dict[str, Any]:
    """Contexts by the name of their schema; several of one name become a list."""
    told = _json(event, "cx", "co")
    found: dict[str, Any] = {}
    items = told.get("data") if isinstance(told, dict) else None
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            raise BadEvent(FIELD_FORMAT, "cx")
        name, data = _schema_name(item.get("schema"), "cx.schema"), item.get("data")
        if name in found:
            before = found[name]
            found[name] = [*before, data] if isinstance(before, list) else [before, data]
        else:
            found[name] = data
    return {"contexts": found} if found else {}


def _schema_name(schema: object, field: str) -> str:
    """`order_completed` of `iglu:com.acme/order_completed/jsonschema/1-0-0`."""
    parts = schema.split("/") if isinstance(schema, str) else []
    if len(parts) != 4 or not parts[1]:
        raise BadEvent(FIELD_FORMAT, field)
    return parts[1]


def _json(event: Mapping[str, Any], encoded: str, plain: str) -> Any:
    """A field that holds JSON, in base64 (with or without its padding, of either alphabet) or as it is."""
    text, field = event.get(encoded), encoded
    try:
        if isinstance(text, str) and text:
            standard = text.replace("-", "+").replace("_", "/").rstrip("=")
            return msgspec.json.decode(base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True))
        text, field = event.get(plain), plain
        return msgspec.json.decode(text) if isinstance(text, str) and text else None
    except (binascii.Error, msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadEvent(FIELD_FORMAT, field) from None


def _instant(value: object, field: str) -> str | None:
    """Milliseconds since 1970 as ISO 8601."""
    if value is None or value == "":
        return None
    try:
        return to_datetime(int(str(value)) * 1_000).isoformat()
    except (ValueError, OverflowError):
        raise BadEvent(FIELD_FORMAT, field) from None


def _address(event: Mapping[str, Any]) -> dict[str, Any]:
    return _renamed(event, {"url": "url", "refr": "referrer", "page": "title"})


def _value(event: Mapping[str, Any]) -> dict[str, Any]:
    return {"value": _number(event["se_va"])} if event.get("se_va") else {}


def _renamed(event: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    found = {name: event[key] for key, name in names.items() if event.get(key) not in (None, "")}
    return {name: _number(value) if name in _NUMBERS else value for name, value in found.items()}


def _number(value: object) -> object:
    """A number that came as text; what is none stays as it is."""
    try:
        number = float(str(value))
    except ValueError:
        return value
    return int(number) if number.is_integer() else number
