/** Which operation a request is. */
import { matchRoute } from "../../../lib/docker/route.ts";
import { assertEquals } from "../../support/assert.ts";

const CASES: [method: string, target: string, expected: string | undefined][] = [
  ["GET", "/_ping", "SystemPing"],
  ["HEAD", "/_ping", "SystemPingHead"],
  ["GET", "/v1.41/containers/json?all=1&filters=%7B%7D", "ContainerList 1.41"],
  ["POST", "/containers/create?name=web", "ContainerCreate"],
  ["POST", "/v1.45/containers/create", "ContainerCreate 1.45"],
  ["POST", "/v1.45/containers/%63reate", "ContainerCreate 1.45"],
  ["POST", "http://docker/v1.41/containers/create", "ContainerCreate 1.41"],
  ["POST", "/v1.41/containers/web/start", "ContainerStart 1.41 web"],
  ["POST", "/v1.41/containers/web/wait?condition=next-exit", "ContainerWait 1.41 web"],
  [
    "GET",
    "/v1.41/images/localhost:5000/team/app:1/json",
    "ImageInspect 1.41 localhost:5000/team/app:1",
  ],
  ["DELETE", "/v1.41/images/a/b", "ImageDelete 1.41 a/b"],
  ["GET", "/images/get?names=a", "ImageGetAll"],
  ["POST", "/session", "Session"],
  ["POST", "/v1.41/grpc", "Grpc 1.41"],
  ["POST", "/v1.41/exec/abc/start", "ExecStart 1.41 abc"],
  ["GET", "/containers/web/start", undefined],
  ["POST", "/containers//start", undefined],
  ["POST", "/v1.41", undefined],
  ["POST", "/v1/containers/create", "ContainerCreate 1"],
  ["POST", "/v1.41.0/containers/create", "ContainerCreate 1.41.0"],
  ["POST", "/v../containers/create", "ContainerCreate .."],
  ["POST", "/v/containers/create", undefined],
  ["POST", "/v1.41x/containers/create", undefined],
  ["POST", "unix://docker/v1.41/containers/create", "ContainerCreate 1.41"],
  ["POST", "/containers/%zz/start", undefined],
  ["POST", "/containers/create/", undefined],
  ["OPTIONS", "*", undefined],
];

for (const [method, target, expected] of CASES) {
  Deno.test(`${method} ${target} is ${expected ?? "no known operation"}`, () => {
    const route = matchRoute(method, target);
    const text = route &&
      [route.name, route.version, ...Object.values(route.params)].filter((x) => x).join(" ");
    assertEquals(text, expected);
  });
}

Deno.test("whole file systems travel on the bulk lane", () => {
  const lane = (method: string, target: string) => matchRoute(method, target)?.lane;
  assertEquals(lane("POST", "/v1.41/build?t=x"), "bulk");
  assertEquals(lane("PUT", "/v1.41/containers/web/archive?path=/"), "bulk");
  assertEquals(lane("GET", "/v1.41/images/get?names=a"), "bulk");
  assertEquals(lane("POST", "/v1.41/containers/create"), "interactive");
  assertEquals(lane("POST", "/v1.41/images/create?fromImage=a"), "interactive");
});
