import { widenVolumeFilter } from "../../../../lib/intercept/binds/volume_filter.ts";
import { assertEquals } from "../../../support/assert.ts";
import { bindBench } from "./bind_bench.ts";

const KNOWN = {
  platform: "linux",
  sessions: [{ root: "/src", remotePath: "/sync/1/data" }],
  containers: [{ mounts: [{ target: "/app", source: "/link/to/src/", remote: "/sync/1/data" }] }],
} as const;

function wider(filters: unknown, known: Parameters<typeof widenVolumeFilter>[1] = KNOWN) {
  const text = typeof filters === "string" ? filters : JSON.stringify(filters);
  const query = new URLSearchParams({ all: "1", filters: text });
  const changed = widenVolumeFilter(query, known);
  return changed && JSON.parse(changed.get("filters") ?? "");
}

Deno.test("a path of this machine stands for its remote copies too", () => {
  const cases: [unknown, unknown][] = [
    [{ volume: ["/src"] }, { volume: ["/src", "/sync/1/data"] }],
    [{ volume: ["/src/a/b"] }, { volume: ["/src/a/b", "/sync/1/data/a/b"] }],
    [{ volume: ["/link/to/src"] }, { volume: ["/link/to/src", "/sync/1/data"] }],
    [{ volume: { "/src": true }, name: ["x"] }, { volume: ["/src", "/sync/1/data"], name: ["x"] }],
    [{ volume: ["named", "/app", "/srcs", "/"] }, undefined],
    [{ name: ["/src"] }, undefined],
    ["{broken", undefined],
    ["[]", undefined],
  ];
  for (const [filters, expected] of cases) assertEquals(wider(filters), expected);
});

Deno.test("on Windows, whichever way the path is written", () => {
  const known = {
    platform: "windows",
    sessions: [{ root: "C:\\src", remotePath: "/s" }],
    containers: [],
  } as const;
  for (const path of ["C:\\src\\a", "C:/src/a", "/c/src/a"]) {
    assertEquals(wider({ volume: [path] }, known), { volume: [path, "/s/a"] });
  }
});

Deno.test("the list is asked for with the wider filter", async () => {
  const b = bindBench({ "/src": "directory" });
  await b.create({ Binds: ["/src:/app"] });
  const filters = encodeURIComponent(JSON.stringify({ volume: ["/src"] }));
  await b.ask(`GET /v1.41/containers/json?filters=${filters}`);
  const asked = new URL(b.engine.requests.at(-1)?.split(" ")[1] ?? "", "http://d").searchParams;
  assertEquals(JSON.parse(asked.get("filters") ?? ""), { volume: ["/src", "/sync/s1"] });
  await b.close();
});
