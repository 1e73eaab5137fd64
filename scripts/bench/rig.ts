/**
 * The remote host the bench runs against: the rig of the end-to-end tests. A host that was up
 * already stays up, unshaped; one that the bench brought up is taken down again.
 */
import { AgentError } from "../../lib/errors.ts";
import {
  describeRig,
  type Rig,
  RIG_NAME_VARIABLE,
  rigDown,
  rigUp,
  unsupported,
} from "../../tests/support/rig.ts";

/** Not the one of the end-to-end tests: a shaped link would disturb them. */
const DEFAULT_NAME = "rda-bench";

/** A host that is up, with a link whose delay can be set. */
export interface BenchRig {
  readonly rig: Rig;
  /** Gives the link a round trip time, in ms; 0 takes the shaping away. */
  setRoundTrip(milliseconds: number): Promise<void>;
  /** Unshapes the link, and takes the host down if this run brought it up. */
  release(): Promise<void>;
}

/** Brings the host up, its link unshaped. Throws where this machine cannot carry one, or with the rig's own text. */
export async function acquireRig(): Promise<BenchRig> {
  const reason = unsupported();
  if (reason !== undefined) throw new AgentError("usage", `Cannot make a remote host: ${reason}`);
  const name = Deno.env.get(RIG_NAME_VARIABLE) ?? DEFAULT_NAME;
  const wasUp = await isUp(name);
  const rig = await rigUp(name);
  const unshape = () => rig.verb("unshape");
  await unshape();
  return {
    rig,
    async setRoundTrip(milliseconds) {
      if (milliseconds === 0) await unshape();
      else await rig.verb("shape", "delay", `${milliseconds / 2}ms`);
    },
    async release() {
      if (wasUp) await unshape();
      else rigDown(name);
    },
  };
}

async function isUp(name: string): Promise<boolean> {
  try {
    await (await describeRig(name)).verb("status");
    return true;
  } catch {
    return false; // the rig says "down" with its exit code
  }
}
