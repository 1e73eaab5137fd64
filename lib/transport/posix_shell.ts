/** Command lines for the shell of the remote host, whichever way they get there. Pure. */

/** `text` as one word of a POSIX shell. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** `script` for the POSIX shell, whatever the user's login shell is. */
export function posixCommand(script: string): string {
  return `sh -c ${shellQuote(script)}`;
}
