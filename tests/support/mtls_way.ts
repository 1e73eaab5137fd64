/** Ways to the rig that do not use SSH; see `way.ts`. What they lead to ends with the test process. */
import { runOk } from "./child.ts";
import { readyRig } from "./e2e.ts";
import { unsupported } from "./rig.ts";
import { RigDoor } from "./rig_door.ts";
import { goBy, type Way } from "./way.ts";

const NGINX = "through nginx";
const NGINX_PORT = 443;
const NGINX_SCRIPT = new URL("../rig/mtls-gateway", import.meta.url).pathname;
/** The first time packages are installed. */
const UP = { timeoutMs: 300_000 };

/** Through a guest on the remote host, with certificates. Each test file has its own `port`. */
export function goByGuest(port: number, takes: Way["takes"]): Promise<void> {
  return goByDoor("through a guest", { port, gateway: false }, takes);
}

/** Through a gateway that has a guest behind it. */
export function goByGateway(port: number, takes: Way["takes"]): Promise<void> {
  return goByDoor("through a gateway", { port, gateway: true }, takes);
}

/**
 * Through nginx as an HTTP gateway, which leads to the engine alone; `patience` is how long it waits for
 * who says nothing, such as `5s`.
 */
export async function goByNginx(
  takes: Way["takes"],
  options: { patience?: string } = {},
): Promise<void> {
  if (unsupported() !== undefined) return goBy({ name: NGINX, flags: {}, door: NGINX_PORT, takes });
  const { name } = await readyRig();
  const verb = (...args: string[]) => runOk(NGINX_SCRIPT, ["-n", name, ...args], UP);
  const { patience } = options;
  await verb(...(patience === undefined ? [] : ["-t", patience]), "up");
  globalThis.addEventListener("unload", () => {
    new Deno.Command(NGINX_SCRIPT, { args: ["-n", name, "down"] }).outputSync();
  });
  const found = new Map(
    [...(await verb("env")).matchAll(/^export (\w+)=(.*)$/gm)].map(([, key = "", value = ""]) =>
      [key, value] as const
    ),
  );
  const get = (key: string) => found.get(key) ?? "";
  goBy({
    name: NGINX,
    door: NGINX_PORT,
    takes,
    flags: {
      "transport": "mtls",
      "mtls-endpoint": `${get("GW_ADDR")}:${get("GW_PORT")}`,
      "mtls-sni": get("GW_NAME"),
      "mtls-cert": get("GW_CERT"),
      "mtls-key": get("GW_KEY"),
      "mtls-ca": get("GW_CA"),
    },
  });
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
  const verbs = door && { "drop-sessions": () => door.restart() };
  goBy({ name, flags: door?.flags ?? {}, door: options.port, takes, ...(verbs && { verbs }) });
}
