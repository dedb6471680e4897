"""The catalogue as data: what is in it, and how an operation is found."""

import gzip
import json
from pathlib import Path

import pytest

from mcp_server.catalogue.operations import UNKNOWN_VERSION, Catalogue, parse_row
from mcp_server.domain.operation import Kind, Schema
from mcp_server.errors import InvalidArguments
from tests.support.shipped import CATALOGUE


def test_the_shipped_catalogue_has_every_operation_of_its_version() -> None:
    """1,039 operations in v1.75.1, by method as the two packages count them."""
    methods = [CATALOGUE.place(id_)[0] for id_ in CATALOGUE.ids()]
    counts = {method: methods.count(method) for method in ("GET", "PUT", "POST", "DELETE")}
    assert counts == {"GET": 557, "PUT": 203, "POST": 200, "DELETE": 79}
    assert len(CATALOGUE.ids()) == 1039
    assert len(CATALOGUE.writes()) == 482
    assert CATALOGUE.version == "1.75.1"


def test_every_operation_can_be_parsed_and_is_found_at_its_place() -> None:
    """No tree of the file is beyond the parser, and no two operations share a method and path."""
    for id_ in CATALOGUE.ids():
        operation = CATALOGUE.find(id_)
        assert CATALOGUE.at(operation.method, operation.path) is operation


def test_352_writes_can_go_into_a_batch() -> None:
    """The verbs of the official package are kept, custom ones too."""
    batched = [CATALOGUE.find(id_) for id_ in CATALOGUE.ids() if CATALOGUE.find(id_).batch]
    assert len(batched) == 352
    cycle = CATALOGUE.find("cycleDeviceSwitchPorts").batch
    assert cycle is not None
    assert (cycle.resource, cycle.operation) == ("/devices/{serial}/switch/ports/cycle", "cycle")


def test_an_operation_knows_its_parameters_and_fields() -> None:
    """Types, enums and required names come from the row."""
    operation = CATALOGUE.find("updateNetworkWirelessSsid")
    assert operation.path_params == ("networkId", "number")
    assert operation.body is not None
    assert operation.body.fields["encryptionMode"].enum == ("open", "wep", "wpa", "wpa-eap")
    servers = operation.body.fields["radiusServers"]
    assert servers.kind is Kind.ARRAY
    assert servers.items is not None
    assert servers.items.required == {"host"}


def test_query_parameters_have_their_types() -> None:
    """``name[]`` is a list, a number is a number, and what the cloud insists on is required."""
    events = CATALOGUE.find("getNetworkEvents")
    assert events.query["includedEventTypes"] == Schema(Kind.ARRAY, items=Schema(Kind.STRING))
    assert events.query["perPage"].kind is Kind.INTEGER
    assert "wireless" in events.query["productType"].enum
    assert events.required_query == frozenset()
    assert CATALOGUE.find("getOrganizationClientsSearch").required_query == {"mac"}


def test_a_wrapped_list_is_described_as_it_is_sent() -> None:
    """``{items, meta}`` around a list is part of the answer; a plain list is not wrapped."""
    wrapped = CATALOGUE.find("getOrganizationApplianceFirewallMulticastForwardingByNetwork").response
    plain = CATALOGUE.find("getOrganizationNetworks").response
    assert wrapped is not None
    assert set(wrapped.fields) == {"items", "meta"}
    assert plain is not None
    assert plain.kind is Kind.ARRAY


def test_an_unknown_operation_is_refused_with_the_nearest_ids() -> None:
    """A slip of the pen is answered with what was probably meant."""
    with pytest.raises(InvalidArguments) as refused:
        CATALOGUE.find("updateNetworkWirelesSSID")
    assert refused.value.reason == "unknown_operation"
    assert "updateNetworkWirelessSsid" in refused.value.remedy
    assert refused.value.details["nearest"]


def test_get_answers_none_where_find_refuses() -> None:
    """``get`` is for asking, ``find`` for insisting."""
    assert CATALOGUE.get("noSuchThing") is None
    assert CATALOGUE.at("PATCH", "/networks/{networkId}") is None


def test_a_long_unknown_id_is_not_repeated_whole() -> None:
    """What the caller typed is cut before it is shown."""
    with pytest.raises(InvalidArguments) as refused:
        CATALOGUE.find("x" * 10_000)
    assert len(refused.value.message) < 200


def test_a_catalogue_without_its_sources_says_that_its_version_is_unknown(tmp_path: Path) -> None:
    """Nothing is guessed about a file that does not say where it is from."""
    file = tmp_path / "operations.json.gz"
    file.write_bytes(gzip.compress(json.dumps([{"id": "getX", "m": "get", "p": "/x", "r": "object"}]).encode()))
    loaded = Catalogue.load(file)
    assert loaded.version == UNKNOWN_VERSION
    assert loaded.ids() == ("getX",)


def test_a_whole_number_enum_keeps_its_kind() -> None:
    """30 is a number in a body, and still one of the listed values."""
    row = {"id": "putX", "m": "put", "p": "/x", "b": {"timeout": "i", "name": "s"}, "ie": {"timeout": [30, 60]}}
    body = parse_row(row).body
    assert body is not None
    assert body.fields["timeout"] == Schema(Kind.INTEGER, enum=("30", "60"))


def test_field_names_reach_every_depth() -> None:
    """The search looks at them without parsing trees."""
    names = CATALOGUE.field_names("updateNetworkWirelessSsid")
    assert {"psk", "radiusServers", "secret", "distinguishedName"} <= names
