import { initAuthority, issueServer } from "../../../lib/certs/certs.ts";
import { adviceOn } from "../../../lib/gateway/advice.ts";
import type { HostConfig } from "../../../lib/gateway/config.ts";
import { parseTcpListen } from "../../../lib/gateway/endpoint.ts";
import { type ClientRule, namePattern } from "../../../lib/gateway/rights.ts";
import { assertEquals } from "../../support/assert.ts";

const RULE: ClientRule = {
  names: [namePattern("alice")],
  uris: [],
  fingerprints: [],
  hosts: [],
  access: "full",
  allow: [],
  guest: new Set(),
};

Deno.test("a port of this machine alone, hosts that nobody may use, or that the certificate is not for, are told of", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const options = { directory, force: false };
    await initAuthority(options);
    const { certFile, keyFile } = await issueServer(["*.containers.test", "gpu.test"], options);
    const cert = await Deno.readTextFile(certFile);
    const identity = { certFile: "gateway.pem", keyFile };
    const advice = (hosts: string[], patterns: string[], listen = "0.0.0.0:443") =>
      adviceOn({
        listen: parseTcpListen(listen),
        hosts: new Map(hosts.map((name): [string, HostConfig] => [name, {}])),
        rules: patterns.map((text) => ({ ...RULE, hosts: [namePattern(text)] })),
        identity,
      }, cert);
    assertEquals(advice(["a.containers.test", "gpu.test"], ["*.containers.test", "gpu.test"]), []);
    assertEquals(advice(["a.containers.test", "gpu.test"], ["*.containres.test"]), [
      'No client may use a.containers.test, gpu.test: no rule of "clients" is about it',
    ]);
    assertEquals(advice(["gpu.test"], ["gpu.test"], ":8443"), [
      'Other machines cannot connect: ":8443" is port 8443 of this one alone, "0.0.0.0:8443" that ' +
      "of all its addresses",
    ]);
    assertEquals(advice(["a.b.containers.test", "gpu.test"], ["gpu.test", "*.b.containers.test"]), [
      'Clients of a.b.containers.test will refuse the certificate "gateway.pem", which is for ' +
      "*.containers.test, gpu.test",
    ]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
