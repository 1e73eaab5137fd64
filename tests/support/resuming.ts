/** A TLS client that resumes its session, which Deno's own cannot: `openssl s_client`. */
import type { IdentityFiles } from "../../lib/net/tls/files.ts";
import { runCommand } from "./child.ts";

/** What to connect to, and as whom. */
export interface ResumingOptions {
  readonly port: number;
  readonly identity: IdentityFiles;
  /** Where the session is kept. */
  readonly sessionFile: string;
  /** Sent after the handshake; the server answers and closes. */
  readonly text: string;
  readonly version: "1.2" | "1.3";
}

/** What came of it. */
export interface Resumed {
  readonly reused: boolean;
  /** What the server said, among what openssl says. */
  readonly output: string;
}

/** Connects with the session of the file if there is one, and keeps the next one there. */
export async function connectAgain(options: ResumingOptions): Promise<Resumed> {
  const { port, identity, sessionFile, text, version } = options;
  const known = await Deno.stat(sessionFile).then(() => true, () => false);
  const { stdout, stderr } = await runCommand("openssl", [
    ...["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "a.containers.test"],
    ...[`-tls${version.replace(".", "_")}`, "-ign_eof"],
    ...["-cert", identity.certFile, "-key", identity.keyFile],
    ...(known ? ["-sess_in", sessionFile] : ["-sess_out", sessionFile]),
  ], { stdin: text });
  const output = stdout + stderr;
  return { reused: /^Reused, /m.test(output), output };
}
