/**
 * The part of the composition root that is about what waits for a guest: a gateway may lead to the engine
 * alone now, and further later on.
 */
import type { Settings } from "../config/settings/settings.ts";
import { logger } from "../log.ts";
import { formatHostPort } from "../net/address.ts";

/** What is asked for that only a guest can give, as the user has written it. Over SSH nothing is. */
export function waitingForGuest(settings: Settings): string[] {
  if (settings.mtls === undefined) return [];
  const { ports, bridge, mode } = settings;
  const addresses = (flag: string, list: readonly { host: string; port: number }[] = []) =>
    list.map(({ host, port }) => `${flag} ${formatHostPort(host, port)}`);
  return [
    ...(ports.mode === "off" || mode === "raw" ? [] : ["published ports"]),
    ...ports.forwards.map(({ text }) => `--forward ${text}`),
    ...ports.reverse.map(({ name, port }) => `--reverse ${name}:${port}`),
    ...addresses("--socks", bridge?.socks),
    ...addresses("--http-proxy", bridge?.httpProxy),
  ];
}

/** One line about all of it; `limits` is why there is no guest, if there is none. */
export function tellWhatWaits(settings: Settings, limits: string | undefined): void {
  const waiting = waitingForGuest(settings);
  if (limits === undefined || waiting.length === 0) return;
  logger("ports").warn(`Waiting for a guest of the remote host: ${waiting.join(", ")}: ${limits}`);
}
