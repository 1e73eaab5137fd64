/** Whether a name is taken in the file system, for whoever must not replace what is there. */

/**
 * Also true for a link that leads nowhere. Throws what `refuse` makes of the system's error where it
 * cannot be told.
 */
export async function exists(
  path: string,
  refuse: (path: string, cause: unknown) => Error,
): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw refuse(path, error);
  }
}
