"""The hash that a person approves: SHA-256 over the RFC 8785 form of what a plan would do.

Two rules: secrets enter as keyed digests, never in clear; nothing that Meraki's users can name (labels, names of
networks) and nothing that the requester says enters, so free text changes no hash.
``1`` and ``1.0`` hash alike (RFC 8785, section 3.2.2.3); integers past 2**53 are hashed as strings.
"""

import hashlib
import hmac
from typing import Final

import rfc8785

from mcp_server.domain.call import Json
from mcp_server.domain.plan import Plan, Step
from mcp_server.domain.redaction import is_secret_field

_SAFE_INTEGER: Final = 2**53 - 1


def plan_hash(plan: Plan, key: bytes) -> str:
    """64 hex digits; ``plan.plan_hash`` itself does not enter."""
    parts = {
        "plan_id": plan.plan_id,
        "code": plan.code,
        "owner": plan.owner.casefold(),
        "organization": plan.organization.id,
        "networks": [network.id for network in plan.networks],
        "risk": plan.risk.word,
        "rolls_back": list(plan.rolls_back),
        "expires_at": plan.expires_at.isoformat(),
        "steps": [_step(step, key) for step in plan.steps],
    }
    return hashlib.sha256(rfc8785.dumps(parts)).hexdigest()


def state_hash(state: Json, key: bytes) -> str:
    """64 hex digits of one state, secrets as keyed digests."""
    return hashlib.sha256(rfc8785.dumps(hashable(state, key))).hexdigest()


def _step(step: Step, key: bytes) -> Json:
    parts: dict[str, Json] = {
        "number": step.number,
        "operation": step.write.operation,
        "method": step.method,
        "path": step.path,
        "params": hashable(dict(step.write.params), key),
        "body": hashable(step.write.body, key),
        "before": state_hash(step.before, key),
        "expected": state_hash(step.expected, key),
        "inverse": [
            {
                "operation": write.operation,
                "params": hashable(dict(write.params), key),
                "body": hashable(write.body, key),
            }
            for write in step.inverse.writes
        ],
        "risk": step.risk.word,
        "irreversible": step.irreversible,
    }
    if step.dependants:
        parts["dependants"] = [[one.reader.operation, one.how, state_hash(one.before, key)] for one in step.dependants]
    return parts


def hashable(value: Json, key: bytes, field: str = "") -> Json:
    """The value with each secret replaced by a keyed digest and each unsafe integer by its decimal string."""
    if isinstance(value, dict):
        return {str(name): hashable(item, key, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [hashable(item, key, field) for item in value]
    if isinstance(value, str) and value and is_secret_field(field):
        return "hmac:" + hmac.new(key, value.encode(), hashlib.sha256).hexdigest()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE_INTEGER:
        return str(value)
    return value
