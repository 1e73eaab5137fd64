/**
 * Finds what is to be run before anything is promised to the client: a command that cannot be started
 * is an answer with a status, not a stream that ends. Words are Go's, as Docker shows them.
 */
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { userInfo } from "node:os";
import { refuse } from "../reply.ts";
import type { ExecRequest } from "./request.ts";

/** A program, ready to be started. */
export interface Program {
  readonly path: string;
  readonly args: readonly string[];
  /** All of it; nothing is inherited beside. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** Whose commands run. */
export interface Account {
  readonly name: string;
  readonly home: string;
  readonly shell: string;
}

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const DEFAULT_TERM = "xterm";
/** Settings of the guest, which commands have no use for and which may name secrets. */
const OWN_VARIABLES = /^RDA_/;

/** The user the guest runs as. */
export function ownAccount(): Account {
  try {
    const { username, homedir, shell } = userInfo();
    return { name: username, home: homedir || "/", shell: shell || "/bin/sh" };
  } catch {
    // A user id without a name, as in many containers.
    return {
      name: `${Deno.uid() ?? "unknown"}`,
      home: Deno.env.get("HOME") ?? "/",
      shell: "/bin/sh",
    };
  }
}

/** Throws `ReplyError`: 404 (no such program), 403 (not for us to run) or 400 (its directory). */
export async function findProgram(request: ExecRequest, account: Account): Promise<Program> {
  const env = environmentOf(request, account);
  const cwd = resolve(account.home, request.cwd ?? ".");
  await checkDirectory(cwd);
  if (request.shell) {
    return { path: account.shell, args: ["-c", request.command], env, cwd };
  }
  const path = await lookUp(request.command, env["PATH"] ?? DEFAULT_PATH, cwd);
  return { path, args: request.args, env, cwd };
}

function environmentOf({ envs, tty, term }: ExecRequest, account: Account): Record<string, string> {
  const own = Object.entries(Deno.env.toObject()).filter(([name]) => !OWN_VARIABLES.test(name));
  return {
    PATH: DEFAULT_PATH,
    HOME: account.home,
    USER: account.name,
    LOGNAME: account.name,
    SHELL: account.shell,
    ...Object.fromEntries(own),
    ...(tty !== undefined && { TERM: term ?? DEFAULT_TERM }),
    ...envs,
  };
}

async function checkDirectory(path: string): Promise<void> {
  const found = await stat(path);
  if (found === undefined) throw refuse(400, `chdir ${path}: no such file or directory`);
  if (!found.isDirectory) throw refuse(400, `chdir ${path}: not a directory`);
}

async function lookUp(command: string, searchPath: string, cwd: string): Promise<string> {
  const named = command.includes("/");
  const candidates = named
    ? [isAbsolute(command) ? command : resolve(cwd, command)]
    : searchPath.split(delimiter).map((each) => join(resolve(cwd, each), command));
  let denied = false;
  for (const path of candidates) {
    const found = await stat(path);
    if (found === undefined) continue;
    if (found.isFile && ((found.mode ?? 0) & 0o111) !== 0) return path;
    denied = true;
  }
  const quoted = JSON.stringify(command);
  if (denied) throw refuse(403, `exec: ${quoted}: permission denied`);
  throw refuse(
    404,
    `exec: ${quoted}: ` +
      (named ? "no such file or directory" : "executable file not found in $PATH"),
  );
}

/** Nothing for what is not there or not to be seen. */
async function stat(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch {
    return undefined;
  }
}
