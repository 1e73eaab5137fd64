// @ts-types="@types/ssh2"
import type { AuthContext } from "ssh2";
import { assertEquals, assertRejects } from "../../../../support/assert.ts";
import { AgentError } from "../../../../../lib/errors.ts";
import type { Prompt } from "../../../../../lib/transport/ssh/auth/prompt.ts";
import { Secrets } from "../../../../../lib/transport/ssh/auth/secrets.ts";
import type { ResolvedSsh } from "../../../../../lib/transport/ssh/settings.ts";
import { utils } from "../../../../../lib/transport/ssh/ssh2.ts";
import {
  connect,
  hostOf,
  makeKey,
  type ServerBehaviour,
  startServer,
  temporaryDirectory,
  writeKey,
} from "../fixture.ts";

/** Answers from a list and remembers the questions; `null` declines. */
function scripted(...answers: (string | null)[]): Prompt & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    ask(question) {
      asked.push(question);
      return Promise.resolve(answers.shift() ?? null);
    },
  };
}

const password =
  (expected: string, more: AuthContext["method"][] = []) => (context: AuthContext) => {
    if (context.method === "password" && context.password === expected) context.accept();
    else context.reject(["password", ...more]);
  };

/** Connects, and closes; what the server was tried with is up to `authenticate`. */
async function attempt(
  authenticate: ServerBehaviour["authenticate"],
  host: Partial<ResolvedSsh>,
  secrets: Secrets,
): Promise<void> {
  await using server = await startServer(authenticate === undefined ? {} : { authenticate });
  await using transport = await connect(hostOf(server.port, host), secrets);
  await transport.facts;
}

async function refusal(...args: Parameters<typeof attempt>): Promise<string[]> {
  const error = await assertRejects(() => attempt(...args), AgentError) as AgentError;
  return [error.kind, error.message, error.hint ?? ""];
}

Deno.test("keys are offered in order, each once, explicit ones first", async () => {
  await using directory = await temporaryDirectory();
  const offered: string[] = [];
  const keys = ["a", "b", "c"].map((name) => ({ name, pair: makeKey() }));
  const paths: string[] = [];
  for (const { name, pair } of keys) paths.push(await writeKey(directory.path, name, pair.private));
  const nameOf = (data: Uint8Array) =>
    keys.find(({ pair }) => {
      const parsed = utils.parseKey(pair.public);
      return !(parsed instanceof Error) && parsed.getPublicSSH().equals(data);
    })?.name ?? "?";
  const [a = "", b = "", c = ""] = paths;
  const identityFiles = [
    { path: c, explicit: true },
    { path: a, explicit: false },
    { path: c, explicit: false },
    { path: `${directory.path}/missing`, explicit: false },
    { path: b, explicit: false },
  ];
  const authenticate = (context: AuthContext) => {
    if (context.method === "publickey") offered.push(nameOf(context.key.data));
    context.reject(["publickey"]);
  };
  assertEquals(await refusal(authenticate, { identityFiles }, new Secrets()), [
    "authentication",
    `Permission denied for dev@127.0.0.1 (tried: key ${c}, key ${a}, key ${b})`,
    "check the user name, and that the key is in ~dev/.ssh/authorized_keys on the remote host",
  ]);
  assertEquals(offered, ["c", "a", "b"]);
});

Deno.test("an encrypted key is unlocked only when the host takes it, and only once", async () => {
  await using directory = await temporaryDirectory();
  const path = await writeKey(directory.path, "id", makeKey("secret").private);
  const identityFiles = [{ path, explicit: true }];
  const question = `Enter passphrase for key '${path}': `;

  const prompt = scripted("wrong", "secret");
  const secrets = new Secrets({ prompt });
  await attempt(undefined, { identityFiles }, secrets);
  await attempt(undefined, { identityFiles }, secrets);
  assertEquals(prompt.asked, [question, `Wrong passphrase. ${question}`]);

  await attempt(undefined, { identityFiles }, new Secrets({ passphrase: "secret" }));

  const unasked = scripted();
  const refuse = (context: AuthContext) => context.reject(["publickey"]);
  await refusal(refuse, { identityFiles }, new Secrets({ prompt: unasked }));
  assertEquals(unasked.asked, []);
});

Deno.test("a key that cannot be unlocked is named", async () => {
  await using directory = await temporaryDirectory();
  const path = await writeKey(directory.path, "id", makeKey("secret").private);
  const identityFiles = [{ path, explicit: true }];
  const message = async (secrets: Secrets) =>
    (await refusal(undefined, { identityFiles }, secrets))[1];
  const wrong = `Cannot use SSH key "${path}": wrong passphrase`;
  assertEquals(await message(new Secrets({ passphrase: "wrong" })), wrong);
  assertEquals(await message(new Secrets({ prompt: scripted("1", "2", "3", "secret") })), wrong);
  assertEquals(
    await message(new Secrets()),
    `Cannot use SSH key "${path}": it is encrypted and there is no passphrase`,
  );
});

Deno.test("an explicit key that cannot be used stops before anything is sent", async () => {
  await using directory = await temporaryDirectory();
  await using server = await startServer();
  const { private: text, public: line } = makeKey();
  const file = (name: string) => `${directory.path}/${name}`;
  await Deno.writeTextFile(file("open"), text, { mode: 0o644 });
  await Deno.writeTextFile(file("id.pub"), line);
  await Deno.writeTextFile(file("text"), "hello");
  const table = [
    ["missing", "no such file"],
    ["", "it is a directory"],
    ["id.pub", "it is a public key"],
    ["text", "it is not a private key of a known format"],
    ["open", "permissions 0644 are too open"],
  ] as const;
  for (const [name, why] of table) {
    const host = hostOf(server.port, { identityFiles: [{ path: file(name), explicit: true }] });
    const error = await assertRejects(() => connect(host), AgentError) as AgentError;
    assertEquals([error.kind, error.message], [
      "authentication",
      `Cannot use SSH key "${file(name)}": ${why}`,
    ]);
  }
  assertEquals(server.connections.length, 0);
});

Deno.test("a password is asked for only when there is someone to ask, and kept", async () => {
  const prompt = scripted("wrong", "right");
  const secrets = new Secrets({ prompt });
  await attempt(password("right"), {}, secrets);
  await attempt(password("right"), {}, secrets);
  assertEquals(prompt.asked, ["dev@127.0.0.1's password: ", "dev@127.0.0.1's password: "]);

  const nobody = "Permission denied for dev@127.0.0.1 (there was nothing to try)";
  assertEquals((await refusal(password("x"), {}, new Secrets()))[1], nobody);
  const silent = scripted("x");
  const batch = await refusal(password("x"), { prompts: false }, new Secrets({ prompt: silent }));
  assertEquals([batch[1], silent.asked.length], [nobody, 0]);
});

Deno.test("three wrong passwords are enough, and a declined one ends it at once", async () => {
  const stubborn = scripted("1", "2", "3", "4");
  const [, message] = await refusal(password("x"), {}, new Secrets({ prompt: stubborn }));
  assertEquals([message, stubborn.asked.length], [
    "Permission denied for dev@127.0.0.1 (tried: password)",
    3,
  ]);
  const declined = scripted(null, "x");
  await refusal(password("x"), {}, new Secrets({ prompt: declined }));
  assertEquals(declined.asked.length, 1);
});

Deno.test("questions of the host are passed on without control characters", async () => {
  const prompt = scripted("me", "1234");
  const authenticate = (context: AuthContext) => {
    if (context.method !== "keyboard-interactive") return context.reject(["keyboard-interactive"]);
    const questions = [{ prompt: "Name: ", echo: true }, {
      prompt: "\u001b[2JCode: ",
      echo: false,
    }];
    context.prompt(questions, "Two factors", "Look at your token", (answers) => {
      if (answers.join() === "me,1234") context.accept();
      else context.reject(["keyboard-interactive"]);
    });
  };
  await attempt(authenticate, {}, new Secrets({ prompt }));
  assertEquals(prompt.asked, [
    "Two factors\nLook at your token\n(dev@127.0.0.1) Name: ",
    "(dev@127.0.0.1) [2JCode: ",
  ]);
});

Deno.test("a host may want a key and a password as well", async () => {
  await using directory = await temporaryDirectory();
  const path = await writeKey(directory.path, "id", makeKey().private);
  let keyed = false;
  const authenticate = (context: AuthContext) => {
    if (context.method === "publickey") {
      if (context.signature === undefined) return context.accept();
      keyed = true;
      return context.reject(["password"], true);
    }
    if (keyed && context.method === "password" && context.password === "pw") context.accept();
    else context.reject([keyed ? "password" : "publickey"]);
  };
  const prompt = scripted("pw");
  await attempt(
    authenticate,
    { identityFiles: [{ path, explicit: true }] },
    new Secrets({ prompt }),
  );
  assertEquals(prompt.asked.length, 1);
});

Deno.test("a host that lets anyone in is not asked for more", async () => {
  await attempt((context) => context.accept(), {}, new Secrets());
});
