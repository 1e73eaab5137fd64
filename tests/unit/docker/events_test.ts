/** Events as engines tell them, dockerd and Podman. */
import { eventOf, forAnyEngine } from "../../../lib/docker/events.ts";
import { parseJson } from "../../../lib/docker/json_body.ts";
import { assertEquals } from "../../support/assert.ts";

const read = (text: string) => eventOf(parseJson(new TextEncoder().encode(text)));

Deno.test("a removal that Podman tells of is the one of dockerd", () => {
  // As Podman 5.4 and 4.3 have written them, shortened.
  const removed = '{"status":"remove","id":"ab","from":"localhost/bb:latest","Type":"container",' +
    '"Action":"remove","Actor":{"ID":"ab","Attributes":{"containerExitCode":"137",' +
    '"image":"localhost/bb:latest","mine":"1","name":"web","podId":""}},"scope":"local",' +
    '"time":1795271957,"timeNano":1795271957216714352}';
  const event = read(removed);
  assertEquals([event?.action, event?.id, event?.attributes["mine"]], ["destroy", "ab", "1"]);
  assertEquals(read(removed.replace('"Action":"remove"', '"Action":"died"'))?.action, "die");
  assertEquals(read(removed.replace('"Action":"remove"', '"Action":"die"'))?.action, "die");
  assertEquals(read(removed.replace('"container"', '"network"'))?.action, "remove");
});

Deno.test("whose network has changed is told by dockerd and by Podman", () => {
  const podman = '{"Type":"network","Action":"connect","Actor":{"ID":"ab","Attributes":' +
    '{"image":"","name":"web","network":"nn","podId":""}},"time":1}';
  assertEquals(read(podman)?.attributes["container"], "ab");
  const docker = '{"Type":"network","Action":"connect","Actor":{"ID":"net","Attributes":' +
    '{"container":"ab","name":"nn","type":"bridge"}},"time":1}';
  assertEquals(read(docker)?.attributes["container"], "ab");
  const created = docker.replace("connect", "create").replace('"container":"ab",', "");
  assertEquals(read(created)?.attributes["container"], undefined);
});

Deno.test("filters have the words of either engine", () => {
  assertEquals(forAnyEngine({ type: ["container"], event: ["start", "die", "destroy"] }), {
    type: ["container"],
    event: ["start", "die", "destroy", "died", "remove"],
  });
  assertEquals(forAnyEngine({ container: ["ab"] }), { container: ["ab"] });
});
