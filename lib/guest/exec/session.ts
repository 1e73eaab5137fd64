/**
 * The processes of one command. Each command runs in a session of its own (setsid), so that what it
 * started can be found and ended with it: the process groups of an interactive shell's jobs too. Only
 * what makes a session of its own gets away, as a daemon means to.
 */
import process from "node:process";

/** Pauses between two looks: doubling, because a look costs 16 µs for each process of the machine. */
const FIRST_LOOK_MS = 20;
const LONGEST_LOOK_MS = 400;
const LOOK_AFTER_KILL_MS = 5;
/** How long SIGKILL is waited for: a process that waits for a disk takes it only afterwards. */
const KILL_WAIT_MS = 2_000;

/** Sends `signal` to the command's process group, as a terminal would; nothing if it is gone. */
export function signalGroup(leader: number, signal: Deno.Signal): void {
  kill(-leader, signal);
}

/** Whether the command's process group is gone: all of it, unless it has made groups of its own. */
export function isGroupGone(leader: number): boolean {
  return !kill(-leader, 0);
}

/**
 * Ends every process of the session: SIGHUP, and SIGKILL for those still there after `graceMs`. Settles
 * when none is left, never rejects.
 */
export async function endSession(leader: number, graceMs: number): Promise<void> {
  if (!isAlive(leader)) return;
  hangUp(leader);
  const deadline = performance.now() + graceMs;
  for (let pause = FIRST_LOOK_MS; isAlive(leader); pause = Math.min(LONGEST_LOOK_MS, pause * 2)) {
    const left = deadline - performance.now();
    if (left <= 0) return await killAndWait(leader);
    await wait(Math.min(left, pause));
  }
}

/** Again and again, because a process can be born while the others are found and killed. */
async function killAndWait(leader: number): Promise<void> {
  const deadline = performance.now() + KILL_WAIT_MS;
  while (isAlive(leader) && performance.now() < deadline) {
    killSession(leader);
    await wait(LOOK_AFTER_KILL_MS);
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Ends every process of the session at once. */
export function killSession(leader: number): void {
  for (const pid of membersOf(leader)) kill(pid, "SIGKILL");
  kill(-leader, "SIGKILL");
}

/** A stopped process takes a signal only after it was continued (POSIX, orphaned process groups). */
function hangUp(leader: number): void {
  for (const pid of membersOf(leader)) {
    kill(pid, "SIGHUP");
    kill(pid, "SIGCONT");
  }
  kill(-leader, "SIGHUP");
}

function isAlive(leader: number): boolean {
  return Deno.build.os === "linux" ? membersOf(leader).length > 0 : kill(-leader, 0);
}

/** The live processes of a session, by Linux's list of processes; elsewhere none is known. */
function membersOf(leader: number): number[] {
  if (Deno.build.os !== "linux") return [];
  const members: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (/^\d+$/.test(name) && isMember(name, leader)) members.push(Number(name));
  }
  return members;
}

function isMember(pid: string, leader: number): boolean {
  try {
    // proc(5): the name is in parentheses and may hold anything; state, ppid, pgrp, session follow.
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const [state, , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ", 4);
    return Number(session) === leader && state !== "Z" && state !== "X";
  } catch {
    // It has ended meanwhile.
    return false;
  }
}

/** Whether there was anybody to send it to; `0` only asks. */
function kill(pid: number, signal: Deno.Signal | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    // It is gone, or not ours to end.
    return false;
  }
}
