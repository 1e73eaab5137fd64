/**
 * What the rest of the program may know about the life of connections: which one is up, and whether
 * one that was is gone.
 */
import type { Supervisor } from "./supervisor.ts";

/** See the file comment. */
export interface Link {
  /** Stands for the connection that is up; `undefined` while there is none. */
  current(): object | undefined;
  /** Whether `connection` is gone, or is so within `waitMs`. */
  gone(connection: object | undefined, waitMs: number): Promise<boolean>;
}

/** A link that nobody watches: nothing is known to be lost. */
export const UNWATCHED: Link = {
  current: () => UNWATCHED,
  gone: () => Promise.resolve(false),
};

/** The link that a supervisor keeps up. */
export function linkOf(supervisor: Supervisor): Link {
  const current = () => {
    const { state } = supervisor;
    return state.kind === "up" ? state.transport : undefined;
  };
  return {
    current,
    async gone(connection, waitMs) {
      if (connection === undefined || current() !== connection) return true;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const forget = supervisor.onChange(() => current() !== connection && resolve(true));
      const timer = setTimeout(() => resolve(false), waitMs);
      return await promise.finally(() => {
        forget();
        clearTimeout(timer);
      });
    },
  };
}
