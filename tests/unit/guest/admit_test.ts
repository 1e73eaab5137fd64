import { initAuthority, issueServer } from "../../../lib/certs/certs.ts";
import { ReplyError } from "../../../lib/docker/error_reply.ts";
import { AgentError } from "../../../lib/errors.ts";
import { type AccessRules, admit, type Door, type Peer } from "../../../lib/guest/access.ts";
import { type DoorRules, openDoor } from "../../../lib/guest/doors.ts";
import { type HeaderField, HeaderList } from "../../../lib/http/head.ts";
import { logger } from "../../../lib/log.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";

const LOCAL: Door = { kind: "tcp", local: true, mutualTls: false };
const OPEN: Door = { kind: "tcp", local: false, mutualTls: false };
const TLS: Door = { kind: "tcp", local: false, mutualTls: true };
const UNIX: Door = { kind: "unix", local: true, mutualTls: false };
const HOST: HeaderField = ["Host", "localhost"];
const PAGE: HeaderField = ["Origin", "http://localhost"];
const GOOD: HeaderField = ["Authorization", "Bearer good"];
const BAD: HeaderField = ["Authorization", "Bearer bad"];

interface Asked {
  readonly door: Door;
  readonly subject?: string;
  readonly fields?: readonly HeaderField[];
  readonly names?: readonly string[];
  readonly tokens?: readonly string[];
}

/** The name of the client in the log, or the status it is refused with. */
async function admitted(asked: Asked): Promise<string | number> {
  const { door, subject, fields = [HOST], names = [], tokens } = asked;
  const head = { method: "GET", target: "/", version: "1.1", raw: new Uint8Array() } as const;
  const peer: Peer = { remote: "x", door, ...(subject !== undefined && { subject }) };
  const rules: AccessRules = {
    allowedNames: names,
    ...(tokens !== undefined && { tokens: () => Promise.resolve(tokens) }),
  };
  try {
    return await admit({ ...head, headers: new HeaderList(fields) }, peer, rules);
  } catch (error) {
    if (error instanceof ReplyError) return error.status;
    throw error;
  }
}

const CASES: readonly [asked: Asked, result: string | number][] = [
  [{ door: LOCAL }, "local"],
  [{ door: UNIX, fields: [] }, "local"],
  [{ door: OPEN }, "anonymous"],
  [{ door: TLS, subject: "alice" }, "cn:alice"],
  // Pages of browsers: refused wherever one can get to, by any name where names are not known.
  [{ door: LOCAL, fields: [["Host", "evil.example"]] }, 403],
  [{ door: OPEN, fields: [["Host", "evil.example"]] }, "anonymous"],
  [{ door: LOCAL, fields: [HOST, PAGE] }, 403],
  [{ door: OPEN, fields: [HOST, PAGE] }, 403],
  [{ door: LOCAL, fields: [HOST, ["Sec-Fetch-Site", "same-origin"]] }, 403],
  [{ door: UNIX, fields: [["Host", "evil.example"], PAGE] }, "local"],
  [{ door: TLS, subject: "alice", fields: [["Host", "gpu.example"], PAGE] }, "cn:alice"],
  // A list of names is about certificates that were asked for.
  [{ door: TLS, subject: "alice", names: ["bob", "alice"] }, "cn:alice"],
  [{ door: TLS, subject: "alice", names: ["bob"] }, 403],
  [{ door: TLS, subject: "Alice", names: ["alice"] }, 403],
  [{ door: TLS, names: ["alice"] }, 403],
  [{ door: UNIX, names: ["alice"] }, "local"],
  // A token is asked of everybody, in addition; no page knows one.
  [{ door: LOCAL, tokens: ["good"] }, 401],
  [{ door: UNIX, tokens: ["good"] }, 401],
  [{ door: LOCAL, tokens: ["good"], fields: [HOST, BAD] }, 401],
  [{ door: LOCAL, tokens: [], fields: [HOST, GOOD] }, 401],
  [{ door: LOCAL, tokens: ["good"], fields: [HOST, GOOD] }, "token"],
  [{ door: OPEN, tokens: ["next", "good"], fields: [["Host", "any"], PAGE, GOOD] }, "token"],
  [{ door: TLS, subject: "alice", tokens: ["good"] }, 401],
  [{ door: TLS, subject: "alice", tokens: ["good"], fields: [GOOD] }, "cn:alice"],
  [{ door: TLS, subject: "alice", names: ["bob"], tokens: ["good"], fields: [GOOD] }, 403],
];

Deno.test("who is let in, by the door, the certificate, the token and the headers", async () => {
  for (const [asked, result] of CASES) {
    assertEquals(await admitted(asked), result, JSON.stringify(asked));
  }
});

Deno.test("a door tells what passing it means, and nothing else makes it one for certificates", async () => {
  const directory = await Deno.makeTempDir({ prefix: "rda-doors-" });
  const options = { directory, force: false };
  const log = logger("test");
  const open = async (address: Parameters<typeof openDoor>[0], rules: Partial<DoorRules> = {}) => {
    const all = { token: false, allowAnonymous: false, ...rules };
    const { listener, door } = await openDoor(address, all, log);
    await listener.close();
    return door;
  };
  const [here, anywhere] = ["127.0.0.1", "0.0.0.0"]
    .map((host) => ({ kind: "tcp", host, port: 0 }) as const);
  try {
    const { certFile: clientCaFile } = await initAuthority(options);
    const identity = await issueServer(["localhost"], options);
    assert(here !== undefined && anywhere !== undefined);
    assertEquals(await open({ kind: "unix", path: `${directory}/s` }), UNIX);
    assertEquals(await open(here), LOCAL);
    assertEquals(await open(here, { identity }), LOCAL);
    assertEquals(await open(anywhere, { token: true }), OPEN);
    assertEquals(await open(anywhere, { token: true, identity }), OPEN);
    assertEquals(await open(anywhere, { identity, clientCaFile }), TLS);
    for (const rules of [{}, { identity }, { clientCaFile }]) {
      await assertRejects(() => open(anywhere, rules), AgentError, "Refusing to listen");
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
