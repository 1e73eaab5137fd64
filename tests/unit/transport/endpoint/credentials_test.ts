import { initAuthority, issueClient, issueServer } from "../../../../lib/certs/certs.ts";
import type { Fields, Logger } from "../../../../lib/log.ts";
import { Credentials, requirePair } from "../../../../lib/transport/endpoint/credentials.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../../../support/assert.ts";
import { Certificates } from "../../../support/certificates.ts";

const DAY = 24 * 60 * 60 * 1000;

/** Files of one client, a clock that only the test moves, and what was said. */
interface House {
  certificates: Certificates;
  files: { certFile: string; keyFile: string; caFile: string };
  said: string[];
  log: Logger;
  clock: { now: number };
  open(days?: number): Promise<Credentials>;
}

async function withHouse(body: (house: House) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "credentials-" });
  try {
    const certificates = new Certificates(directory);
    const authority = await certificates.authority("ca");
    const said: string[] = [];
    const say = (level: string) => (message: string, _fields?: Fields) =>
      void said.push(`${level} ${message}`);
    const log: Logger = {
      trace: () => {},
      debug: () => {},
      info: say("info"),
      warn: say("warn"),
      error: say("error"),
      enabled: () => true,
      with: () => log,
    };
    const clock = { now: Date.now() };
    const files = {
      certFile: `${directory}/client.pem`,
      keyFile: `${directory}/client.key`,
      caFile: authority.certFile,
    };
    await body({
      certificates,
      files,
      said,
      log,
      clock,
      async open(days = 365) {
        await certificates.issue(authority, "client", { days });
        return await Credentials.open(files, { log, peer: "gateway", now: () => clock.now });
      },
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a new pair of files is used for the next connection, an unusable one is not", async () => {
  await withHouse(async ({ certificates, files, said, clock, open }) => {
    const credentials = await open();
    const first = await credentials.context();
    clock.now += 2_000;
    assertEquals(await credentials.context(), first);

    const stranger = await certificates.authority("stranger");
    await Deno.copyFile(stranger.keyFile, files.keyFile);
    clock.now += 2_000;
    assert(await credentials.context() === first);
    assertEquals(said.length, 1);
    assert(said[0]?.includes("cannot be used: The client key"), said[0]);

    await Deno.copyFile(stranger.certFile, files.certFile);
    clock.now += 2_000;
    assert(await credentials.context() !== first);
    assertEquals(said[1], "info Certificate files have changed; new connections use the new ones");
  });
});

Deno.test("files that are gone for a moment change nothing", async () => {
  await withHouse(async ({ files, said, clock, open }) => {
    const credentials = await open();
    const first = await credentials.context();
    await Deno.rename(files.certFile, `${files.certFile}.old`);
    clock.now += 2_000;
    assert(await credentials.context() === first);
    assert(said[0]?.startsWith("warn Certificate files have changed and cannot be used"));
  });
});

Deno.test("the end of a certificate is told two weeks ahead, once a day", async () => {
  await withHouse(async ({ said, clock, open }) => {
    const credentials = await open(15);
    assertEquals(said, []);
    clock.now += 2 * DAY;
    await credentials.context();
    clock.now += 2_000;
    await credentials.context();
    assertEquals(said.length, 1);
    assert(
      /^warn The client certificate ".*" expires in 1[23] days, on /.test(said[0] ?? ""),
      said[0],
    );
    clock.now += 2 * DAY;
    await credentials.context();
    assertEquals(said.length, 2);
  });
});

Deno.test("the server's certificate is watched as well", async () => {
  await withHouse(async ({ said, clock, open }) => {
    const credentials = await open();
    credentials.noteServer(new Date(clock.now + 20 * DAY).toUTCString());
    assertEquals(said, []);
    credentials.noteServer(new Date(clock.now + DAY + 60_000).toUTCString());
    credentials.noteServer("nobody's date");
    assert(said[0]?.startsWith("warn The gateway's certificate expires in 1 day, on "), said[0]);
    assertEquals(said.length, 1);
  });
});

Deno.test("without a certificate only the authorities are read", async () => {
  await withHouse(async ({ files, log, open }) => {
    await open();
    const { caFile } = files;
    const credentials = await Credentials.open({ caFile }, { log, peer: "server" });
    assert(await credentials.context() !== undefined);
    const wrong = { caFile: files.keyFile };
    await assertRejects(
      () => Credentials.open(wrong, { log, peer: "server" }),
      Error,
      "Cannot use the server CA",
    );
  });
});

Deno.test("a certificate and its key go together", () => {
  const names = { cert: "--ts-cert", key: "--ts-key" };
  requirePair({}, names);
  requirePair({ certFile: "a", keyFile: "b" }, names);
  const lonely = () => requirePair({ certFile: "a" }, names);
  assertThrows(lonely, Error, "Missing --ts-key, which --ts-cert needs");
  assertThrows(
    () => requirePair({ keyFile: "b" }, names),
    Error,
    "Missing --ts-cert, which --ts-key needs",
  );
});

Deno.test({
  name: "a certificate of version 1 is warned of, with what to do",
  ignore: !await makesVersion1(),
  async fn() {
    await withHouse(async ({ files, said, log, open }) => {
      await open();
      const directory = files.certFile.slice(0, files.certFile.lastIndexOf("/"));
      const signed = await new Deno.Command("openssl", {
        args: [
          ...["x509", "-req", "-days", "60", "-in", `${directory}/client.csr`, "-CAcreateserial"],
          ...["-CA", files.caFile, "-CAkey", files.caFile.replace(/pem$/, "key")],
          ...["-out", files.certFile],
        ],
      }).output();
      assert(signed.success);
      assertEquals(said, []);
      await Credentials.open(files, { log, peer: "guest" });
      assertEquals(said.length, 1);
      assert(/client\.pem" is of X\.509 version 1.*-extfile/.test(said[0] ?? ""), said[0]);
    });
  },
});

Deno.test("a server's certificate in the place of a client's is warned of", async () => {
  await withHouse(async ({ said, log }) => {
    const directory = await Deno.makeTempDir({ prefix: "rda-use-" });
    try {
      const options = { directory, force: false };
      await initAuthority(options);
      await Credentials.open(await issueClient("somebody", options), { log, peer: "guest" });
      assertEquals(said, []);
      const server = await issueServer(["localhost"], options);
      await Credentials.open(server, { log, peer: "guest" });
      assertEquals(said.length, 1);
      assert(/localhost\.pem" is not for clients.*clientAuth/.test(said[0] ?? ""), said[0]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
});

/** Newer ones add extensions by themselves, which makes it version 3. */
async function makesVersion1(): Promise<boolean> {
  const { stdout } = await new Deno.Command("openssl", { args: ["version"] }).output();
  return /^OpenSSL (1|3\.[01])\./.test(new TextDecoder().decode(stdout));
}
