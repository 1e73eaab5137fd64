/** The end of a program that nobody uses. */
import type { ProgramSettings } from "../config/configuration.ts";
import { formatDuration } from "../config/values.ts";
import { untilIdle } from "../hosts/idle_watch.ts";
import type { Metrics } from "../ops/metrics/metrics.ts";
import type { Host } from "./host.ts";

/** Watches for it; whoever calls stops that. */
export interface IdleWatch {
  /** Settles, with the reason, when the program is to end. */
  readonly finished: Promise<string>;
  stop(): void;
}

/** Ends the program when nobody has used any host for as long as the user says. */
export function watchIdle(
  { idleExitMs }: ProgramSettings,
  metrics: Metrics,
  hosts: () => readonly Host[],
): IdleWatch {
  const over = new AbortController();
  const finished = Promise.withResolvers<string>();
  if (idleExitMs !== undefined) {
    const options = {
      idleMs: idleExitMs,
      isInUse: () => hosts().some(({ isInUse }) => isInUse),
      uses: () =>
        hosts().flatMap((host) => [...host.forwards(), ...host.bridges(), ...host.reverses()])
          .reduce((sum, { connections }) => sum + connections.total, metrics.connections.total),
    };
    void untilIdle(options, over.signal).then((isIdle) => {
      if (isIdle) finished.resolve(`nothing was used for ${formatDuration(idleExitMs)}`);
    });
  }
  return { finished: finished.promise, stop: () => over.abort() };
}
