/** Ways to the rig that do not use SSH; see `way.ts`. Each ends with the test process. */
import { readyRig } from "./e2e.ts";
import { unsupported } from "./rig.ts";
import { RigGuest } from "./rig_guest.ts";
import { goBy, type Way } from "./way.ts";

/** Through a guest on the remote host, with certificates. Each test file has its own `port`. */
export async function goByGuest(port: number, takes: Way["takes"]): Promise<void> {
  // Elsewhere the tests are listed as skipped, which needs no guest.
  const guest = unsupported() === undefined
    ? await RigGuest.start(await readyRig(), { port })
    : undefined;
  goBy({ name: "through a guest", flags: guest?.flags ?? {}, door: port, takes });
}
