"""The fixtures that the protocol's conformance suite calls, on the product's own bridge.

Everything else of the server is the product's: factory, transport, middleware, seal of a question's state.
Source of each fixture: the requirements printed by @modelcontextprotocol/conformance 0.2.0-alpha.12.
"""

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import anyio
import mcp_types as types
from mcp.shared.exceptions import MCPError

from mcp_server.transport.host import Host
from mcp_server.transport.sdk_bridge import Bridge

Schema = dict[str, Any]


def _png() -> str:
    """One red pixel."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return len(body).to_bytes(4, "big") + kind + body + check.to_bytes(4, "big")

    header = (1).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    pixel = zlib.compress(b"\x00\xff\x00\x00")
    signed = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")
    return base64.b64encode(signed).decode()


def _wav() -> str:
    """Eight samples of silence."""
    form = b"fmt " + (16).to_bytes(4, "little") + bytes.fromhex("0100010040 1f0000401f00000100 0800".replace(" ", ""))
    body = b"WAVE" + form + b"data" + (8).to_bytes(4, "little") + b"\x80" * 8
    return base64.b64encode(b"RIFF" + len(body).to_bytes(4, "little") + body).decode()


PNG: Final = _png()
WAV: Final = _wav()


def text(words: str) -> types.TextContent:
    """A text block."""
    return types.TextContent(text=words)


def resource(uri: str, words: str, mime_type: str = "text/plain") -> types.EmbeddedResource:
    """A text resource inside a result."""
    held = types.TextResourceContents(uri=uri, text=words, mime_type=mime_type)
    return types.EmbeddedResource(resource=held)


def form(message: str, **properties: Schema) -> types.ElicitRequest:
    """A question with a form whose fields are all required."""
    asked: Schema = {"type": "object", "properties": properties, "required": list(properties)}
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=asked))


def sampling(words: str, max_tokens: int = 100) -> types.CreateMessageRequest:
    """A question to the client's model."""
    said = types.SamplingMessage(role="user", content=text(words))
    return types.CreateMessageRequest(params=types.CreateMessageRequestParams(messages=[said], max_tokens=max_tokens))


PLAIN: Final[Mapping[str, Callable[[], list[Any]]]] = {
    "test_simple_text": lambda: [text("This is a simple text response for testing.")],
    "test_image_content": lambda: [types.ImageContent(data=PNG, mime_type="image/png")],
    "test_audio_content": lambda: [types.AudioContent(data=WAV, mime_type="audio/wav")],
    "test_embedded_resource": lambda: [resource("test://embedded-resource", "This is an embedded resource content.")],
    "test_multiple_content_types": lambda: [
        text("Multiple content types test:"),
        types.ImageContent(data=PNG, mime_type="image/png"),
        resource("test://mixed-content-resource", '{"test":"data","value":123}', "application/json"),
    ],
    "json_schema_2020_12_tool": lambda: [text("ok")],
    "test_custom_header": lambda: [text("ok")],
    "test_logging_tool": lambda: [text("ok")],
}
NAMED: Final[Schema] = {"type": "string"}
OK: Final[Schema] = {"type": "boolean"}
#: Tools that ask on 2026-07-28: the inputs that each needs before it completes.
ASKING: Final[Mapping[str, Mapping[str, Any]]] = {
    "test_input_required_result_elicitation": {"user_name": form("What is your name?", name=NAMED)},
    "test_input_required_result_sampling": {"capital_question": sampling("What is the capital of France?")},
    "test_input_required_result_list_roots": {"client_roots": types.ListRootsRequest()},
    "test_input_required_result_request_state": {"confirm": form("Please confirm", ok=OK)},
    "test_input_required_result_tampered_state": {"confirm": form("Please confirm", ok=OK)},
    "test_input_required_result_capabilities": {
        "question": form("What is your name?", name=NAMED),
        "summary": sampling("Say hello"),
    },
    "test_input_required_result_multiple_inputs": {
        "user_name": form("What is your name?", name=NAMED),
        "greeting": sampling("Generate a greeting", 50),
        "client_roots": types.ListRootsRequest(),
    },
    "test_streaming_elicitation": {"user_name": form("What is your name?", name=NAMED)},
}
STATEFUL: Final = {
    "test_input_required_result_request_state",
    "test_input_required_result_tampered_state",
    "test_input_required_result_multiple_inputs",
}
ROUNDS: Final = (
    {"step1": form("Step 1: What is your name?", name=NAMED)},
    {"step2": form("Step 2: What is your favorite color?", color=NAMED)},
)
DEFAULTS: Final[Schema] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    },
}
TITLED: Final = [{"const": f"value{n}", "title": f"{word} Option"} for n, word in enumerate(("First", "Second"), 1)]
OPTIONS: Final = ["option1", "option2", "option3"]
ENUMS: Final[Schema] = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": OPTIONS},
        "titledSingle": {"type": "string", "oneOf": TITLED},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": OPTIONS}},
        "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
    },
}
DIALECT: Final[Schema] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
SCHEMAS: Final[Mapping[str, Schema]] = {
    "json_schema_2020_12_tool": DIALECT,
    "test_custom_header": {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}},
}
TEXTS: Final[Mapping[str, str]] = {
    "test://static-text": "This is the content of the static text resource.",
    "test://watched-resource": "Watched.",
}
PROMPTS: Final[Mapping[str, tuple[str, ...]]] = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}


class FixtureBridge(Bridge):
    """The product's bridge, which also answers what the suite asks for by name."""

    def __init__(self, host: Host, channel: str) -> None:
        """As the product's."""
        super().__init__(host, channel)
        self._watched: set[str] = set()
        self._schemas |= SCHEMAS
        self._live: Mapping[str, Callable[[Any, Mapping[str, Any]], Any]] = {
            "test_error_handling": self._error,
            "test_tool_with_logging": self._logging,
            "test_tool_with_progress": self._progress,
            "test_sampling": self._sampling,
            "test_elicitation": self._elicitation,
            "test_elicitation_sep1034_defaults": self._defaults,
            "test_elicitation_sep1330_enums": self._enums,
            "test_missing_capability": self._missing_capability,
            "test_reconnection": self._reconnection,
        }
        add = self.server.add_request_handler
        add("resources/subscribe", types.SubscribeRequestParams, self._subscribe)
        add("resources/unsubscribe", types.UnsubscribeRequestParams, self._unsubscribe)
        add("logging/setLevel", types.SetLevelRequestParams, self._set_level)

    # --- tools ---------------------------------------------------------------------------------------------------

    async def _list_tools(self, ctx: Any, params: Any) -> types.ListToolsResult:
        listed = await super()._list_tools(ctx, params)
        names = [*PLAIN, *ASKING, *self._live, "test_input_required_result_multi_round"]
        listed.tools += [
            types.Tool(name=name, description="Fixture.", input_schema=SCHEMAS.get(name, {"type": "object"}))
            for name in names
        ]
        return listed

    async def _call_tool(self, ctx: Any, params: types.CallToolRequestParams) -> Any:
        name, given = params.name, getattr(params, "input_responses", None) or {}
        if name in PLAIN:
            return types.CallToolResult(content=PLAIN[name]())
        if name in self._live:
            return await self._live[name](ctx, params.arguments or {})
        if name == "test_input_required_result_multi_round":
            return _next_round(given, getattr(params, "request_state", None))
        if name not in ASKING:
            return await super()._call_tool(ctx, params)
        able = {key: asked for key, asked in ASKING[name].items() if _can(ctx, asked)}
        missing = {key: asked for key, asked in able.items() if key not in given}
        if missing:
            return types.InputRequiredResult(input_requests=missing, request_state="ok" if name in STATEFUL else None)
        said = " ".join(_shown(given[key]) for key in able)
        state = " state-ok" if getattr(params, "request_state", None) == "ok" else ""
        return types.CallToolResult(content=[text(f"Hello, {said}!{state}")])

    async def _error(self, _ctx: Any, _arguments: Mapping[str, Any]) -> types.CallToolResult:
        return types.CallToolResult(
            content=[text("This tool intentionally returns an error for testing")], is_error=True
        )

    async def _logging(self, ctx: Any, _arguments: Mapping[str, Any]) -> types.CallToolResult:
        for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await ctx.session.send_log_message(level="info", data=words, related_request_id=ctx.request_id)
        return types.CallToolResult(content=[text("Logged.")])

    async def _progress(self, ctx: Any, _arguments: Mapping[str, Any]) -> types.CallToolResult:
        for done in (0, 50, 100):
            await ctx.session.report_progress(done, 100)
        return types.CallToolResult(content=[text("Reported.")])

    async def _sampling(self, ctx: Any, arguments: Mapping[str, Any]) -> types.CallToolResult:
        said = types.SamplingMessage(role="user", content=text(str(arguments["prompt"])))
        answer = await ctx.session.create_message([said], max_tokens=100, related_request_id=ctx.request_id)
        return types.CallToolResult(content=[text(f"LLM response: {_shown(answer)}")])

    async def _elicitation(self, ctx: Any, arguments: Mapping[str, Any]) -> types.CallToolResult:
        fields = {"username": NAMED, "email": NAMED}
        asked = {"type": "object", "properties": fields, "required": list(fields)}
        return await self._elicit(ctx, str(arguments["message"]), asked, "User response")

    async def _defaults(self, ctx: Any, _arguments: Mapping[str, Any]) -> types.CallToolResult:
        return await self._elicit(ctx, "Please review", DEFAULTS, "Elicitation completed")

    async def _enums(self, ctx: Any, _arguments: Mapping[str, Any]) -> types.CallToolResult:
        return await self._elicit(ctx, "Please choose", ENUMS, "Elicitation completed")

    async def _elicit(self, ctx: Any, message: str, asked: Schema, said: str) -> types.CallToolResult:
        answer = await ctx.session.elicit_form(message, asked, related_request_id=ctx.request_id)
        shown = f"{said}: action={answer.action}, content={json.dumps(answer.content)}"
        return types.CallToolResult(content=[text(shown)])

    async def _missing_capability(self, ctx: Any, _arguments: Mapping[str, Any]) -> types.CallToolResult:
        capabilities = ctx.session.client_capabilities
        if capabilities is None or capabilities.sampling is None:
            needs: Schema = {"requiredCapabilities": {"sampling": {}}}
            raise MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, "Sampling is needed.", needs)
        return types.CallToolResult(content=[text("Declared.")])

    async def _reconnection(self, ctx: Any, _arguments: Mapping[str, Any]) -> types.CallToolResult:
        if ctx.close_sse_stream is not None:
            await ctx.close_sse_stream()
            await anyio.lowlevel.checkpoint()
        return types.CallToolResult(content=[text("Reconnected.")])

    # --- resources, prompts, completion --------------------------------------------------------------------------

    async def _list_resources(self, ctx: Any, params: Any) -> types.ListResourcesResult:
        listed = await super()._list_resources(ctx, params)
        listed.resources += [types.Resource(name=uri, uri=uri) for uri in (*TEXTS, "test://static-binary")]
        return listed

    async def _read_resource(self, ctx: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        uri = str(params.uri)
        held: types.TextResourceContents | types.BlobResourceContents
        if uri == "test://static-binary":
            held = types.BlobResourceContents(uri=uri, blob=PNG, mime_type="image/png")
        elif uri in TEXTS:
            held = types.TextResourceContents(uri=uri, text=TEXTS[uri], mime_type="text/plain")
        elif uri.startswith("test://template/") and uri.endswith("/data"):
            key = uri.split("/")[3]
            body = json.dumps({"id": key, "templateTest": True, "data": f"Data for ID: {key}"})
            held = types.TextResourceContents(uri=uri, text=body, mime_type="application/json")
        else:
            return await super()._read_resource(ctx, params)
        return types.ReadResourceResult(contents=[held])

    async def _list_prompts(self, ctx: Any, params: Any) -> types.ListPromptsResult:
        listed = await super()._list_prompts(ctx, params)
        for name, arguments in PROMPTS.items():
            takes = [
                types.PromptArgument(name=argument, description="Fixture.", required=True) for argument in arguments
            ]
            listed.prompts.append(types.Prompt(name=name, description="Fixture.", arguments=takes))
        return listed

    async def _get_prompt(self, ctx: Any, params: types.GetPromptRequestParams) -> Any:
        if params.name not in PROMPTS:
            return await super()._get_prompt(ctx, params)
        given, answers = params.arguments or {}, getattr(params, "input_responses", None) or {}
        if params.name == "test_input_required_result_prompt" and "user_context" not in answers:
            asked: dict[str, Any] = {"user_context": form("What context should the prompt use?", context=NAMED)}
            return types.InputRequiredResult(input_requests=asked)
        blocks: Mapping[str, list[Any]] = {
            "test_simple_prompt": [text("This is a simple prompt for testing.")],
            "test_prompt_with_arguments": [
                text(f"Prompt with arguments: arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'")
            ],
            "test_prompt_with_embedded_resource": [
                resource(given.get("resourceUri", "test://example-resource"), "Embedded resource content for testing."),
                text("Please process the embedded resource above."),
            ],
            "test_prompt_with_image": [
                types.ImageContent(data=PNG, mime_type="image/png"),
                text("Please analyze the image above."),
            ],
            "test_input_required_result_prompt": [text("With context.")],
        }
        return types.GetPromptResult(
            messages=[types.PromptMessage(role="user", content=block) for block in blocks[params.name]]
        )

    async def _complete(self, ctx: Any, params: types.CompleteRequestParams) -> types.CompleteResult:
        if getattr(params.ref, "name", "") in PROMPTS:
            return types.CompleteResult(completion=types.Completion(values=["paris", "park", "party"], total=3))
        return await super()._complete(ctx, params)

    # --- what only 2025-11-25 has --------------------------------------------------------------------------------

    async def _subscribe(self, _ctx: Any, params: types.SubscribeRequestParams) -> types.EmptyResult:
        self._watched.add(str(params.uri))
        return types.EmptyResult()

    async def _unsubscribe(self, _ctx: Any, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
        self._watched.discard(str(params.uri))
        return types.EmptyResult()

    async def _set_level(self, _ctx: Any, _params: types.SetLevelRequestParams) -> types.EmptyResult:
        return types.EmptyResult()


def _can(ctx: Any, asked: Any) -> bool:
    """Whether the client declared what that question needs; a server must not ask for anything else."""
    capabilities = ctx.session.client_capabilities
    kind = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}
    return capabilities is not None and getattr(capabilities, kind[asked.method]) is not None


def _next_round(given: Mapping[str, Any], state: str | None) -> Any:
    reached = {None: 0, "round-1": 1, "round-2": 2}.get(state, 0)
    if reached < len(ROUNDS):
        asked: dict[str, Any] = dict(ROUNDS[reached])
        return types.InputRequiredResult(input_requests=asked, request_state=f"round-{reached + 1}")
    return types.CallToolResult(content=[text(f"Thank you, {' '.join(_shown(value) for value in given.values())}.")])


def _shown(answer: Any) -> str:
    """What a client answered, as words."""
    if isinstance(answer, types.ElicitResult):
        return " ".join(str(value) for value in (answer.content or {}).values())
    if isinstance(answer, types.ListRootsResult):
        return " ".join(str(root.uri) for root in answer.roots)
    return str(getattr(getattr(answer, "content", None), "text", ""))
