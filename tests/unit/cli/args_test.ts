import { type Invocation, parseCommandLine } from "../../../lib/cli/args.ts";
import { AgentError, describeError } from "../../../lib/errors.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";

function flagsOf(args: string[]): Record<string, string[]> {
  const invocation = parseCommandLine(args, "/project");
  assert(invocation.kind === "run");
  const found: Record<string, string[]> = {};
  for (const { name, text } of invocation.flags) (found[name] ??= []).push(text);
  return found;
}

Deno.test("a flag may have one dash or two, a space or an equals sign", () => {
  const spellings = [
    ["-ssh-user=dev"],
    ["-ssh-user", "dev"],
    ["--ssh-user=dev"],
    ["--ssh-user", "dev"],
    ["start", "-ssh-user", "dev"],
    ["--ssh-user", "dev", "start"],
  ];
  for (const args of spellings) assertEquals(flagsOf(args), { "ssh-user": ["dev"] });
});

const FLAGS: [string[], Record<string, string[]>][] = [
  [[], {}],
  [["--dump"], { dump: ["true"] }],
  [["-dump"], { dump: ["true"] }],
  [["--dump=false"], { dump: ["false"] }],
  [["--no-dump"], { dump: ["false"] }],
  [["-no-allow-remote-clients"], { "allow-remote-clients": ["false"] }],
  [["--listen", ":1", "-listen=:2"], { listen: [":1", ":2"] }],
  [["--remote-socket", "/s"], { "remote-docker": ["/s"] }],
  [["--ssh-user=a=b"], { "ssh-user": ["a=b"] }],
  [["--ssh-user=--dump"], { "ssh-user": ["--dump"] }],
  [["--ssh-user", "-"], { "ssh-user": ["-"] }],
  [["--ssh-user="], { "ssh-user": [""] }],
];

Deno.test("flags are taken apart", () => {
  for (const [args, expected] of FLAGS) assertEquals(flagsOf(args), expected, args.join(" "));
});

const INVOCATIONS: [string[], Invocation][] = [
  [["--help"], { kind: "help", topic: undefined }],
  [["-h"], { kind: "help", topic: undefined }],
  [["-help"], { kind: "help", topic: undefined }],
  [["help"], { kind: "help", topic: undefined }],
  [["help", "start"], { kind: "help", topic: "start" }],
  [["start", "--help"], { kind: "help", topic: "start" }],
  [["--colour", "-h"], { kind: "help", topic: undefined }],
  [["--version"], { kind: "version" }],
  [["-V"], { kind: "version" }],
  [["version"], { kind: "version" }],
  [["start"], { kind: "run", command: "start", flags: [] }],
];

Deno.test("the command and the questions about the program are recognised", () => {
  for (const [args, expected] of INVOCATIONS) assertEquals(parseCommandLine(args, "/"), expected);
});

const BAD: [string[], string][] = [
  [["--ssh-hots", "x"], 'Unknown flag "--ssh-hots"; did you mean --ssh-host?'],
  [["-ssh-hots=x"], 'Unknown flag "-ssh-hots"; did you mean --ssh-host?'],
  [["--colour"], 'Unknown flag "--colour"; remote-docker-agent --help shows what there is'],
  [["-x"], 'Unknown flag "-x"; remote-docker-agent --help'],
  [["-=x"], 'Unknown flag "-"'],
  [["--__proto__=x"], 'Unknown flag "--__proto__"'],
  [["--constructor"], 'Unknown flag "--constructor"'],
  [["--no-listen"], 'Unknown flag "--no-listen"'],
  [["--no-dump=true"], 'Unexpected value "true" for --no-dump'],
  [["--ssh-host"], "Missing value for --ssh-host; write --ssh-host=[USER@]HOST[:PORT]"],
  [["--mode"], "Missing value for --mode; write --mode=http|raw"],
  [["--ssh-host", "--dump"], "Missing value for --ssh-host"],
  [["--ssh-host", "-ssh-user=x"], "Missing value for --ssh-host"],
  [["strat"], 'Unknown command "strat"; did you mean start?'],
  [["frobnicate"], 'Unknown command "frobnicate"; the commands are start, '],
  [["help", "strat"], 'Unknown command "strat"'],
  [["start", "now"], 'Unexpected argument "now"'],
  [["--dump", "true"], 'Unknown command "true"'],
  [["--", "--dump"], 'Unknown command "--dump"'],
  [["start", "--", "-x"], 'Unexpected argument "-x"'],
  [["run", "gpu", "docker", "ps"], 'Unexpected argument "docker"; write run [NAME] [OPTIONS] --'],
  [["sync", "src"], 'Missing [[USER@]HOST:]REMOTE|URL after "sync"; write sync LOCAL'],
  [["version", "--dump"], 'Cannot use --dump with the command "version"'],
];

Deno.test("a mistake is refused with what to do about it", () => {
  for (const [args, expected] of BAD) {
    const error = assertThrows(() => parseCommandLine(args, "/"), AgentError);
    const line = describeError(error);
    assert(line.startsWith(expected), `${line}\n  is not: ${expected}`);
    assert(error instanceof AgentError && error.kind === "usage");
  }
});

const EXEC = { kind: "run", command: "host-exec", flags: [] } as const;

Deno.test("what follows -- is another command's, for the command that has a use for it", () => {
  const parse = (...args: string[]) => parseCommandLine(["host-exec", ...args], "/");
  assertEquals(parse("--", "ls", "-la"), { ...EXEC, rest: ["ls", "-la"] });
  assertEquals(parse("--", "bash", "-c", "cd / && ls"), {
    ...EXEC,
    rest: ["bash", "-c", "cd / && ls"],
  });
  assertEquals(parse("--", "a", "--", "--help", "-V"), {
    ...EXEC,
    rest: ["a", "--", "--help", "-V"],
  });
  assertThrows(() => parse(), AgentError, 'Missing command after "host-exec"');
  assertThrows(() => parse("ls"), AgentError, 'Unexpected argument "ls"');
  assertThrows(
    () => parseCommandLine(["start", "--", "ls"], "/"),
    AgentError,
    "Unexpected argument",
  );
});

Deno.test("a flag may have a letter of its own", () => {
  const given = ["host-exec", "-e", "A=1", "-e", "B=-x", "-t", "-w", "/tmp", "--", "printenv"];
  assertEquals(flagsOf(given), { env: ["A=1", "B=-x"], tty: ["true"], workdir: ["/tmp"] });
  assertEquals(flagsOf(["host-exec", "--env=A=1", "--", "x"]), { env: ["A=1"] });
  assertThrows(() => flagsOf(["host-exec", "-e", "--", "x"]), AgentError);
  assertThrows(() => flagsOf(["start", "-t"]), AgentError, "Cannot use --tty");
});
