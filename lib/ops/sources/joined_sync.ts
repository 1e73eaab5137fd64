/** The sync sessions of several remote hosts as if they were those of one, for `control.ts`. */
import { AgentError } from "../../errors.ts";
import type { SyncControl } from "./source.ts";

/** Each session is that of the host which knows it. Asking is free; the parts are asked anew. */
export function joinSyncs(parts: readonly SyncControl[]): SyncControl {
  const knows = (part: SyncControl, id: string) =>
    part.snapshot().some(({ session }) => session === id);
  return {
    snapshot: () => parts.flatMap((part) => part.snapshot()),
    async conflicts() {
      const all = await Promise.all(parts.map((part) => part.conflicts()));
      return all.flat().sort((a, b) => b.time - a.time);
    },
    async flush(sessions, options) {
      await Promise.all(parts.map((part) => {
        const own = sessions.filter((id) => knows(part, id));
        return own.length === 0 ? undefined : part.flush(own, options);
      }));
    },
    pause: (id) => parts.filter((part) => knows(part, id)).forEach((part) => part.pause(id)),
    resume: (id) => parts.filter((part) => knows(part, id)).forEach((part) => part.resume(id)),
    async restore(id, ...to) {
      for (const part of parts) {
        const found = (await part.conflicts()).some((conflict) => conflict.id === id);
        if (found) return await part.restore(id, ...to);
      }
      throw new AgentError("usage", `There is no conflict "${id}"`, {
        hint: "see remote-docker-agent conflicts",
      });
    },
    /** A host that is away does not keep the others from it. */
    async prune(options) {
      const results = await Promise.allSettled(parts.map((part) => part.prune(options)));
      const done = results.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
      const failed = results.find((each) => each.status === "rejected");
      if (done.length === 0 && failed !== undefined) throw failed.reason;
      return done.flat();
    },
  };
}
