/** Rules for published ports, as users write them. */
import { parsePortRule } from "../../../lib/config/port_rule.ts";
import type { PortRule } from "../../../lib/forward/rules.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

const RULES: [string, PortRule][] = [
  [
    "image=postgres:* port=5432 local=15432",
    {
      match: { image: "postgres:*", port: { first: 5432, last: 5432 } },
      action: { localPort: 15432 },
    },
  ],
  ["container=debug-* ignore", { match: { container: "debug-*" }, action: { ignore: true } }],
  [
    " label=a.b=c=d  port=53-54/udp address=::1 ",
    {
      match: { label: "a.b=c=d", port: { first: 53, last: 54 }, protocol: "udp" },
      action: { address: "::1" },
    },
  ],
];

Deno.test("a rule has conditions and an action", () => {
  for (const [text, rule] of RULES) assertEquals(parsePortRule(text), rule, text);
});

Deno.test("a rule that makes no sense is refused", () => {
  const cases: [string, string][] = [
    ["", `not ""`],
    ["ignore", "expected a condition"],
    ["container=x", "expected an action"],
    ["container=x local=0", "from 1 to 65535"],
    ["container=x local=http", "from 1 to 65535"],
    ["port=80-70 ignore", "expected a port such as"],
    ["port=80/sctp ignore", "expected a port such as"],
    ["port=80 ignore=yes", `"ignore" has no value`],
    ["port=80 address=localhost", "expected an IP address"],
    ["port=80 ignore local=1", "nothing for"],
    ["port=80 port=81 ignore", "given twice"],
    ["name=x ignore", `not "name"`],
    ["container= ignore", "needs a value"],
  ];
  for (const [text, message] of cases) assertThrows(() => parsePortRule(text), Error, message);
});
