/**
 * Why a destination cannot be reached, in the few kinds that SOCKS and HTTP can tell apart. The SSH
 * server says it in words: of the system (`strerror`) for a connection, of the resolver for a name.
 */
import { AgentError, describeError } from "../errors.ts";
import { NoGuestError } from "../transport/guest/no_guest.ts";

/**
 * - `forbidden`: a rule of the user's, or the remote side, does not allow it;
 * - `refused`: nothing listens there;
 * - `unreachable`, `no-network`: no way to the host or to its network, or no such name;
 * - `no-guest`: there is no guest to carry it now;
 * - `timeout`: no answer in time, or the remote host did not come back in time;
 * - `unsupported`: it cannot be carried here at all;
 * - `failed`: anything else.
 */
export type FailureKind =
  | "forbidden"
  | "refused"
  | "unreachable"
  | "no-network"
  | "no-guest"
  | "timeout"
  | "unsupported"
  | "failed";

/** See the file comment. `message` is one line, meant for the client. */
export class BridgeFailure extends Error {
  override readonly name = "BridgeFailure";
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

/** RFC 4254, section 5.1. */
const ADMINISTRATIVELY_PROHIBITED = 1;
const MAX_CAUSES = 4;

const WORDS: readonly (readonly [RegExp, FailureKind])[] = [
  [/connection refused/i, "refused"],
  [/network is unreachable/i, "no-network"],
  [/timed? ?out/i, "timeout"],
  [/no route to host|host is (down|unreachable)|host unreachable/i, "unreachable"],
  [/name or service not known|no such host|temporary failure in name resolution/i, "unreachable"],
  [/failed to lookup address|name does not resolve|nodename nor servname/i, "unreachable"],
  [/not known|unknown host|no address associated/i, "unreachable"],
  [/permission denied|does not allow forwarding|prohibited|is not allowed/i, "forbidden"],
];

/** What went wrong on the way to `where`, from whatever was thrown. */
export function failureOf(where: string, error: unknown): BridgeFailure {
  if (error instanceof BridgeFailure) return error;
  const kind = kindOf(error);
  // What the transport says of a target names it already.
  if (error instanceof AgentError && error.kind === "engine") {
    return new BridgeFailure(kind, describeError(error), error);
  }
  return new BridgeFailure(kind, `Cannot connect to ${where}: ${describeError(error)}`, error);
}

function kindOf(error: unknown): FailureKind {
  let at = error;
  for (let depth = 0; at instanceof Error && depth < MAX_CAUSES; depth++, at = at.cause) {
    if (at instanceof NoGuestError) return "no-guest";
    if (at instanceof AgentError && at.kind === "lost") return "timeout";
    if ((at as { reason?: unknown }).reason === ADMINISTRATIVELY_PROHIBITED) return "forbidden";
    const { message } = at;
    const found = WORDS.find(([words]) => words.test(message));
    if (found !== undefined) return found[1];
  }
  return "failed";
}
