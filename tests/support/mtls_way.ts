/** Ways to the rig that do not use SSH; see `way.ts`. What they lead to ends with the test process. */
import { readyRig } from "./e2e.ts";
import { unsupported } from "./rig.ts";
import { RigDoor } from "./rig_door.ts";
import { goBy, type Way } from "./way.ts";

/** Through a guest on the remote host, with certificates. Each test file has its own `port`. */
export function goByGuest(port: number, takes: Way["takes"]): Promise<void> {
  return goByDoor("through a guest", { port, gateway: false }, takes);
}

/** Through a gateway that has a guest behind it. */
export function goByGateway(port: number, takes: Way["takes"]): Promise<void> {
  return goByDoor("through a gateway", { port, gateway: true }, takes);
}

async function goByDoor(
  name: string,
  options: { port: number; gateway: boolean },
  takes: Way["takes"],
): Promise<void> {
  // Elsewhere the tests are listed as skipped, which needs no door.
  const door = unsupported() === undefined
    ? await RigDoor.open(await readyRig(), options)
    : undefined;
  goBy({ name, flags: door?.flags ?? {}, door: options.port, takes });
}
