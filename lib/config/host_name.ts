/** What a remote host may be called: what docker accepts as the name of a context. */

/** The form of a name. */
export const HOST_NAME_PATTERN = /^[a-zA-Z][a-zA-Z0-9_.-]{1,62}$/;
/** Docker's own context. */
const RESERVED = "default";

/** What is wrong with a name; `undefined` when it is good. */
export function hostNameProblem(name: string): string | undefined {
  if (name === RESERVED) return `"${RESERVED}" is the name of docker's own context`;
  if (HOST_NAME_PATTERN.test(name)) return undefined;
  return "expected 2 to 63 letters, digits, dots, dashes and underscores, a letter first";
}
