// The TypeScript SDK's client: plans a change, declines it, applies it, takes it back. Prints what came back as JSON.
// Argument: {"era": "2025-11-25" | "2026-07-28", "url"?: ..., "stdio"?: {command, args, env, cwd}, "operation": {...}}
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const asked = JSON.parse(process.argv[2]);
const mode = asked.era === "2025-11-25" ? "legacy" : { pin: asked.era };
const client = new Client(
  { name: "typescript-sdk", version: "1" },
  { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode } },
);
const questions = [];
let says = "decline";
client.setRequestHandler("elicitation/create", async (request) => {
  questions.push(request.params.message);
  const code = request.params.message.split("Apply plan ", 2)[1].split(" ")[0];
  return says === "accept" ? { action: "accept", content: { approve: true, code } } : { action: says };
});
const transport = asked.url
  ? new StreamableHTTPClientTransport(new URL(asked.url))
  : new StdioClientTransport({ ...asked.stdio, stderr: "ignore" });
await client.connect(transport);
const call = async (name, args) => (await client.callTool({ name, arguments: args })).structuredContent;
const tools = (await client.listTools()).tools.map((tool) => tool.name);
const plan = await call("meraki_plan", { operations: [asked.operation], intent: "tried with the TypeScript SDK" });
const declined = await call("meraki_apply", { plan_id: plan.plan_id });
says = "accept";
const applied = await call("meraki_apply", { plan_id: plan.plan_id });
const undone = await call("rollback", { change_id: applied.change_id });
const version = client.getNegotiatedProtocolVersion();
await client.close();
const statuses = [plan, declined, applied, undone].map((answer) => answer.status);
console.log(JSON.stringify({ version, tools, statuses, questions }));
process.exit(0);
