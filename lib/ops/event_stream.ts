/** The events of a program as lines of JSON, on its private socket: `GET /events?since=MS&follow=no`. */
import type { EventLog } from "./event_log.ts";
import type { Handler, Reply } from "./http.ts";

/** The media type: one JSON value a line. */
const TYPE = "application/x-ndjson";

/** Answers with events where they are asked for; everything else is for `others`. */
export function eventsHandler(events: EventLog | undefined, others: Handler): Handler {
  return (path, head) => {
    const isAsked = head.method === "GET" && path === "/events" && events !== undefined;
    return isAsked ? eventsReply(events, head.target) : others(path, head);
  };
}

function eventsReply(events: EventLog, target: string): Reply {
  const query = new URLSearchParams(target.split("?").slice(1).join("?"));
  const since = Number(query.get("since") ?? NaN);
  const follow = query.get("follow") !== "no";
  return {
    status: 200,
    type: TYPE,
    body: "",
    async *lines(signal) {
      const from = Number.isFinite(since) ? { since } : {};
      for await (const event of events.read({ ...from, follow, signal })) {
        yield JSON.stringify(event) + "\n";
      }
    },
  };
}
