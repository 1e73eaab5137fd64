/**
 * Checks in order: what one is, and the loop that runs them. A check that needs something that is not
 * there is skipped, so that one fault is told once and not by everything that follows from it.
 */
import { AgentError, describeError, type ErrorKind, messageOf } from "../errors.ts";

/** How a check ended. */
export type Verdict = "pass" | "warn" | "fail" | "skip";

/** What a check found. */
export interface Finding {
  readonly verdict: Verdict;
  /** One sentence, no final period. */
  readonly message: string;
  /** What to do; for `warn` and `fail`. */
  readonly remedy?: string;
  /** Why `start` would end, for `fail`. */
  readonly kind?: ErrorKind;
}

/** One check of a patient `P`. */
export interface Check<P> {
  /** For scripts, and for `needs`. */
  readonly name: string;
  /** Checks that must not have failed. */
  readonly needs?: readonly string[];
  /** Throws what it could not do; an `AgentError` tells the remedy by its hint. */
  run(patient: P, signal: AbortSignal): Promise<Finding>;
}

/** A finding, and which check it is of. */
export interface Result extends Finding {
  readonly name: string;
  readonly ms: number;
}

/** No check takes longer, whatever the network does, in milliseconds. */
const PATIENCE_MS = 30_000;

/** Runs the checks one after another and tells each as soon as it is done. */
export async function* runChecks<P>(
  checks: readonly Check<P>[],
  patient: P,
  signal: AbortSignal,
): AsyncGenerator<Result> {
  const unmet = new Set<string>();
  for (const check of checks) {
    const missing = check.needs?.find((name) => unmet.has(name));
    const started = performance.now();
    const finding = missing === undefined
      ? await runOne(check, patient, signal)
      : skipped(`needs the check "${missing}"`);
    if (finding.verdict === "fail" || finding.verdict === "skip") unmet.add(check.name);
    yield { name: check.name, ms: Math.round(performance.now() - started), ...finding };
    signal.throwIfAborted();
  }
}

async function runOne<P>(check: Check<P>, patient: P, signal: AbortSignal): Promise<Finding> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), PATIENCE_MS);
  const both = AbortSignal.any([signal, late.signal]);
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(both.reason);
  both.addEventListener("abort", onAbort);
  try {
    return await Promise.race([check.run(patient, both), ended]);
  } catch (error) {
    if (late.signal.aborted) return failed(`No answer within ${PATIENCE_MS / 1000} s`, "lost");
    return failure(error);
  } finally {
    clearTimeout(timer);
    both.removeEventListener("abort", onAbort);
  }
}

/** What an error says, as a finding. */
export function failure(error: unknown): Finding {
  if (!(error instanceof AgentError)) return failed(describeError(error), "internal");
  const { kind, hint } = error;
  return { verdict: "fail", message: messageOf(error), kind, ...(hint && { remedy: hint }) };
}

/** All is well. */
export function passed(message: string): Finding {
  return { verdict: "pass", message };
}

/** It works, but not as it should. */
export function warned(message: string, remedy: string): Finding {
  return { verdict: "warn", message, remedy };
}

/** It does not work. */
export function failed(message: string, kind: ErrorKind, remedy?: string): Finding {
  return { verdict: "fail", message, kind, ...(remedy !== undefined && { remedy }) };
}

/** There is nothing to check. */
export function skipped(message: string): Finding {
  return { verdict: "skip", message };
}
