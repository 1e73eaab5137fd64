import { parse } from "yaml";
import { configSchema, type JsonSchema } from "../../../../lib/config/file/json_schema.ts";
import { readFileContents } from "../../../../lib/config/file/file.ts";
import { renderSchema, SCHEMA } from "../../../../scripts/write_docs.ts";
import { assert, assertEquals } from "../../../support/assert.ts";

/** What a value breaks of a schema, for the keywords that ours uses; paths are joined by dots. */
function problems(schema: JsonSchema, value: unknown, at = ""): string[] {
  const { type, properties, items, enum: choices, anyOf, required, pattern } = schema;
  if (Array.isArray(anyOf)) {
    return anyOf.some((one) => problems(one, value, at).length === 0) ? [] : [`${at}: none fits`];
  }
  const isChoice = !Array.isArray(choices) || choices.includes(value);
  const types = [type].flat();
  const isType = type === undefined || types.includes(typeOf(value)) ||
    (types.includes("number") && typeOf(value) === "integer");
  if (!isChoice || !isType) return [`${at}: ${JSON.stringify(value)}`];
  if (typeof pattern === "string" && !new RegExp(pattern).test(String(value))) return [at];
  if (Array.isArray(value)) {
    return value.flatMap((item, i) => problems(items as JsonSchema, item, `${at}.${i}`));
  }
  if (typeof value !== "object" || value === null) return [];
  const known = properties as Record<string, JsonSchema>;
  const missing = (required as string[] | undefined ?? []).filter((key) => !(key in value));
  return [
    ...missing.map((key) => `${at}.${key}: missing`),
    ...Object.entries(value).flatMap(([key, item]) =>
      known[key] === undefined
        ? [`${at}.${key}: unknown`]
        : problems(known[key], item, `${at}.${key}`)
    ),
  ];
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (value === null) return "null";
  return typeof value === "number" && Number.isInteger(value) ? "integer" : typeof value;
}

const GOOD = `
log_level: debug
timeout: 5s
sync_max_size: 2GB
listen: ["127.0.0.1:2375"]
hosts:
  - name: gpu
    listen: unix://~/.docker/run/gpu.sock
    ssh: { host: "gpu:22", user: dev, known_hosts: [a, b] }
    warm_connections: 2
    dump: false
  - { name: prod, transport: mtls, mtls_endpoint: gw, mtls: { cert: c.pem, key: k.pem } }
`;

Deno.test("what the program reads fits the schema", () => {
  readFileContents(GOOD, "c.yaml", "/");
  assertEquals(problems(configSchema(), parse(GOOD)), []);
});

Deno.test("what the program refuses does not fit", () => {
  const table: [string, string][] = [
    ["ssh_hots: a", ".ssh_hots: unknown"],
    ["transport: telnet", '.transport: "telnet"'],
    ["warm_connections: many", '.warm_connections: "many"'],
    ["hosts: [{ ssh_host: a }]", ".hosts.0.name: missing"],
    ["hosts: [{ name: a b }]", ".hosts.0.name"],
    ["hosts: [{ name: aa, log_level: info }]", ".hosts.0.log_level: unknown"],
    ["hosts: [{ name: aa, ssh: { hots: b } }]", ".hosts.0.ssh.hots: unknown"],
  ];
  for (const [text, expected] of table) {
    assertEquals(problems(configSchema(), parse(text)), [expected], text);
  }
});

Deno.test("the schema in docs is up to date with the option table (else: deno task docs)", () => {
  assert(Deno.readTextFileSync(SCHEMA) === renderSchema(), "docs/config.schema.json is stale");
});
