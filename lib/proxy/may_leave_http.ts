/** Which requests may end HTTP on their connection. Pure. */
import { matchRoute } from "../docker/route.ts";
import type { RequestHead } from "../http/head.ts";
import { asksForUpgrade } from "../http/hijack.ts";

/** Requests whose answer may take the connection over without a 101; see `http/hijack.ts`. */
const HIJACKED = new Set(["ContainerAttach", "ExecStart"]);

/** Whether what follows the request is decided by its answer. */
export function mayLeaveHttp(head: RequestHead): boolean {
  if (asksForUpgrade(head)) return true;
  const name = head.method === "POST" ? matchRoute(head.method, head.target)?.name : undefined;
  return name !== undefined && HIJACKED.has(name);
}
