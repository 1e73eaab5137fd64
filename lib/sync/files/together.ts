/** A few steps at a time, however many there are. */

/** Requests to a host that is far away are made together; more than this only wait there. */
const MAX_TOGETHER = 24;

/** Runs `step` for every item. Rejects with the first failure once those under way have ended. */
export async function together<T>(
  items: readonly T[],
  step: (item: T) => Promise<void>,
  limit: number = MAX_TOGETHER,
): Promise<void> {
  const rest = items.values();
  let failure: { error: unknown } | undefined;
  const work = async () => {
    for (const item of rest) {
      if (failure !== undefined) return;
      try {
        await step(item);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  if (failure !== undefined) throw failure.error;
}
