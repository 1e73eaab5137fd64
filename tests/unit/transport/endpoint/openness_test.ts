import { warnOfOpenness } from "../../../../lib/transport/endpoint/openness.ts";
import { assertEquals } from "../../../support/assert.ts";
import { collectLog } from "../../../support/log.ts";

const TLS = { caFile: "ca.crt" };
const CASES = [
  ["TLS that is verified", { host: "gpu", tls: TLS }, ""],
  ["plain on loopback", { host: "127.0.0.1" }, ""],
  ["plain elsewhere", { host: "gpu" }, "not encrypted"],
  ["TLS that is not verified", { host: "gpu", tls: TLS, insecure: true }, "not verified"],
  ["plain on loopback, where there is nothing to verify", { host: "::1", insecure: true }, ""],
] as const;

for (const [what, endpoint, said] of CASES) {
  Deno.test(`openness is said loudly: ${what}`, () => {
    const { log, lines } = collectLog();
    warnOfOpenness(endpoint, log);
    const found = lines.map(({ level, message }) =>
      `${level} ${/^INSECURE: .*(not \w+);/.exec(message)?.[1]}`
    );
    assertEquals(found, said === "" ? [] : [`warn ${said}`]);
  });
}
