/** Certificates and keys in the forms in which people have them. */
import { initAuthority, issueServer } from "../../../../lib/certs/certs.ts";
import { AgentError } from "../../../../lib/errors.ts";
import { readAuthorities, readIdentity } from "../../../../lib/net/tls/files.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../../../support/assert.ts";
import { runOk } from "../../../support/child.ts";

async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "rda-pem-" });
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("certificate and key may be in one file, in any order, with whatever is around them", async () => {
  await inDirectory(async (directory) => {
    const options = { directory, force: false };
    const authority = await Deno.readTextFile((await initAuthority(options)).certFile);
    const { certFile, keyFile } = await issueServer(["localhost"], options);
    const cert = await Deno.readTextFile(certFile);
    const key = await Deno.readTextFile(keyFile);
    const plain = await readIdentity({ certFile, keyFile }, "server");
    const texts = [
      cert + key,
      key + cert,
      `\uFEFF${cert}${key}`,
      `Certificate:\n  Data: …\n${cert}\n${key}`,
      (cert + key).replaceAll("\n", "\r\n"),
    ];
    for (const text of texts) {
      const path = `${directory}/one.pem`;
      await Deno.writeTextFile(path, text);
      const identity = await readIdentity({ certFile: path, keyFile: path }, "server");
      assertEquals(identity.cert.trim(), plain.cert.trim());
      assertEquals(identity.key.replaceAll("\r", "").trim(), plain.key.trim());
    }
    const chain = `${directory}/chain.pem`;
    await Deno.writeTextFile(chain, `${key}${cert}subject=the authority\n${authority}`);
    const { cert: both } = await readIdentity({ certFile: chain, keyFile: chain }, "server");
    assertEquals(both, `${cert.trim()}\n${authority.trim()}\n`);
    assertEquals((await readAuthorities(chain, "client")).match(/BEGIN CERTIFICATE/g)?.length, 2);
  });
});

Deno.test("the certificate of a client or server is no authority, and the one to give is named", async () => {
  await inDirectory(async (directory) => {
    const options = { directory, force: false };
    const authority = await initAuthority(options);
    const { certFile } = await issueServer(["localhost"], options);
    const error = await assertRejects(() => readAuthorities(certFile, "client"), AgentError);
    assert(error instanceof AgentError);
    assertMatch(error.message, /^Cannot use the client CA ".*": it is no authority's certificate$/);
    assertMatch(error.hint ?? "", /has signed it: CN=remote-docker-agent CA /);
    // A bundle may have more in it than is needed, and old roots do not say what they are.
    const bundle = `${directory}/bundle.pem`;
    const texts = [certFile, authority.certFile].map((path) => Deno.readTextFileSync(path));
    await Deno.writeTextFile(bundle, texts.join(""));
    await readAuthorities(bundle, "client");
    const old = `${directory}/old.pem`;
    await runOk("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-subj", "/CN=old", "-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-keyout", `${directory}/old-key.pem`, "-out", old],
    ]);
    await readAuthorities(old, "client");
  });
});

Deno.test("a key that TLS takes for too weak is told when it is read", async () => {
  await inDirectory(async (directory) => {
    const files = { certFile: `${directory}/weak.pem`, keyFile: `${directory}/weak.key` };
    await runOk("openssl", [
      ...["req", "-x509", "-newkey", "rsa:1024", "-nodes", "-days", "2", "-subj", "/CN=weak"],
      ...["-keyout", files.keyFile, "-out", files.certFile],
    ]);
    const error = await assertRejects(() => readIdentity(files, "server"), AgentError);
    assert(error instanceof AgentError && error.kind === "config");
    assertMatch(error.message, /^Cannot use the server certificate ".*weak\.pem": key too small$/);
  });
});
