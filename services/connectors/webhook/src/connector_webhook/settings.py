from pydantic import Field

from cairn_connector import ConnectorSettings


class WebhookSettings(ConnectorSettings):
    webhook_url: str = Field(default="", pattern=r"^(https?://.*)?$")
    webhook_secret: str = Field(default="", repr=False)
    webhook_query_url: str = ""
    webhook_timeout_s: float = Field(default=15.0, gt=0)
    webhook_connections: int = Field(default=8, ge=1, le=100)
