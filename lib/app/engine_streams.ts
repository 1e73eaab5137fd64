/** Streams to the engine for questions of the agent's own. */
import type { Settings } from "../config/settings/settings.ts";
import { withHost } from "../docker/own_request.ts";
import type { Duplex } from "../net/duplex.ts";
import type { Supervisor } from "../transport/supervisor.ts";

/** Streams to the engine for questions of our own: now, or as soon as the remote host is there. */
export function engineStreams(settings: Settings, supervisor: Supervisor) {
  const target = { kind: "docker" } as const;
  const lane = "interactive";
  return {
    open: async (signal?: AbortSignal) =>
      engineStream(
        settings,
        await supervisor.open(target, {
          lane,
          waitMs: settings.reconnectWaitMs,
          ...(signal && { signal }),
        }),
      ),
    openWhenUp: async (signal: AbortSignal) => {
      await untilUp(supervisor, signal);
      return engineStream(settings, await supervisor.open(target, { lane, waitMs: 0, signal }));
    },
  };
}

/** A stream for questions of our own, which carry the name that a gateway expects. */
export function engineStream({ mtls }: Settings, stream: Duplex): Duplex {
  return mtls === undefined ? stream : withHost(stream, mtls.serverName);
}

/** Waits for the remote host without asking for it: that would end the pauses between attempts. */
export function untilUp(supervisor: Supervisor, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (supervisor.live !== undefined) end(resolve);
      else if (supervisor.state.kind === "closed" || signal.aborted) {
        end(() => reject(signal.reason));
      }
    };
    const end = (settle: () => void) => {
      forget();
      signal.removeEventListener("abort", look);
      settle();
    };
    const forget = supervisor.onChange(look);
    signal.addEventListener("abort", look);
    look();
  });
}
