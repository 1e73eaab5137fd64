/**
 * The request as it is sent on. Its head is written anew from what was parsed, so that no byte of it
 * can mean something else behind the gateway. Who the client is stands in fields that no client can
 * set.
 */
import { HeaderList } from "../http/head.ts";
import { type RequestMessage, withHead } from "../http/message.ts";
import type { Upstreams } from "./host.ts";
import type { ClientIdentity } from "./identity.ts";

/** Fields that a guest learns the client from; see docs/mtls.md. */
const CLIENT_FIELDS = "x-client-certificate";
/** What may stand in `Connection` (RFC 9110, section 7.6.1): all that means something to both ends. */
const CONNECTION_WORDS = new Set(["close", "keep-alive", "upgrade"]);
/** Fields that no `Connection` field can have removed: they say where a message ends and goes. */
const KEPT = new Set(["host", "content-length", "transfer-encoding", "connection", "upgrade"]);
/** Between the client and us alone. */
const OWN = ["Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "TE"];

/** See the file comment. The body is that of `request`. */
export function forwarded(
  request: RequestMessage,
  client: ClientIdentity,
  to: { readonly kind: "engine" | "guest"; readonly upstreams: Upstreams },
): RequestMessage {
  const headers = new HeaderList(
    [...request.head.headers].filter(([name]) => !isClientField(name)),
  );
  settleConnection(headers);
  for (const name of OWN) headers.delete(name);
  const { host, token } = to.upstreams;
  headers.set("Host", host);
  if (token !== undefined) headers.set("Authorization", `Bearer ${token}`);
  if (to.kind === "guest") {
    for (const [name, value] of clientFields(client)) headers.append(name, value);
  }
  return withHead(request, { ...request.head, headers });
}

/** Some servers read `_` in a name as `-`. */
function isClientField(name: string): boolean {
  return name.toLowerCase().replaceAll("_", "-").startsWith(CLIENT_FIELDS);
}

function settleConnection(headers: HeaderList): void {
  const words = headers.tokens("Connection");
  if (words.length === 0) return;
  for (const word of words) {
    const name = word.toLowerCase();
    if (!CONNECTION_WORDS.has(name) && !KEPT.has(name)) headers.delete(name);
  }
  const kept = words.filter((word) => CONNECTION_WORDS.has(word.toLowerCase()));
  if (kept.length === 0) headers.delete("Connection");
  else headers.set("Connection", kept.join(", "));
}

function* clientFields({ commonName, uris, fingerprint }: ClientIdentity) {
  const field = (name: string, value: string) =>
    [`X-Client-Certificate-${name}`, encodeURI(value)] as const;
  if (commonName !== undefined) yield field("Name", commonName);
  if (uris.length > 0) yield field("Uri", uris.join(" "));
  yield field("Fingerprint", fingerprint);
}
