/**
 * An mTLS front of the engine for the peers that need one: nginx, which ends TLS, asks for a client
 * certificate and forwards bytes. Both peers use the same one, on the same link.
 */
import { runOk } from "../../../tests/support/child.ts";
import type { Rig } from "../../../tests/support/rig.ts";

const SCRIPT = new URL("../../../tests/rig/mtls-gateway", import.meta.url).pathname;
/** The first time packages are installed. */
const UP = { timeoutMs: 300_000 };

/** Where it is, and what it asks for. PEM files. */
export interface Gateway {
  readonly address: string;
  readonly name: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Brings it up, or up again: connections of before are cut. */
export async function bringUpGateway(rig: Rig): Promise<Gateway> {
  const verb = (...args: string[]) => runOk(SCRIPT, ["-n", rig.name, ...args], UP);
  try {
    return parse(await verb("env"));
  } catch {
    await verb("up", "-4");
    return parse(await verb("env"));
  }
}

function parse(text: string): Gateway {
  const get = (key: string) => new RegExp(`^export ${key}=(.*)$`, "m").exec(text)?.[1] ?? "";
  return {
    address: `${get("GW_ADDR")}:${get("GW_PORT")}`,
    name: get("GW_NAME"),
    ca: get("GW_CA"),
    cert: get("GW_CERT"),
    key: get("GW_KEY"),
  };
}
