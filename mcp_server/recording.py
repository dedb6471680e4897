"""One call row for every call, committed when the call closes, and the answer that carries its receipt.

If the row cannot be written, a change was never made (its own rows could not be written either); a read is served
with ``receipt: null`` and a warning, or refused when ``strict_audit`` is on: then only what health_check says of this
server itself is told.
"""

import json
from collections.abc import Collection, Mapping
from typing import Final

import anyio
from pydantic_core import PydanticSerializationError, to_json

from mcp_server.changes.execution.report import failure_of
from mcp_server.domain.call import Json, Receipt, ToolCall
from mcp_server.domain.given import is_deep, is_text
from mcp_server.domain.outcome import Asking, Outcome, ToolResult
from mcp_server.domain.ports import Append, Put, Store
from mcp_server.domain.record import AuditEntry, Usage
from mcp_server.domain.redaction import KnownSecrets, clean, masked, redacted, without_tags
from mcp_server.errors import CallerError, MerakiMcpError, StoreError
from mcp_server.failpoints import failpoint
from mcp_server.world import World

_ARGUMENT_BYTES_KEPT: Final = 20_000
_tolerant: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode
_STATUS: Final = {"busy": "busy", "plan_expired": "expired", "stale": "stale"}


def failed(error: MerakiMcpError) -> Outcome:
    """The outcome of a call that raised: only a CallerError's own words, else the fixed sentence of its class."""
    told = dict(failure_of(error))
    if isinstance(error, CallerError):
        told["details"] = dict(error.details)
        if error.retry_after_s is not None:
            told["retry_after_s"] = error.retry_after_s
    is_refusal = isinstance(error, CallerError | StoreError) or error.code in ("not_authenticated", "not_allowed")
    status = _STATUS.get(str(told["code"]), "refused" if is_refusal else "failed")
    return Outcome(status, str(told["message"]), error=told, cause=error)


def broken(call: ToolCall, error: Exception) -> Outcome:
    """The outcome of a call in which this server itself failed; what failed stands in the log under the call's id."""
    told = {
        "code": "internal_error",
        "message": "This server failed on the call; nothing more was done.",
        "remedy": f"Look with history at what was done; the log says more under {call.call_id}.",
    }
    return Outcome("failed", told["message"], error=told, cause=error)


class Recorder:
    """Closes calls."""

    def __init__(self, store: Store, *, strict: bool = False, known: KnownSecrets | None = None) -> None:
        """``strict`` refuses a read whose row cannot be written; what is ``known`` as secret stands in no answer."""
        self._store = store
        self._strict = strict
        self._known = known or KnownSecrets()

    async def close(self, call: ToolCall, outcome: Outcome, world: World, started_at: float) -> ToolResult:
        """The result of the call with the receipt of its row; ``started_at`` in monotonic seconds.

        The caller shields it: whoever goes away now still leaves the row of this call.
        """
        payload = rendered(outcome)
        text = _compact(payload)
        secrets = self._known.values()  # asked once: it looks at a file
        shown = masked(payload, text, secrets)
        if shown is not payload:
            payload, text = shown, _compact(shown)
        row = _row(call, outcome, world, secrets)
        usage = _usage(call, row, world, len(text.encode(errors="replace")), world.clock.monotonic() - started_at)
        try:
            receipts = await self._store.commit(Append(row), Put(usage, {}))
            receipt: Receipt | None = receipts[0]
        except StoreError as error:
            if self._strict and outcome.error is None:
                outcome = failed(error)
                own = {"server": payload["server"]} if "server" in payload else {}  # why it is so: told even then
                payload = {**rendered(outcome), **own}
            payload["warnings"] = [
                *payload["warnings"],
                {
                    "rule": "no_receipt",
                    "severity": "critical",
                    "message": "This call could not be recorded; health_check says why.",
                },
            ]
            receipt, text = None, _compact(payload)
        payload["receipt"] = {"seq": receipt.seq, "hash": receipt.hash} if receipt else None
        text = f'{text[:-1]},"receipt":{_compact(payload["receipt"])}}}'  # what was written once is not written again
        asking = None
        if outcome.question:
            asked = masked(outcome.question, outcome.question, secrets)
            asking = Asking(asked, outcome.data.get("form", {}), outcome.question_id)
        failpoint("K13")
        return ToolResult(payload, text, outcome.error is not None, asking)

    async def refuse(self, call: ToolCall, world: World) -> ToolResult:
        """The recorded refusal of a message that was not a valid call, or whose approval state was not ours."""
        told = {
            "code": "bad_request",
            "message": "The request, or the approval that came with it, is not valid.",
            "remedy": "Make the call again from the start.",
        }
        outcome = Outcome("refused", told["message"], error=told)
        with anyio.CancelScope(shield=True):
            result: ToolResult = await self.close(call, outcome, world, world.clock.monotonic())
        return result


def _row(call: ToolCall, outcome: Outcome, world: World, secrets: Collection[str]) -> AuditEntry:
    plan = outcome.plan.plan if outcome.plan else None
    return AuditEntry(
        event="question" if outcome.question else "call",
        at=world.clock.now(),
        owner=call.actor.owner,
        status=outcome.status,
        call_id=call.call_id,
        correlation_id=call.correlation_id,
        client=clean(call.actor.client, 80),
        tool=clean(call.tool, 64),
        plan_id=plan.plan_id if plan else "",
        change_id=outcome.change.key if outcome.change else "",
        organization_id=plan.organization.id if plan else "",
        network_ids=tuple(network.id for network in plan.networks) if plan else (),
        detail={
            "round": 2 if call.answer is not None else 1,
            "channel": call.actor.channel,
            "arguments": _kept(call.arguments, secrets),
            "error": (outcome.error or {}).get("code"),
            "meraki_calls": world.reads.calls,
        },
    )


def _compact(value: Json) -> str:
    """As JSON text, by the serializer in a third of the time; what it refuses (half a character) by the library."""
    try:
        return to_json(value, fallback=str).decode()
    except PydanticSerializationError:
        return _tolerant(value)


def rendered(outcome: Outcome) -> dict[str, Json]:
    """The answer without its receipt: status, summary, data, warnings, handoffs, error."""
    payload: dict[str, Json] = {"status": outcome.status, "summary": outcome.summary}
    payload.update((name, value) for name, value in outcome.data.items() if name not in payload)
    payload["warnings"] = [
        {"rule": one.rule, "severity": one.severity, "message": clean(one.message, 400)} for one in outcome.warnings
    ]
    payload["handoffs"] = [
        {
            "to": one.to,
            "reason": one.reason,
            "message": one.message,
            "call": dict(one.call),
            "context": dict(one.context),
        }
        for one in outcome.handoffs
    ]
    if outcome.error is not None:
        payload["summary"] = without_tags(outcome.summary)
        payload["error"] = without_tags(outcome.error)
    return payload


def _kept(arguments: Mapping[str, Json], secrets: Collection[str]) -> Json:
    """The arguments, redacted; only their size when they are very long, and only that they are too deep.

    A number that JSON does not have (1e999 is read as one) is told in words: no line of the record could hold it.
    """
    if is_deep(dict(arguments)):
        return {"too_deep": True}
    named = redacted(dict(arguments))
    text = _compact(named)
    size = len(text.encode(errors="replace"))
    if "NaN" in text or "Infinity" in text or not is_text(text):
        named = json.loads(text.encode(errors="replace"), parse_constant=str)
    return masked(named, text, secrets) if size <= _ARGUMENT_BYTES_KEPT else {"too_long_bytes": size}


def _usage(call: ToolCall, row: AuditEntry, world: World, size: int, duration_s: float) -> Usage:
    return Usage(
        key=f"{call.call_id}/{2 if call.answer is not None else 1}",
        at=row.at,
        owner=row.owner,
        client=row.client,
        tool=row.tool,
        argument_bytes=call.argument_bytes,
        result_bytes=size,
        meraki_calls=world.reads.calls,
        waited_s=world.reads.waited_s,
        duration_s=duration_s,
        outcome=row.status,
    )
