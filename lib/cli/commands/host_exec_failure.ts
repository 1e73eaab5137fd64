/**
 * Why `host-exec` did not get the exit status of its command: in the user's words, and with the exit
 * codes of a shell and of ssh, so that scripts can tell such a failure from one of the command. Pure.
 */
import { AgentError, errorCode } from "../../errors.ts";
import { formatHostPort } from "../../net/address.ts";
import type { EndpointSettings } from "../../transport/endpoint/dialer.ts";
import { UpgradeRefused } from "../../transport/endpoint/http_upgrade.ts";
import { tlsError, wordsOf } from "../../transport/endpoint/tls_error.ts";

const UNAUTHORIZED = 401;
/** POSIX, Shell Command Language, 2.8.2. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
/** What ssh(1) ends with for everything that is not the command's. */
const NOT_THE_COMMAND = 255;
/** How the refusals begin that are about the program; docs/protocol.md. */
const PROGRAM_REFUSED = /^exec: /;

/**
 * The same failure with its exit code: 127 where there is no such program, 126 where it cannot be run,
 * 255 for all else that happened on the way. Mistakes on this side keep theirs.
 */
export function withShellStatus(error: unknown): unknown {
  if (!(error instanceof AgentError)) return error;
  const { kind, message, cause, hint } = error;
  if (kind === "usage" || kind === "config" || kind === "internal") return error;
  return new AgentError(kind, message, {
    cause,
    ...(hint !== undefined && { hint }),
    exitCode: statusOf(error),
  });
}

function statusOf(error: AgentError): number {
  if (!(error instanceof UpgradeRefused) || !PROGRAM_REFUSED.test(error.message)) {
    return NOT_THE_COMMAND;
  }
  return error.status === 404 ? NOT_FOUND : NOT_EXECUTABLE;
}

/** With TLS 1.3, a server refuses a certificate only after the handshake (RFC 8446, 4.4.2.4). */
export function explainGuestFailure(
  endpoint: EndpointSettings,
  error: unknown,
  hasToken: boolean,
): unknown {
  if (error instanceof UpgradeRefused && error.status === UNAUTHORIZED) {
    const hint = hasToken ? "check the token in --token-file" : "give its token with --token-file";
    const name = formatHostPort(endpoint.host, endpoint.port);
    const message = `The server "${name}" ${hasToken ? "does not know the" : "wants a"} token`;
    return new AgentError("authentication", message, { cause: error, hint });
  }
  if (!(error instanceof AgentError) || error.kind !== "lost") return error;
  const { cause } = error;
  const { cert, ca } = wordsOf(endpoint);
  if (endpoint.tls === undefined) {
    const hint = `check the port, and give ${cert} or ${ca} for a server with TLS`;
    return new AgentError("lost", error.message, { cause, hint });
  }
  if (/SSL|TLS|ALERT/.test(errorCode(cause))) return tlsError(endpoint, cause);
  const where = formatHostPort(endpoint.host, endpoint.port);
  const hint = endpoint.tls.certFile === undefined
    ? `it may want a client certificate: give one with ${cert}`
    : `check that it trusts the certificate of ${cert}, and that the file has the intermediate ones`;
  return new AgentError("authentication", `The server "${where}" closed the connection at once`, {
    cause,
    hint,
  });
}
