/** Clients of local ports that are sent away because there is no guest: told once until one is there. */
import { describeError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { NoGuestError } from "../transport/guest/no_guest.ts";
import type { OpenStream } from "./tcp_listener.ts";

/** `open`, whose first failure for want of a guest, and the first after each success, is logged. */
export function tellNoGuest(open: OpenStream, log: Logger): OpenStream {
  let told = false;
  return async (target, signal) => {
    try {
      const stream = await open(target, signal);
      told = false;
      return stream;
    } catch (error) {
      if (error instanceof NoGuestError && !told) {
        told = true;
        log.warn(`Refused a client: ${describeError(error)}`);
      }
      throw error;
    }
  };
}
