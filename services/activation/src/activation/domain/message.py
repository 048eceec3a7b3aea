"""What a dispatch says: the rendered message of a delivery."""

from typing import Any

from activation.domain.delivery import Delivery
from activation.domain.rendering import Rendered, TemplateFault, render
from cairn_journey import Programme


def compose(delivery: Delivery, programme: Programme | None) -> Rendered:
    """Render a delivery's template under the programme it was decided under. Raises TemplateFault."""
    data = delivery.planned.data
    template = programme.templates.get(str(data["template"])) if programme else None
    if template is None:
        raise TemplateFault("there is no such template")
    return render(template, str(data.get("locale") or ""), _values(data))


def _values(data: dict[str, Any]) -> dict[str, Any]:
    """The same names as in conditions, and `subject`: the traits of the account or household that it is about."""
    context = data.get("context") or {}
    return {
        "profile": context.get("traits") or {},
        "subject": context.get("subject") or {},
        "features": context.get("features") or {},
        "stage": context.get("stage") or "",
        "event": context.get("event") or {},
        "journey": data.get("journey", ""),
        "action": data["action"],
    }
