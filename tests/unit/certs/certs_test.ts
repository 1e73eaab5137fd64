import { X509Certificate } from "node:crypto";
import {
  type CertsOptions,
  type CertsResult,
  initAuthority,
  issueClient,
  issueServer,
  LIFETIMES,
} from "../../../lib/certs/certs.ts";
import { certificateNames } from "../../../lib/certs/read.ts";
import { AgentError } from "../../../lib/errors.ts";
import { readIdentity } from "../../../lib/net/tls/files.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../../support/assert.ts";
import { runCommand, runOk } from "../../support/child.ts";

async function inDirectory(body: (options: CertsOptions) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "certs-" });
  try {
    await body({ directory, force: false });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function openssl(...args: string[]): Promise<string> {
  return runOk("openssl", args);
}

async function days({ certFile }: Pick<CertsResult, "certFile">): Promise<number> {
  const { validFrom, validTo } = new X509Certificate(await Deno.readTextFile(certFile));
  return Math.floor((Date.parse(validTo) - Date.parse(validFrom)) / 86_400_000);
}

Deno.test("openssl accepts what is made, for its purpose and no other", async () => {
  await inDirectory(async (options) => {
    const ca = await initAuthority(options);
    const server = await issueServer(["*.containers.example.net", "192.0.2.1", "::1"], options);
    const client = await issueClient("alice", options);
    assertEquals(server.certFile, `${options.directory}/_wildcard.containers.example.net.pem`);
    const verify = (purpose: string, file: string, name: string) =>
      runCommand("openssl", [
        ...["verify", "-x509_strict", "-CAfile", ca.certFile, "-purpose", purpose],
        ...(name === "" ? [] : ["-verify_hostname", name]),
        file,
      ]);
    const good: [string, string, string][] = [
      ["sslserver", server.certFile, "gpu.containers.example.net"],
      ["sslclient", client.certFile, ""],
    ];
    for (const args of good) {
      const { code, stderr } = await verify(...args);
      assertEquals([code, stderr], [0, ""]);
    }
    const bad: [string, string, string][] = [
      ["sslclient", server.certFile, ""],
      ["sslserver", client.certFile, ""],
      ["sslserver", server.certFile, "a.gpu.containers.example.net"],
      ["sslserver", server.certFile, "containers.example.org"],
    ];
    for (const args of bad) assert((await verify(...args)).code !== 0, args.join(" "));
    const text = await openssl("x509", "-in", server.certFile, "-noout", "-text");
    assertMatch(text, /ASN1 OID: prime256v1[\s\S]*ecdsa-with-SHA256/);
    assertMatch(text, /DNS:\*\.containers\.example\.net, IP Address:192\.0\.2\.1, IP Address:0:0/);
    assertMatch(text, /Key Usage: critical\s+Digital Signature\s/);
    const authority = await openssl("x509", "-in", ca.certFile, "-noout", "-text");
    assertMatch(authority, /CA:TRUE, pathlen:0[\s\S]*Certificate Sign, CRL Sign/);
    assertEquals([await days(ca), await days(server), await days(client)], [
      LIFETIMES.authority,
      LIFETIMES.server,
      LIFETIMES.client,
    ]);
    await readIdentity(server, "server");
  });
});

Deno.test("a client's certificate carries its SPIFFE ID", async () => {
  await inDirectory(async (options) => {
    await initAuthority(options);
    const person = { trustDomain: "example.net", org: "acme", user: "alice" };
    const { certFile } = await issueClient("alice", { ...options, person, days: 5 });
    const { raw } = new X509Certificate(await Deno.readTextFile(certFile));
    assertEquals(certificateNames(raw), {
      commonName: "alice",
      dnsNames: ["alice"],
      uris: ["spiffe://example.net/orgs/acme/users/alice"],
    });
    assertEquals(await days({ certFile }), 5);
  });
});

Deno.test("a name with a comma in a certificate is one name", async () => {
  await inDirectory(async (options) => {
    const ca = await initAuthority(options);
    const { directory } = options;
    await Deno.writeTextFile(
      `${directory}/ext`,
      "subjectAltName=@names\n[names]\nURI.1 = spiffe://a/b\\, DNS:admin\nDNS.1 = Bob.Example\n",
    );
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    await openssl(
      ...["req", "-new", ...key, "-keyout", `${directory}/k`, "-out", `${directory}/csr`],
      ...["-subj", "/CN=one/CN=two"],
    );
    await openssl(
      ...["x509", "-req", "-in", `${directory}/csr`, "-CA", ca.certFile, "-CAkey", ca.keyFile],
      ...["-CAcreateserial", "-extfile", `${directory}/ext`, "-out", `${directory}/out.pem`],
    );
    const { raw } = new X509Certificate(await Deno.readTextFile(`${directory}/out.pem`));
    assertEquals(certificateNames(raw), {
      commonName: undefined,
      dnsNames: ["bob.example"],
      uris: ["spiffe://a/b, DNS:admin"],
    });
  });
});

Deno.test("keys are private, and no file is replaced unless asked for", async () => {
  await inDirectory(async (options) => {
    const ca = await initAuthority(options);
    const client = await issueClient("alice", options);
    for (const { certFile, keyFile } of [ca, client]) {
      assertEquals((await Deno.stat(keyFile)).mode! & 0o777, 0o600);
      const before = [await Deno.readTextFile(certFile), await Deno.readTextFile(keyFile)];
      const again = () =>
        certFile === ca.certFile ? initAuthority(options) : issueClient("alice", options);
      await assertRejects(again, AgentError, "Will not replace");
      await Deno.remove(certFile);
      await assertRejects(again, AgentError, `Will not replace "${keyFile}"`);
      await Deno.writeTextFile(certFile, before[0]!);
      assertEquals(await Deno.readTextFile(keyFile), before[1]);
    }
    const before = await Deno.readTextFile(client.certFile);
    await issueClient("alice", { ...options, force: true });
    assert(await Deno.readTextFile(client.certFile) !== before);
    assertEquals((await Deno.stat(client.keyFile)).mode! & 0o777, 0o600);
    await readIdentity(client, "client");
  });
});

Deno.test("what cannot be in a certificate is refused by name", async () => {
  await inDirectory(async (options) => {
    await assertRejects(() => issueClient("bob", options), AgentError, "There is no authority in");
    await initAuthority(options);
    const servers = [
      "",
      "a b",
      "*",
      "*.*.x",
      "a..b",
      "-a",
      "a/b",
      "../x",
      "a".repeat(300),
      "fe80::1%eth0",
      "300.1.1.1",
      "10.0.0",
    ];
    for (const name of servers) {
      await assertRejects(() => issueServer([name], options), AgentError, "not a host name");
    }
    for (const name of ["", "../alice", "a/b", ".x", "a b", "a\n", "x".repeat(65)]) {
      await assertRejects(() => issueClient(name, options), AgentError, "not a plain name");
    }
    await assertRejects(
      () => issueClient("ca", options),
      AgentError,
      'Cannot call a certificate "ca"',
    );
    const person = { trustDomain: "example.net", org: "acme", user: "a" };
    for (const change of [{ org: "a/b" }, { user: ".." }, { trustDomain: "a b" }]) {
      await assertRejects(
        () => issueClient("bob", { ...options, person: { ...person, ...change } }),
        AgentError,
        "Invalid value",
      );
    }
    const names = [...Deno.readDirSync(options.directory)].map(({ name }) => name).sort();
    assertEquals(names, ["ca-key.pem", "ca.pem"]);
  });
});

Deno.test("no certificate outlives its authority, and that is told", async () => {
  await inDirectory(async (options) => {
    const authority = await initAuthority({ ...options, days: 30 });
    assertEquals(authority.isCut, false);
    const long = await issueServer(["gpu.example"], { ...options, days: 31 });
    assertEquals([long.validTo, long.isCut], [authority.validTo, true]);
    const short = await issueClient("alice", { ...options, days: 29 });
    assertEquals([short.validTo < authority.validTo, short.isCut], [true, false]);
    assertEquals(await days(short), 29);
  });
});

Deno.test("an authority whose files do not belong together signs nothing", async () => {
  await inDirectory(async (options) => {
    const ca = await initAuthority(options);
    const client = await issueClient("alice", options);
    await Deno.copyFile(client.keyFile, ca.keyFile);
    await assertRejects(() => issueClient("bob", options), AgentError, "does not match");
    await Deno.copyFile(client.certFile, ca.certFile);
    await assertRejects(() => issueClient("bob", options), AgentError, "not that of an authority");
  });
});
