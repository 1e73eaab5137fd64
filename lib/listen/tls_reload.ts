/**
 * Puts certificates into use that have changed on the disk while a server runs. It looks when a client
 * comes, so there is no timer; that client still gets the old ones. Open connections are not touched.
 */
import { describeError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { stampOf } from "../system/file_stamp.ts";
import type { TlsMaterial, TlsServer } from "./tls_server.ts";

/** Between two looks at the files. */
const LOOK_EVERY_MS = 1_000;

/** What to look at. */
export interface ReloadOptions {
  readonly paths: readonly string[];
  /** Reads and checks the files; a throw leaves the old ones in use. */
  readonly read: () => Promise<TlsMaterial>;
  readonly log: Logger;
  /** Milliseconds since some moment. Default: `performance.now`. */
  readonly now?: () => number;
}

/** Begins to look after `server`, whose certificates have just been read. */
export async function reloadOnChange(
  server: Pick<TlsServer, "onClient" | "replace">,
  { paths, read, log, now = () => performance.now() }: ReloadOptions,
): Promise<void> {
  let stamp = await stampOf(paths);
  let lookedAt = now();
  const look = async () => {
    const found = await stampOf(paths);
    if (found === stamp) return;
    stamp = found;
    try {
      server.replace(await read());
      log.info("Certificate files have changed; new connections use the new ones");
    } catch (error) {
      log.warn(`Certificate files have changed and cannot be used: ${describeError(error)}`, {
        using: "those from before",
      });
    }
  };
  server.onClient(() => {
    if (now() - lookedAt < LOOK_EVERY_MS) return;
    lookedAt = now();
    void look();
  });
}
