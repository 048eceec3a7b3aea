"""What a channel team imports to connect a channel to Cairn."""

from cairn_connector.delivery import (
    Bounced,
    CannotAsk,
    Connector,
    DeliveryError,
    Dispatch,
    InDoubt,
    Outcome,
    Rejected,
    Status,
    Transient,
)
from cairn_connector.manifest import Doubt, Manifest, ManifestFault, Policy, Rate, Resolve, load_manifest
from cairn_connector.process import main, run_connector
from cairn_connector.settings import ConnectorSettings

__all__ = [
    "Bounced",
    "CannotAsk",
    "Connector",
    "ConnectorSettings",
    "DeliveryError",
    "Dispatch",
    "Doubt",
    "InDoubt",
    "Manifest",
    "ManifestFault",
    "Outcome",
    "Policy",
    "Rate",
    "Rejected",
    "Resolve",
    "Status",
    "Transient",
    "load_manifest",
    "main",
    "run_connector",
]
