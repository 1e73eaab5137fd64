/** Whether files have changed, for whoever looks at them again now and then. */

/** What changes when one of the files does: replaced, written to or gone. Never rejects. */
export async function stampOf(paths: readonly string[]): Promise<string> {
  const stamps = await Promise.all(paths.map(async (path) => {
    try {
      const { mtime, size, ino } = await Deno.stat(path);
      return `${mtime?.getTime()} ${size} ${ino}`;
    } catch (error) {
      return error instanceof Error ? error.name : "gone";
    }
  }));
  return stamps.join("; ");
}
