"""A desk where calls arrive: the domain with plain secrets and a fixed time."""

import hmac
import json
from typing import Any

from cairn_kernel.time import parse_instant
from ingestion.domain.arriving import Arrival, Request, arrive
from ingestion.domain.drafts import Aside, Draft
from ingestion.domain.told import Source

NOW = parse_instant("2026-05-04T12:00:00Z")
SHOP = Source("default", "shop")
APP = Source("default", "app", clock="device")


class PlainSecrets:
    """Digests under a key that everybody knows."""

    def token(self, tenant: str, namespace: str, value: str) -> str:
        return hmac.digest(b"known", f"{tenant}|{namespace}|{value}".encode(), "sha256")[:16].hex()

    def payload_digest(self, payload: bytes) -> bytes:
        return hmac.digest(b"known", payload, "sha256")[:16]

    def nonce(self, tenant: str, key_id: str, field: str, value: bytes) -> bytes:
        return hmac.digest(b"known", value, "sha256")[:12]


SECRETS = PlainSecrets()


def call(**fields: Any) -> dict[str, Any]:
    """A good track call but for what is said otherwise; None takes a field away."""
    whole = {
        "type": "track",
        "event": "Basket Purchased",
        "userId": "h1",
        "messageId": "m1",
        "timestamp": "2026-05-01T10:00:00+02:00",
        **fields,
    }
    return {key: value for key, value in whole.items() if value is not ...}


def arrived(fields: Any, *, source: Source = SHOP, place: str = "", **request: Any) -> Arrival:
    """What becomes of a call (or of bytes, as they are)."""
    raw = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    (found,) = arrive(raw, Request(source, NOW, **request), SECRETS, place=place)
    return found


def taken(fields: Any, **more: Any) -> Draft:
    found = arrived(fields, **more)
    assert isinstance(found, Draft), (found.reason, found.field)
    return found


def kept(fields: Any, **more: Any) -> Aside:
    found = arrived(fields, **more)
    assert isinstance(found, Aside), found
    return found


def token(namespace: str, value: str, tenant: str = "default") -> tuple[str, str]:
    return namespace, SECRETS.token(tenant, namespace, value)
