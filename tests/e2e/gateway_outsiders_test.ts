/** Who is out stays out: with a session from before, a certificate of anybody, or none at all. */
import { issueServer } from "../../lib/certs/certs.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { runCommand } from "../support/child.ts";
import { GatewayHouse } from "../support/gateway.ts";
import { until } from "../support/poll.ts";
import { connectAgain } from "../support/resuming.ts";

const PING = "GET /_ping HTTP/1.1\r\nHost: a.containers.test\r\nConnection: close\r\n\r\n";

Deno.test("a session of an authority that was taken out lets nobody in", async () => {
  await using house = await GatewayHouse.open();
  house.engine("a");
  const rest = (authority: string) =>
    `client_ca: ${authority}\n` +
    `hosts: {a.containers.test: {engine: "unix://${house.directory}/a.sock"}}\n` +
    "clients: [{name: alice, hosts: a.containers.test, access: full}]\n";
  await house.configure(rest(house.caFile));
  const gateway = await house.start();
  const identity = await house.client("alice");
  await house.stranger("alice");
  const ask = (version: "1.2" | "1.3") =>
    connectAgain({
      port: house.port,
      identity,
      sessionFile: `${house.directory}/session-${version}`,
      text: PING,
      version,
    });
  for (const version of ["1.2", "1.3"] as const) {
    assertMatch((await ask(version)).output, /OK from a/);
    const again = await ask(version);
    assert(again.reused, again.output);
    assertMatch(again.output, /OK from a/);
  }
  const served = house.seen.length;
  await house.configure(rest(`${house.directory}/elsewhere/ca.pem`));
  gateway.kill("SIGHUP");
  await gateway.waitFor(/Took over a new configuration/);
  for (const version of ["1.2", "1.3"] as const) {
    const { output } = await ask(version);
    assert(!/HTTP\/1\.1/.test(output), output);
  }
  assertEquals(house.seen.length, served);
  await gateway.waitFor(
    /"Refused a client".*"reason":"a session from before is not good any more"/,
  );
});

Deno.test("a stranger's certificate writes one short line into the log, and no more", async () => {
  await using house = await GatewayHouse.open();
  await house.configure(
    `client_ca: ${house.caFile}\n` +
      `hosts: {a.containers.test: {engine: "unix://${house.engine("a")}"}}\n` +
      "clients: [{name: alice, hosts: a.containers.test, access: full}]\n",
  );
  const gateway = await house.start();
  const names = Array.from({ length: 500 }, (_, at) => `/OU=unit ${at} of a long name`).join("");
  const files = { certFile: `${house.directory}/eve.pem`, keyFile: `${house.directory}/eve.key` };
  const { code, stderr } = await runCommand("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
    ...["-keyout", files.keyFile, "-out", files.certFile, "-subj", `/CN=\u009b2J\u202eeve${names}`],
    ...["-utf8", "-addext", "basicConstraints=critical,CA:FALSE"],
  ]);
  assertEquals(code, 0, stderr);
  assertEquals(await house.get(files), "");
  const [line] = await gateway.waitFor(/^.*"claims":.*(?=\n)/m);
  assert(line.length < 600 && line.includes("eve"), line);
  assertEquals(line.match(/[\p{Cc}\u202e]/gu), null, line);
});

Deno.test("strangers who open connections without end do not end the gateway", async () => {
  await using house = await GatewayHouse.open();
  await house.configure(
    `client_ca: ${house.caFile}\n` +
      `hosts: {a.containers.test: {engine: "unix://${house.engine("a")}"}}\n` +
      "clients: [{name: alice, hosts: a.containers.test, access: full}]\n" +
      "limits: {handshake_timeout: 1s}\n",
  );
  const gateway = await house.start({ openFiles: 256 });
  await gateway.waitFor(/The limit of 256 open files leaves room for 72 clients of 4064/);
  const strangers: Deno.Conn[] = [];
  for (let i = 0; i < 400; i++) {
    strangers.push(await Deno.connect({ hostname: "127.0.0.1", port: house.port }));
  }
  await gateway.waitFor(/Cut off a client: too many TLS handshakes at once/);
  const alice = await house.client("alice");
  await until("alice is served", async () => /OK from a/.test(await house.get(alice)));
  for (const stranger of strangers) stranger.close();
});

Deno.test("a gateway whose certificate is about to expire says so", async () => {
  await using house = await GatewayHouse.open();
  const renewed = { directory: house.directory, force: true };
  await issueServer(["localhost", "*.containers.test"], { ...renewed, days: 3 });
  await house.configure(
    `client_ca: ${house.caFile}\n` +
      `hosts: {a.containers.test: {engine: "unix://${house.engine("a")}"}}\n` +
      "clients: [{name: alice, hosts: a.containers.test, access: full}]\n",
  );
  const gateway = await house.start();
  await gateway.waitFor(/The certificate \S+localhost.pem\S* expires in 2 days, on /);
  await issueServer(["localhost", "*.containers.test"], renewed);
  gateway.kill("SIGHUP");
  await gateway.waitFor(/Took over a new configuration/);
  assertMatch(await house.get(await house.client("alice")), /OK from a/);
  await gateway.waitFor(/"client":"alice".*"status":200/);
  assertEquals(gateway.soFar.output.match(/ expires in /g)?.length, 1);
});
