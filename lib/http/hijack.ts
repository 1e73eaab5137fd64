/**
 * When HTTP ends on a connection. Docker takes a connection over in two ways: by `Upgrade: tcp`
 * (or `h2c`) and 101, or, for clients that do not ask for an upgrade, by answering `attach` and
 * `exec start` with a 200 that has no framing and then talking both ways (the Engine API's "hijack").
 */
import type { RequestHead } from "./head.ts";
import type { ResponseMessage } from "./message.ts";

/** Whether the request asks for another protocol, so that its answer decides what follows it. */
export function asksForUpgrade(head: RequestHead): boolean {
  return head.headers.has("Upgrade") || head.method === "CONNECT";
}

/**
 * Whether the response ends HTTP. `mayHijack`: the request was one that the engine may answer by
 * taking the connection over without a 101.
 */
export function isHijacked(response: ResponseMessage, mayHijack: boolean): boolean {
  const { framing: { kind }, head: { status } } = response;
  return kind === "tunnel" || (mayHijack && kind === "close" && status >= 200 && status < 300);
}
