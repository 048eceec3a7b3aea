from pydantic import Field, SecretStr

from cairn_runtime import Settings


class ActivationSettings(Settings):
    dispatch_lifetime_s: float = Field(default=60.0, gt=0)
    """A connector may begin a dispatch so long after its claim; then it is claimed and checked anew."""
    dispatch_grace_s: float = Field(default=5.0, ge=0)
    """Most by which the clocks of activation and connectors may differ."""
    key_access_token: SecretStr = SecretStr("")
    """What ingestion's KeyService asks of callers, if it asks for anything."""
