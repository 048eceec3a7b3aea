from typing import Literal

from pydantic import Field

from cairn_connector import ConnectorSettings


class EmailSettings(ConnectorSettings):
    smtp_address: str = "127.0.0.1:2525"
    smtp_query_url: str = ""
    smtp_sender: str = "cairn@cairn.invalid"
    smtp_user: str = ""
    smtp_password: str = Field(default="", repr=False)
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    smtp_connections: int = Field(default=8, ge=1, le=100)
    smtp_timeout_s: float = Field(default=10.0, gt=0)
