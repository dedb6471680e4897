"""Joins what the two packages say into the rows of operations.json.gz."""

import importlib.util
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from mcp_server.catalogue.builder.client import ClientCall, client_calls
from mcp_server.catalogue.builder.corrections import corrected
from mcp_server.catalogue.builder.pins import PINS
from mcp_server.catalogue.builder.sdk import SdkBatch, SdkCall, sdk_batches, sdk_calls
from mcp_server.domain.call import Json

_ORDER = {"get": 0, "post": 1, "put": 2, "delete": 3}


def build() -> list[dict[str, Json]]:
    """The rows of the catalogue from the installed packages.

    ValueError when a package has another version than the pinned one, or the two do not describe the same operations.
    """
    for name, wanted in PINS.items():
        if version(name) != wanted:
            raise ValueError(f"{name} {version(name)} is installed; the catalogue is made from {wanted}")
    sdk = _folder("meraki")
    return joined(sdk_calls(sdk), sdk_batches(sdk), client_calls(_folder("meraki_client")))


def joined(
    calls: Mapping[str, SdkCall], batches: Mapping[str, SdkBatch], typed: Mapping[str, ClientCall]
) -> list[dict[str, Json]]:
    """One row for each operation, sorted by path and method."""
    alone = sorted(set(calls) ^ set(typed))
    if alone:
        raise ValueError(f"only one of the packages has {', '.join(alone[:5])} ({len(alone)} in all)")
    ordered = sorted(calls.values(), key=lambda call: (call.path, _ORDER[call.method], call.id))
    return [_row(call, batches.get(call.id), typed[call.id]) for call in ordered]


def _row(call: SdkCall, batch: SdkBatch | None, typed: ClientCall) -> dict[str, Json]:
    row: dict[str, Json] = {"id": call.id, "m": call.method, "p": call.path}
    if typed.query:
        row["q"] = list(typed.query)
        kinds = {name.removesuffix("[]"): tree for name, tree in typed.query.items() if tree != "s"}
        # Required only where both say so: the typed package also requires what only some networks need.
        needed = sorted(name for name in map(_plain, typed.query) if name in call.required and _needs(typed, name))
        row |= {key: value for key, value in (("qt", kinds), ("rq", needed)) if value}
    if typed.body:
        body = {f"{name}!" if name in typed.required else name: tree for name, tree in typed.body.items()}
        row["b"] = corrected(call.id, body)
    if typed.whole_numbers:
        row["ie"] = dict(sorted(typed.whole_numbers.items()))
    if call.method == "get":
        row["r"] = typed.response
        if typed.wrapped_in:
            row["w"] = typed.wrapped_in
    if batch is not None:
        if batch.resource != call.path:
            raise ValueError(f"meraki: the batch of {call.id} names {batch.resource}, the call {call.path}")
        row["batch"] = batch.verb
    return row


def _plain(name: str) -> str:
    return name.removesuffix("[]")


def _needs(typed: ClientCall, name: str) -> bool:
    return name in typed.required or f"{name}[]" in typed.required


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ValueError(f"the package {package} is not installed")
    return Path(spec.origin).parent
