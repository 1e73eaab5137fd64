import type { AgentEvent } from "../../../../lib/agent_event.ts";
import { SessionEvents } from "../../../../lib/sync/session/session_events.ts";
import { assertEquals } from "../../../support/assert.ts";

Deno.test("a state is told of once, and changes and conflicts each time", () => {
  const told: AgentEvent[] = [];
  const events = new SessionEvents("/a", (event) => void told.push(event));
  events.state("watching");
  events.state("watching");
  events.state("halted", "The folder is gone");
  events.state("halted", "The folder is empty");
  events.state("watching");
  events.flushed(0);
  events.flushed(3);
  events.flushed(3);
  events.conflict("/a/b");
  assertEquals(told, [
    { kind: "sync.state", folder: "/a", state: "watching" },
    { kind: "sync.state", folder: "/a", state: "halted", reason: "The folder is gone" },
    { kind: "sync.state", folder: "/a", state: "halted", reason: "The folder is empty" },
    { kind: "sync.state", folder: "/a", state: "watching" },
    { kind: "sync.flush", folder: "/a", changes: 3 },
    { kind: "sync.flush", folder: "/a", changes: 3 },
    { kind: "sync.conflict", folder: "/a", file: "/a/b" },
  ]);
});
