"""Bodies that the cloud would refuse for what its documentation says, refused when they are planned."""

from collections.abc import Mapping, Sequence

from mcp_server.catalogue.readers import place_of
from mcp_server.catalogue.validation.rules import Reference, referred_ids, rule_faults
from mcp_server.changes.planning.draft import Draft
from mcp_server.changes.planning.weigh import Reach
from mcp_server.domain.call import Attempt
from mcp_server.domain.plan import Reader
from mcp_server.domain.redaction import clean
from mcp_server.errors import InvalidArguments, MerakiError
from mcp_server.world import World


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
        "Correct all faults at once and plan again; meraki_search with operation=ID shows the schema."
        if len(wrong) > 1
        else "Correct it and plan again.",
        details={"faults": wrong[:40]},
    )


async def refuse_unknown_references(drafts: Sequence[Draft], world: World, organization_id: str) -> None:
    """InvalidArguments when a body names something by an id that its list does not have; a list not read says nothing.

    What an earlier step of the plan creates is named by ``$ref``, or by the id that its body gives it.
    """
    wrong = []
    for number, draft in enumerate(drafts, 1):
        for where, id_, reference in referred_ids(draft.operation.id, draft.touch.body, draft.before):
            known = await _listed(reference, draft, world, organization_id)
            if known and id_ not in known | _chosen(drafts[: number - 1]):
                wrong.append(
                    f"step {number} {draft.operation.id}: {where}: {clean(id_, 40)} is not in {reference.listed}"
                )
    if wrong:
        raise InvalidArguments(
            f"{wrong[0]}.",
            f"Read the ids with meraki_read; {len(wrong)} fault(s) in all.",
            details={"faults": wrong[:40]},
        )


def _chosen(earlier: Sequence[Draft]) -> frozenset[str]:
    """The ids that bodies of earlier steps give to what they create: the cloud takes them, a VLAN's for one."""
    makers = [one for one in earlier if one.kind == "create" and one.row.client_keyed]
    return frozenset(str((one.touch.body or {}).get(one.row.id_field)) for one in makers)


async def _listed(reference: Reference, draft: Draft, world: World, organization_id: str) -> frozenset[str]:
    """The ids that there are; none when the list cannot be read."""
    operation = world.catalogue.find(reference.listed)
    known = {"organizationId": organization_id, **draft.touch.params}
    params = {name: known.get(name) for name in operation.path_params}
    if operation.response is None or not all(isinstance(value, str | int) for value in params.values()):
        return frozenset()
    try:
        rows = await world.reads.resource(Reader(operation.id, params, place_of(operation.response)))
    except MerakiError:
        return frozenset()
    return frozenset(str(row.get(reference.id)) for row in rows or () if isinstance(row, Mapping))


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
