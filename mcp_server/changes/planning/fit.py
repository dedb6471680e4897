"""Bodies that the cloud would refuse for what its documentation says, refused when they are planned."""

from collections.abc import Mapping, Sequence

from mcp_server.catalogue.validation.rules import rule_faults
from mcp_server.changes.planning.draft import Draft
from mcp_server.changes.planning.weigh import Reach
from mcp_server.domain.call import Attempt
from mcp_server.errors import InvalidArguments


def refuse_unfit(drafts: Sequence[Draft], reaches: Sequence[Reach], attempt: Attempt) -> None:
    """InvalidArguments with every fault of every step; nothing when all fit."""
    wrong = [
        f"step {number} {draft.operation.id}: {fault}"
        for number, (draft, reach) in enumerate(zip(drafts, reaches, strict=True), 1)
        for fault in rule_faults(
            draft.operation.id,
            draft.touch.body,
            draft.before if draft.kind == "update" else None,
            _facts(draft, reach, attempt),
        )
    ]
    if not wrong:
        return
    head = f"The cloud would refuse this. {len(wrong)} faults; the first: " if len(wrong) > 1 else ""
    raise InvalidArguments(
        f"{head}{wrong[0]}.",
        "Correct all faults at once and plan again; meraki_search with operation=ID shows the schema.",
        details={"faults": wrong[:40]},
    )


def _facts(draft: Draft, reach: Reach, attempt: Attempt) -> Mapping[str, str]:
    """What rules ask of the target; a fact that is not known is an empty text."""
    network_id = draft.touch.params.get("networkId")
    is_template = isinstance(network_id, str) and network_id not in {one.id for one in attempt.facts.networks}
    bound = "" if reach.network is None else str(reach.network.template_id is not None).lower()
    return {
        "$bound": bound,
        "$model": reach.device.model if reach.device else "",
        "$template": str(is_template).lower(),
    }
