/** Checks on the remote host: what sshd allows, the engine, tools, disk, clock, the link itself. */
import { waitingForGuest } from "../app/waiting.ts";
import { apiMinor } from "../docker/api_version.ts";
import { EngineClient } from "../docker/engine_client.ts";
import { stringField } from "../docker/fields.ts";
import { isObject } from "../docker/json_body.ts";
import { AgentError, describeError, messageOf } from "../errors.ts";
import { posixCommand, shellQuote } from "../transport/posix_shell.ts";
import type { CommandResult, Shell } from "../transport/transport.ts";
import { type Check, failed, failure, type Finding, passed, skipped, warned } from "./check.ts";
import type { Patient } from "./patient.ts";

/** In order. */
export const FAR_CHECKS: readonly Check<Patient>[] = [
  { name: "guest", needs: ["authentication"], run: guest },
  { name: "commands", needs: ["authentication"], run: commands },
  { name: "sessions", needs: ["commands"], run: sessions },
  { name: "forwarding", needs: ["authentication"], run: forwarding },
  { name: "socket", needs: ["authentication"], run: socket },
  { name: "engine", needs: ["socket"], run: engine },
  { name: "tools", needs: ["commands"], run: tools },
  { name: "disk", needs: ["commands"], run: disk },
  { name: "clock", needs: ["commands"], run: clock },
  { name: "round-trip", needs: ["engine"], run: roundTrip },
  { name: "throughput", needs: ["commands"], run: throughput },
];

/** The oldest version of the Engine API that the interceptors are made for. */
const OLDEST_API = 24;
const MARK = "remote-docker-agent-doctor";

/** Without one there is the engine alone, and the agent works as far as that goes. */
async function guest({ connected, settings }: Patient): Promise<Finding> {
  await connected.look?.();
  const { limits } = connected;
  if (settings.transport === "ssh") return passed("Not needed for ssh");
  if (limits === undefined) return passed("There is a guest on the remote host");
  const waiting = waitingForGuest(settings);
  return warned(
    `${
      waiting.length === 0 ? "There is no guest" : `${waiting.join(", ")} wait for a guest`
    }: ${limits}`,
    "start remote-docker-agent guest on the remote host, and give the gateway its address",
  );
}

async function commands(patient: Patient, signal: AbortSignal): Promise<Finding> {
  if (patient.connected.limits !== undefined) return skipped("There is no guest to run them");
  const { shell } = patient;
  const { stdout, code } = await firstCommand(shell, signal);
  if (!stdout.includes(MARK)) {
    return failed(
      `The remote host does not run commands (status ${code})`,
      "engine",
      "give the user a login shell and no ForceCommand; without commands, bind mounts go by SFTP, " +
        "which is slower, and UDP and host-network ports do not work",
    );
  }
  if (stdout.trim() === MARK) return passed("The login shell runs commands");
  return warned(
    "The login shell prints something of its own before each command",
    "print only on a terminal, for example: [ -t 1 ] || return in ~/.bashrc",
  );
}

/** The connection has a session of its own, so that one that is refused is one too many. */
async function firstCommand(shell: Shell, signal: AbortSignal): Promise<CommandResult> {
  try {
    return await shell.run(posixCommand(`echo ${MARK}`), { signal });
  } catch (cause) {
    throw new AgentError("engine", `The SSH server refuses sessions: ${messageOf(cause)}`, {
      cause,
      hint: SESSIONS_HINT,
    });
  }
}

const SESSIONS_HINT = "set MaxSessions 10 (its default) in sshd_config on the remote host";

/** Sync, watches and clients need a few at the same time. */
async function sessions({ shell }: Patient, signal: AbortSignal): Promise<Finding> {
  const run = () => shell.run(posixCommand("sleep 0.3"), { signal });
  try {
    await Promise.all([run(), run(), run(), run()]);
    return passed("Several commands can run at the same time");
  } catch (error) {
    return failed(
      `The SSH server allows too few sessions: ${messageOf(error)}`,
      "engine",
      SESSIONS_HINT,
    );
  }
}

/** To the SSH server's own port: something listens there for certain. */
async function forwarding({ connected, ssh }: Patient, signal: AbortSignal): Promise<Finding> {
  if (ssh === undefined) return passed("Not needed without SSH");
  try {
    const target = { kind: "tcp", host: "127.0.0.1", port: ssh.port } as const;
    (await connected.open(target, { signal })).close();
    return passed("Published ports can be reached");
  } catch (error) {
    return failure(error);
  }
}

async function socket({ connected }: Patient, signal: AbortSignal): Promise<Finding> {
  (await connected.open({ kind: "docker" }, { signal })).close();
  return passed("The engine's socket can be opened");
}

async function engine(patient: Patient, signal: AbortSignal): Promise<Finding> {
  const client = engineClient(patient);
  try {
    const { status, body } = await client.get("/version", { signal });
    if (status !== 200 || !isObject(body)) return notDocker(`status ${status}`);
    const [version, newest, oldest] = ["Version", "ApiVersion", "MinAPIVersion"]
      .map((name) => stringField(body, name));
    const about = `Docker ${version}, API ${oldest || "?"} to ${newest || "?"}`;
    if (apiMinor(newest) >= OLDEST_API) return checkPinned(about, newest, oldest, patient);
    return failed(
      `${about} is too old`,
      "engine",
      `use an engine with API 1.${OLDEST_API} or later`,
    );
  } catch (error) {
    return notDocker(messageOf(error));
  } finally {
    client.close();
  }
}

function notDocker(why: string): Finding {
  const message = `What listens there does not answer as Docker does: ${why}`;
  return failed(message, "engine", "check --remote-docker, and docker version on the remote host");
}

function checkPinned(
  about: string,
  newest: string | undefined,
  oldest: string | undefined,
  { place }: Patient,
): Finding {
  const pinned = place.env["DOCKER_API_VERSION"];
  if (!pinned) return passed(about);
  const fits = apiMinor(pinned) <= apiMinor(newest) && apiMinor(pinned) >= apiMinor(oldest);
  if (fits) return passed(`${about}; DOCKER_API_VERSION is ${pinned}`);
  return warned(
    `DOCKER_API_VERSION is ${pinned}, and the engine has ${oldest} to ${newest}`,
    "unset DOCKER_API_VERSION",
  );
}

function engineClient({ connected }: Patient): EngineClient {
  return new EngineClient((signal) =>
    connected.open({ kind: "docker" }, { ...signal && { signal } })
  );
}

/** One of `names` is wanted, from this package of most distributions; and why. */
interface Tool {
  readonly names: readonly string[];
  readonly from: string;
  readonly without: string;
}

/** Only where the transport does not carry datagrams by itself. */
const DATAGRAMS = "python3";

const BY_SFTP = "bind mounts go by SFTP, which is slower";

const WANTED: readonly Tool[] = [
  { names: ["tar"], from: "tar", without: BY_SFTP },
  { names: ["find"], from: "findutils", without: BY_SFTP },
  { names: ["stat"], from: "coreutils", without: BY_SFTP },
  { names: ["rsync"], from: "rsync", without: "changed parts of large files are sent whole" },
  {
    names: ["inotifywait"],
    from: "inotify-tools",
    without: "changes in large remote folders are found by looking",
  },
  { names: ["python3", "perl"], from: DATAGRAMS, without: "UDP ports do not work" },
];

async function tools({ shell, connected }: Patient, signal: AbortSignal): Promise<Finding> {
  const names = WANTED.flatMap((tool) => tool.names);
  const script =
    `for t in ${names.join(" ")}; do command -v $t >/dev/null && echo "has=$t"; done; ` +
    "find --version 2>/dev/null | head -n 1";
  const { stdout } = await shell.run(posixCommand(script), { signal });
  const there = new Set([...stdout.matchAll(/^has=(\S+)$/gm)].map((match) => match[1]));
  const wanted = WANTED.filter(({ from }) => from !== DATAGRAMS || !connected.openDatagrams);
  const missing = wanted.filter((tool) => !tool.names.some((name) => there.has(name)));
  const notGnu = there.has("find") && !stdout.includes("GNU");
  const parts = [
    ...missing.map(({ names, without }) => `without ${names.join(" or ")} ${without}`),
    ...(notGnu ? [`find is not GNU's, without which ${BY_SFTP}`] : []),
  ];
  if (parts.length === 0) return passed([...there].join(", "));
  const install = missing.map(({ from }) => from).join(" ");
  return warned(parts.join("; "), `install them on the remote host: ${install || "findutils"}`);
}

const LOW_DISK_KB = 1024 * 1024;
const NO_DISK_KB = 50 * 1024;

async function disk({ shell, settings }: Patient, signal: AbortSignal): Promise<Finding> {
  const root = settings.sync.root.replace(/^~(?=\/|$)/, "$HOME");
  const path = root.startsWith("$HOME") ? `"$HOME"${shellQuote(root.slice(5))}` : shellQuote(root);
  // The folder may not be there yet: the nearest one above it is what counts.
  const script =
    `p=${path}; while [ ! -d "$p" ]; do p=$(dirname "$p"); done; df -Pk "$p" | tail -n 1`;
  const { stdout } = await shell.run(posixCommand(script), { signal });
  const [, free = "", place = ""] = /\s(\d+)\s+\d+%\s+(\S.*)$/m.exec(stdout) ?? [];
  if (free === "") {
    return warned("The free space cannot be told", "look with df on the remote host");
  }
  const kb = Number(free);
  const text = `${(kb / 1024 / 1024).toFixed(1)} GiB free on ${place} of the remote host`;
  const remedy = "make room there, or put the copies elsewhere with --sync-root; " +
    "remote-docker-agent prune removes unused ones";
  if (kb < NO_DISK_KB) return failed(text, "engine", remedy);
  return kb < LOW_DISK_KB ? warned(text, remedy) : passed(text);
}

const MAX_SKEW_MS = 2_000;

async function clock({ shell }: Patient, signal: AbortSignal): Promise<Finding> {
  const before = Date.now();
  const { stdout } = await shell.run(posixCommand("date +%s"), { signal });
  const after = Date.now();
  const there = Number(/^\d+$/m.exec(stdout)?.[0] ?? NaN) * 1000;
  if (Number.isNaN(there)) return warned("The clock cannot be read", "look with date there");
  // It counts whole seconds.
  const behind = Math.max(0, before - (there + 999)), ahead = Math.max(0, there - after);
  const skew = Math.max(behind, ahead);
  if (skew <= MAX_SKEW_MS) return passed("Both clocks agree");
  const side = behind > 0 ? "behind" : "ahead of";
  return warned(
    `The clock of the remote host is ${Math.round(skew / 1000)} s ${side} this one`,
    "set both by NTP: certificates, make and log times depend on it",
  );
}

const SLOW_MS = 200;
const TIMES = 5;

async function roundTrip(patient: Patient, signal: AbortSignal): Promise<Finding> {
  const client = engineClient(patient);
  const times: number[] = [];
  try {
    for (let i = 0; i <= TIMES; i++) {
      const started = performance.now();
      await client.get("/version", { signal });
      times.push(performance.now() - started);
    }
  } finally {
    client.close();
  }
  // The first one has opened the connection.
  const median = times.slice(1).sort((a, b) => a - b)[Math.floor(TIMES / 2)] ?? 0;
  const text = `A call to the engine takes ${median.toFixed(median < 10 ? 1 : 0)} ms`;
  if (median <= SLOW_MS) return passed(text);
  return warned(text, "expect slow commands; a wired network or a nearer host helps");
}

const SAMPLE_BYTES = 2 * 1024 * 1024;
const SAMPLE_MS = 5_000;
const SLOW_RATE = 1024 * 1024;

async function throughput({ shell }: Patient, signal: AbortSignal): Promise<Finding> {
  const command = posixCommand(`head -c ${SAMPLE_BYTES} /dev/zero`);
  const { stdio } = await shell.spawn(command, { signal });
  let bytes = 0;
  let started = 0;
  try {
    for (let chunk = await stdio.read(); chunk !== null; chunk = await stdio.read()) {
      // What came with the first bytes took as long as the command took to start.
      if (started === 0) started = performance.now();
      else bytes += chunk.length;
      if (performance.now() - started > SAMPLE_MS) break;
    }
  } catch (error) {
    return warned(`The rate cannot be told: ${describeError(error)}`, "try again");
  } finally {
    stdio.close();
  }
  const rate = bytes / Math.max(0.001, (performance.now() - started) / 1000);
  const text = `${(rate / 1024 / 1024).toFixed(1)} MiB/s from the remote host`;
  if (rate >= SLOW_RATE) return passed(text);
  return warned(text, "first syncs and image transfers will take long; see docs/performance.md");
}
