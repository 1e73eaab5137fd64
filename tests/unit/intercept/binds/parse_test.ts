/** What `-v` says, and what is none of our business. */
import { formatBind, isReadOnly, parseBind } from "../../../../lib/intercept/binds/parse.ts";
import { assertEquals } from "../../../support/assert.ts";

const OURS: [string, [source: string, target: string, options: string]][] = [
  ["/src:/app", ["/src", "/app", ""]],
  ["/src/:/app/:ro,z", ["/src/", "/app/", "ro,z"]],
  ["/a b/ü:/app:rshared,cached", ["/a b/ü", "/app", "rshared,cached"]],
  ["//c/Users/me:/app", ["//c/Users/me", "/app", ""]],
  ["/c/Users/me:/app:ro", ["/c/Users/me", "/app", "ro"]],
  ["C:\\Users\\me:/app", ["C:\\Users\\me", "/app", ""]],
  ["c:/Users/me:/app:ro", ["c:/Users/me", "/app", "ro"]],
  ["\\\\wsl$\\Debian\\srv:/app:ro", ["\\\\wsl$\\Debian\\srv", "/app", "ro"]],
];

for (const [text, [source, target, options]] of OURS) {
  Deno.test(`a bind mount: ${text}`, () => {
    const spec = parseBind(text);
    assertEquals(spec, { source, target, options });
    assertEquals(spec && formatBind(spec), text);
    assertEquals(spec && isReadOnly(spec), options.split(",").includes("ro"));
  });
}

for (
  const text of ["data:/app", "/app", "data:/app:ro", "/src:ro", "/a:/b:ro:x", ":/app", "", "c:/x"]
) {
  Deno.test(`left to the engine: ${JSON.stringify(text)}`, () => {
    assertEquals(parseBind(text), undefined);
  });
}
