/** What the operations server answers: which path, in which form, to whom. */
import type { RequestHead } from "../http/head.ts";
import { checkClientHeaders } from "../listen/host_policy.ts";
import { forwardsOf } from "./forwards.ts";
import { judgeHealth, judgeReady, metricsBody } from "./health.ts";
import { type Handler, jsonReply, type Reply } from "./http.ts";
import { pageReply } from "./page.ts";
import type { OpsSource } from "./sources/source.ts";
import { statusOf } from "./status.ts";

/** The paths there are. */
const PATHS = ["/", "/health", "/ready", "/metrics", "/status", "/forwards"] as const;

/** The handler of a command that shows itself as `source`. */
export function opsHandler(source: OpsSource): Handler {
  return async (path, head) => {
    switch (path) {
      case "/":
        return pageReply();
      case "/health":
        return judged(judgeHealth(source));
      case "/ready":
        return judged(judgeReady(source));
      case "/metrics":
        if (!prefersText(head)) return jsonReply(200, metricsBody(source));
        return await prometheusReply(source);
      case "/status":
        await source.refresh?.();
        return jsonReply(200, statusOf(source));
      case "/forwards":
        await source.refresh?.();
        return jsonReply(200, forwardsOf(source));
      default:
        return jsonReply(404, { message: `There is nothing here; try ${PATHS.join(", ")}` });
    }
  };
}

/**
 * The same for clients that a web page may have sent: what is not from this server's own page is
 * refused, as it is for the Docker API (`listen/host_policy.ts`).
 */
export function guarded(handler: Handler): Handler {
  return (path, head) => {
    const { headers } = head;
    const site = headers.get("Sec-Fetch-Site");
    const refusal = checkClientHeaders(
      headers.get("Host"),
      headers.get("Origin"),
      site?.trim().toLowerCase() === "same-origin" ? undefined : site,
    );
    if (refusal !== undefined) return jsonReply(refusal.status, { message: refusal.message });
    return handler(path, head);
  };
}

function judged({ status, body }: { status: number; body: unknown }): Reply {
  return jsonReply(status, body);
}

async function prometheusReply(source: OpsSource): Promise<Reply> {
  const { PROMETHEUS_TYPE, renderPrometheus } = await import("./metrics/prometheus.ts");
  return { status: 200, type: PROMETHEUS_TYPE, body: await renderPrometheus(source) };
}

/**
 * Whether the client asks for text by name, as Prometheus does, and not for JSON before it. A
 * client that takes anything gets JSON.
 */
export function prefersText({ headers }: Pick<RequestHead, "headers">): boolean {
  let text = 0, json = 0;
  for (const range of headers.getAll("Accept").join(",").split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const q = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
    const quality = q === undefined ? 1 : Number(q) || 0;
    if (/^(text\/(plain|\*)|application\/openmetrics-text)$/.test(type)) {
      text = Math.max(text, quality);
    } else if (type === "application/json") json = Math.max(json, quality);
  }
  return text > json;
}
