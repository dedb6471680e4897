"""From what a caller asks for to checked touches: ``for_each`` spread out, every fault of every operation at once.

Rules: an operation that carries other operations is never planned (the engine alone makes batches); a read has its
own tool; a ``$ref`` looks back only.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NoReturn

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.targets import MOST_TOUCHES, Target, WrongTargets, targets
from mcp_server.catalogue.validation import body_faults, faults, nearest, param_faults
from mcp_server.catalogue.validation.plan_language import REF, TEXT, named_in_text, referred_step
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.given import shown
from mcp_server.domain.operation import Kind, Operation, Schema
from mcp_server.domain.state.merge import merged
from mcp_server.errors import InvalidArguments, Refused

FIELDS = ("operation", "params", "body", "for_each", "irreversible")
MOST_SHOWN = 40  #: faults listed in one answer
DEEPEST_REF = 64
#: Writes of the administrator's account: no organization owns what they change, so none can plan, lease or audit it.
#: Why that is not for a plan, and what a person does instead (dashboard, August 2026).
OUTSIDE: Final[Mapping[str, tuple[str, str]]] = {
    "createOrganization": (
        "a new organization belongs to none that this server watches over",
        (
            "Create it in the dashboard (Organization > Create an organization), or plan cloneOrganization, "
            "which starts from an organization that is there."
        ),
    ),
    "generateAdministeredIdentitiesMeApiKeys": (
        "the key would be shown once, to a program, and open everything that its administrator may do",
        "Make it in the dashboard (My profile > API & webhooks) and give it to the server's environment.",
    ),
    "revokeAdministeredIdentitiesMeApiKeys": (
        "a key belongs to an administrator, not to an organization, and one that is revoked never works again",
        "Revoke it in the dashboard (My profile > API & webhooks).",
    ),
    "validateAdministeredLicensingSubscriptionSubscriptionsClaimKey": (
        "a claim key has no organization until it is claimed",
        "Plan claimAdministeredLicensingSubscriptionSubscriptions, which refuses a bad key, or look in the dashboard.",
    ),
}


def expand(catalogue: Catalogue, operations: Sequence[Mapping[str, Json]]) -> tuple[Touch, ...]:
    """The touches of a requested plan in order; step N of the plan is touch N, counted from 1.

    Raises InvalidArguments with all faults in ``details["faults"]``, Refused (carrier_operation) for an operation
    that carries others, Refused (no_organization) for one that acts outside every organization.
    """
    if not isinstance(operations, Sequence) or isinstance(operations, str) or not operations:
        _refuse(["operations: give at least one operation"], 0)
    touches: list[Touch] = []
    wrong: list[str] = []
    for index, asked in enumerate(operations):
        label, operation, said = _recognized(catalogue, asked, index)
        if operation is None:
            wrong += said
            continue
        wrong += [f"{label} {fault}" for fault in said + _add_touches(operation, asked, touches)]
    if wrong:
        _refuse(wrong, len(operations))
    return tuple(touches)


def read_touch(catalogue: Catalogue, operation: str, params: Mapping[str, Json]) -> Touch:
    """A checked read; InvalidArguments for a write (not_a_read), an unknown operation or wrong parameters."""
    found = catalogue.find(operation)
    if found.is_write:
        raise InvalidArguments(
            f"{found.id} is a {found.method}, not a read.", "Plan it with meraki_plan.", code="not_a_read"
        )
    touch = Touch(found.id, _whole(params))
    wrong = faults(found, touch)
    if wrong:
        _refuse([f"{found.id}: {fault}" for fault in wrong], 1)
    return touch


def carries_operations(operation: Operation) -> bool:
    """Whether an operation makes, confirms or drops a batch of other operations."""
    return operation.is_write and ("/actionBatches" in operation.path or _lists_operations(operation.body))


def _lists_operations(schema: Schema | None) -> bool:
    if schema is None:
        return False
    items = schema.items
    if schema.kind is Kind.ARRAY and items is not None and {"resource", "operation"} <= set(items.fields):
        return True
    return _lists_operations(items) or any(_lists_operations(field) for field in schema.fields.values())


def _recognized(catalogue: Catalogue, asked: Json, index: int) -> tuple[str, Operation | None, list[str]]:
    """The label of a requested operation, the operation when it can be planned, and the faults of the request."""
    label = f"operations[{index}]"
    if not isinstance(asked, Mapping) or not isinstance(asked.get("operation"), str):
        return label, None, [f'{label} needs "operation", the id of an operation']
    try:
        operation = catalogue.find(asked["operation"])
    except InvalidArguments as unknown:
        return label, None, [f"{label}: {unknown.message} {unknown.remedy}"]
    if carries_operations(operation):
        raise Refused(
            f"{operation.id} carries other operations and cannot be planned.",
            "Plan the operations themselves; batches are made when the plan is applied.",
            code="carrier_operation",
            details={"operation": operation.id},
        )
    if operation.id in OUTSIDE:
        why, instead = OUTSIDE[operation.id]
        raise Refused(
            f"{operation.id} acts outside every organization and cannot be planned: {why}.",
            instead,
            code="no_organization",
            details={"operation": operation.id},
        )
    label = f"{label} {operation.id}:"
    if not operation.is_write:
        return label, None, [f"{label} is a read; use meraki_read"]
    return label, operation, list(_shape_faults(asked))


def _shape_faults(asked: Mapping[str, Json]) -> Iterator[str]:
    for name in asked:
        if name not in FIELDS:
            near = nearest(str(name), FIELDS) or FIELDS
            yield f"{shown(str(name))}: no such field (nearest: {', '.join(near)})"
    if not isinstance(asked.get("irreversible", False), bool):
        yield "irreversible: expects true or false"
    if not isinstance(asked.get("params") or {}, Mapping):
        yield "params: expects an object"


def _add_touches(operation: Operation, asked: Mapping[str, Json], plan: list[Touch]) -> list[str]:
    """Append one touch for each target to ``plan``; what is wrong with them, each fault said once."""
    try:
        turns = targets(asked["for_each"]) if asked.get("for_each") is not None else [Target()]
    except WrongTargets as wrong:
        return [f"for_each: {wrong}"]
    if len(plan) + len(turns) > MOST_TOUCHES:
        return [f"with it the plan reaches more than {MOST_TOUCHES} targets"]
    params = asked.get("params") or {}
    base = dict(params) if isinstance(params, Mapping) else {}
    checked: set[int] = set()  # ids of bodies, which ``plan`` keeps alive: most turns share one
    found: dict[str, None] = {}
    for turn in turns:
        body = _body(asked.get("body"), turn.body)
        given = _whole({**base, **turn.params})
        touch = Touch(operation.id, given, body, is_write=True, irreversible=_accepts_loss(asked))
        said = [f"{shown(str(name))}: given in params and in for_each" for name in turn.params if name in base]
        said += [str(fault) for fault in param_faults(operation, touch.params)] + _ref_faults(touch.params, plan)
        if id(body) not in checked:
            said += [str(fault) for fault in body_faults(operation, body)] + _ref_faults(body, plan)
            checked.add(id(body))
        found.update(dict.fromkeys(said))
        plan.append(touch)
    return list(found)


def _whole(params: Mapping[str, Json]) -> dict[str, Json]:
    """The parameters with whole numbers written as such: 3.0 is port 3 in JSON, and no port in an address."""
    return {name: [_integer(one) for one in v] if isinstance(v, list) else _integer(v) for name, v in params.items()}


def _integer(value: Json) -> Json:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _accepts_loss(asked: Mapping[str, Json]) -> bool:
    return asked.get("irreversible") is True


def _body(base: Json, more: Mapping[str, Json] | None) -> Json:
    if more is None or not (base is None or isinstance(base, Mapping)):
        return base
    return merged(base or {}, more)


def _ref_faults(value: Json, earlier: Sequence[Touch]) -> list[str]:
    said = []
    step = len(earlier) + 1
    for ref in _refs(value, 0):
        number = referred_step(ref)
        if number >= step:
            said.append(f"$ref to step-{number}: only an earlier step can be named, this is step-{step}")
        elif number and earlier[number - 1].operation.startswith(("delete", "remove")):
            said.append(f"$ref to step-{number}: {earlier[number - 1].operation} returns nothing")
        for maker, named in named_in_text(ref):
            if named >= step:
                said.append(f"$text names step-{named}: only an earlier step can be named, this is step-{step}")
            elif earlier[named - 1].operation != maker:
                said.append(f"$text names step-{named}, which is no {maker}")
    return said


def _refs(value: Json, depth: int) -> Iterator[Mapping[str, Json]]:
    if depth > DEEPEST_REF:
        return
    if isinstance(value, Mapping):
        if REF in value or TEXT in value:
            yield value
        for inner in value.values():
            yield from _refs(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _refs(inner, depth + 1)


def _refuse(wrong: Sequence[str], operations: int) -> NoReturn:
    rest = len(wrong) - MOST_SHOWN
    listed = [*wrong[:MOST_SHOWN], *([f"and {rest} more faults"] if rest > 0 else [])]
    what = "The plan's operations do not fit" if operations > 1 else "The call does not fit its operation"
    head = f"{what}. {len(wrong)} faults; the first: " if len(wrong) > 1 else ""
    first = wrong[0] if len(wrong) > 1 or operations > 1 else wrong[0].removeprefix("operations[0]").lstrip(": ")
    raise InvalidArguments(
        f"{head}{first.rstrip('.')}{'' if first.endswith('?') else '.'}",
        "Correct all faults at once; meraki_search with operation=ID shows the whole schema."
        if len(wrong) > 1
        else "Correct it: meraki_search operation=ID.",
        details={"faults": listed},
    )
