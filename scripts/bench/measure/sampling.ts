/** Repeats a timed action until there are enough samples or the time for them is used up. */

/** When to stop; whatever the time, there are at least {@link MIN_SAMPLES} samples. */
export interface SamplingLimits {
  samples: number;
  milliseconds: number;
}

const MIN_SAMPLES = 3;

/** The durations of `action`, in ms, one after the other. */
export async function sampleTimes(
  limits: SamplingLimits,
  signal: AbortSignal,
  action: () => Promise<void>,
): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + limits.milliseconds;
  while (times.length < limits.samples) {
    signal.throwIfAborted();
    const start = performance.now();
    if (times.length >= MIN_SAMPLES && start > end) break;
    await action();
    times.push(performance.now() - start);
  }
  return times;
}
