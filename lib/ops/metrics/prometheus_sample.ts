/** One metric of the library made of samples that were counted elsewhere. */
import type { Counter, Gauge, Registry } from "prom-client";

export type Registers = Registry[];
type Labels = Record<string, string>;
export type Sample = readonly [value: number, labels?: Labels];

/** Adds one metric of the program with all its samples; none without samples. */
export function add(
  kind: typeof Gauge | typeof Counter,
  registers: Registers,
  name: string,
  help: string,
  samples: readonly Sample[],
): void {
  // Without a sample the library would make one up that has no labels.
  if (samples.length === 0) return;
  const labelNames = Object.keys(samples[0]?.[1] ?? {});
  const metric = new kind({ name: `rda_${name}`, help, labelNames, registers });
  for (const [value, labels = {}] of samples) metric.inc(labels, value);
}
