/** All checks of one remote host, in the order in which a user meets what they find. */
import { type Check, type Result, runChecks } from "./check.ts";
import { FAR_CHECKS } from "./far_checks.ts";
import { LOCAL_CHECKS } from "./local_checks.ts";
import type { Patient } from "./patient.ts";
import { WAY_CHECKS } from "./way_checks.ts";

/** See the file comment. */
const CHECKS: readonly Check<Patient>[] = [...WAY_CHECKS, ...FAR_CHECKS, ...LOCAL_CHECKS];

/** Examines; the patient is closed by the end. */
export async function* examine(patient: Patient, signal: AbortSignal): AsyncGenerator<Result> {
  try {
    yield* runChecks(CHECKS, patient, signal);
  } finally {
    patient.close();
  }
}
