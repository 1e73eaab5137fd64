import { AgentError } from "../../../lib/errors.ts";
import { startGuest } from "../../../lib/guest/guest.ts";
import { Dialer } from "../../../lib/transport/endpoint/dialer.ts";
import { execOverGuest } from "../../../lib/transport/guest/exec.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../../support/assert.ts";
import { type CertificateFiles, Certificates } from "../../support/certificates.ts";
import { readAll } from "../../support/duplex.ts";
import { until } from "../../support/poll.ts";
import { type GuestSetup, withGuest } from "../../support/guest.ts";
import { GUEST_LIMITS } from "../../../lib/guest/limits.ts";

const INFO = "GET /tinyscale/v1/info";
const TOKEN = "0123456789abcdef0123";
const ANYWHERE = { listen: [{ kind: "tcp", host: "0.0.0.0", port: 0 }] } satisfies GuestSetup;

async function withTokenFile(
  content: string,
  body: (path: string) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempFile({ prefix: "rda-token-" });
  try {
    await Deno.writeTextFile(path, content);
    await body(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("beyond this machine nobody is let in unnamed, unless that is spelled out", async () => {
  for (const host of ["0.0.0.0", "::", "192.0.2.1", "example.com"]) {
    const options = {
      listen: [{ kind: "tcp", host, port: 0 }],
      allowedNames: [],
      allowAnonymous: false,
      copyRoots: [],
      allowTunnels: [],
      allowListen: [],
      limits: GUEST_LIMITS,
    } as const;
    const error = await assertRejects(() => startGuest(options), AgentError, "Refusing to listen");
    assertEquals((error as AgentError).kind, "config");
  }
  await withGuest({ ...ANYWHERE, allowAnonymous: true }, async (guest) => {
    assertMatch(guest.lines[0]?.message ?? "", /^DANGER: anybody who can reach 0\.0\.0\.0:0 runs/);
    assertEquals(guest.lines[0]?.level, "warn");
    assertMatch(await guest.ask(INFO), /^HTTP\/1\.1 200 /);
    await until("the log has it", () => guest.lines.at(-1)?.fields["who"] === "anonymous");
    // Its own name is not known to it, but a page in a browser still is.
    assertMatch(
      await guest.send(`${INFO} HTTP/1.1\r\nHost: gpu.lan\r\nConnection: close\r\n\r\n`),
      /^HTTP\/1\.1 200 /,
    );
    assertMatch(await guest.ask(INFO, ["Origin: http://gpu.lan"]), /^HTTP\/1\.1 403 /);
  });
});

Deno.test("a token opens the door, and a file without one closes it", async () => {
  await withTokenFile(
    `# for laptops\r\n${TOKEN}\r\n\n  ${TOKEN}-next\nsixteen--letters`,
    async (tokenFile) => {
      await withGuest({ ...ANYWHERE, tokenFile }, async (guest) => {
        assertMatch(guest.lines[0]?.message ?? "", /travel unencrypted/);
        const attempts: [headers: string[], status: number][] = [
          [[], 401],
          [["Authorization: Bearer"], 401],
          [["Authorization: Bearer wrong"], 401],
          [[`Authorization: Basic ${TOKEN}`], 401],
          [[`Authorization: Bearer ${TOKEN}x`], 401],
          [[`Authorization: Bearer ${TOKEN}`], 200],
          [[`authorization: bearer ${TOKEN}-next`], 200],
          [["Authorization: Bearer sixteen--letters"], 200],
        ];
        for (const [headers, status] of attempts) {
          const answer = await guest.ask(INFO, headers);
          assertMatch(answer, new RegExp(`^HTTP/1\\.1 ${status} `), `${headers}`);
          if (status === 401) assertMatch(answer, /\r\nWWW-Authenticate: Bearer\r\n/);
        }
        await Deno.writeTextFile(tokenFile, "");
        assertMatch(
          await guest.ask(INFO, [`Authorization: Bearer ${TOKEN}`]),
          /^HTTP\/1\.1 401 /,
        );
        assert(!JSON.stringify(guest.lines).includes(TOKEN));
      });
    },
  );
});

for (const [mode, isTold] of [[0o600, false], [0o640, true], [0o604, true]] as const) {
  Deno.test(`a token file of mode ${mode.toString(8)} is told of: ${isTold}`, async () => {
    await withTokenFile(TOKEN, async (tokenFile) => {
      await Deno.chmod(tokenFile, mode);
      await withGuest({ tokenFile }, (guest) => {
        const told = guest.lines.filter(({ message }) => message.startsWith("Others may read"));
        assertEquals(told.length, isTold ? 1 : 0);
        return Promise.resolve();
      });
    });
  });
}

const LONG_COMMENT = `# ${"x".repeat(65_536)}\n${TOKEN}\n`;
for (
  const content of [
    "",
    "# nothing\n",
    "fifteen-letters\n",
    `${TOKEN}\nfifteen-letters\n`,
    `${TOKEN} ${TOKEN}\n`,
    LONG_COMMENT,
  ]
) {
  Deno.test(`a token file that is no good stops the start: ${JSON.stringify(content.slice(0, 50))}`, async () => {
    await withTokenFile(content, async (tokenFile) => {
      await assertRejects(() => withGuest({ tokenFile }, () => Promise.resolve()), AgentError);
    });
  });
}

interface House {
  readonly server: CertificateFiles;
  readonly caFile: string;
  readonly alice: CertificateFiles;
  readonly bob: CertificateFiles;
  readonly stranger: CertificateFiles;
}

async function withHouse(body: (house: House) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "rda-guest-tls-" });
  try {
    const certificates = new Certificates(directory);
    const authority = await certificates.authority("ca");
    // Of the same name as a client that is let in, but of an authority that nobody knows.
    await Deno.mkdir(`${directory}/other`);
    const others = new Certificates(`${directory}/other`);
    await body({
      server: await certificates.issue(authority, "server", { altNames: "IP:127.0.0.1" }),
      caFile: authority.certFile,
      alice: await certificates.issue(authority, "alice"),
      bob: await certificates.issue(authority, "bob"),
      stranger: await others.issue(await others.authority("ca"), "alice"),
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function whoami(
  port: number,
  caFile: string,
  identity: Partial<CertificateFiles>,
  token?: string,
): Promise<string> {
  const endpoint = { host: "127.0.0.1", port, serverName: "127.0.0.1" };
  const dialer = await Dialer.open({ ...endpoint, tls: { caFile, ...identity } });
  try {
    const process = await execOverGuest(await dialer.dial(), {
      host: "127.0.0.1",
      command: "echo",
      args: ["hello"],
      ...(token !== undefined && { token }),
    });
    return await readAll(process.stdio);
  } finally {
    dialer.close({ everything: true });
  }
}

Deno.test("a certificate is asked for, of the authority, and by name", async () => {
  await withHouse(async ({ server, caFile, alice, bob, stranger }) => {
    const setup = { ...ANYWHERE, identity: server, clientCaFile: caFile, allowedNames: ["alice"] };
    await withGuest(setup, async (guest) => {
      assertEquals(await whoami(guest.port, caFile, alice), "hello\n");
      await until("the log has it", () => guest.lines.at(-1)?.fields["who"] === "cn:alice");
      await assertRejects(
        () => whoami(guest.port, caFile, bob),
        AgentError,
        "may not use this guest",
      );
      await assertRejects(() => whoami(guest.port, caFile, stranger), AgentError);
      await assertRejects(() => whoami(guest.port, caFile, {}), AgentError);
      assert(guest.lines.every(({ message }) => !message.startsWith("DANGER")));
    });
  });
});

Deno.test("with a token as well, both are asked for; without an authority, the token over TLS", async () => {
  await withHouse(async ({ server, caFile, alice }) => {
    await withTokenFile(TOKEN, async (tokenFile) => {
      const both = { ...ANYWHERE, identity: server, clientCaFile: caFile, tokenFile };
      await withGuest(both, async (guest) => {
        await assertRejects(
          () => whoami(guest.port, caFile, alice),
          AgentError,
          "a token is needed",
        );
        assertEquals(await whoami(guest.port, caFile, alice, TOKEN), "hello\n");
      });
      await withGuest({ ...ANYWHERE, identity: server, tokenFile }, async (guest) => {
        assertEquals(await whoami(guest.port, caFile, {}, TOKEN), "hello\n");
        await assertRejects(() => whoami(guest.port, caFile, {}), AgentError, "a token is needed");
        assert(guest.lines.every(({ message }) => !message.includes("unencrypted")));
      });
    });
  });
});
