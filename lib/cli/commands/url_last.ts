/** The order of the words of `tunnel` and `sync`, where a mix-up would be told as something else. */
import { AgentError } from "../../errors.ts";
import { isTunnelUrl } from "../../transport/endpoint/tunnel_url.ts";
import { usageOf } from "../usage.ts";

/** Throws `AgentError` of kind `usage` where `first`, the local end, is a `tstunnel://` URL. */
export function requireUrlLast(command: "tunnel" | "sync", first: string): void {
  if (!isTunnelUrl(first)) return;
  throw new AgentError("usage", "The local end comes first, and the URL after it", {
    hint: `write ${usageOf(command)}`,
  });
}
