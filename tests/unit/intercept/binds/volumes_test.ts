/** Bind mounts whose copies are volumes of the engine: what the engine gets, and what users see. */
import type { JsonObject } from "../../../../lib/docker/json_body.ts";
import { BINDS_LABEL, encodeBindLabel } from "../../../../lib/intercept/binds/label.ts";
import { findBinds } from "../../../../lib/intercept/binds/rewrite.ts";
import {
  showBindsInspect,
  showBindsListItem,
  showBindsText,
} from "../../../../lib/intercept/binds/views.ts";
import { assertEquals } from "../../../support/assert.ts";

const NAME = "remote-docker-agent-0123456789abcdef";
const LABEL = encodeBindLabel({
  owner: "me",
  mounts: [{ target: "/app", source: "/src", remote: NAME, isVolume: true, session: "s" }],
});

function replaced(HostConfig: JsonObject): JsonObject {
  for (const bind of findBinds({ HostConfig })) bind.replaceByVolume(NAME);
  return HostConfig;
}

Deno.test("a bind becomes a volume into which nothing of the image is copied", () => {
  const cases = [
    ["/src:/app", `${NAME}:/app:nocopy`],
    ["/src:/app:ro", `${NAME}:/app:ro,nocopy`],
    ["/src:/app:rw,Z,rslave,cached", `${NAME}:/app:rw,Z,nocopy`],
  ];
  for (const [asked = "", sent = ""] of cases) {
    assertEquals(replaced({ Binds: [asked, "data:/d"] }), { Binds: [sent, "data:/d"] });
  }
  const mount = {
    Type: "bind",
    source: "/src",
    Target: "/app",
    ReadOnly: true,
    BindOptions: { Propagation: "rslave" },
  };
  assertEquals(replaced({ Mounts: [mount] }), {
    Mounts: [{
      Type: "volume",
      source: NAME,
      Target: "/app",
      ReadOnly: true,
      VolumeOptions: { NoCopy: true },
    }],
  });
});

Deno.test("users see the bind that they asked for", () => {
  const point = {
    Type: "volume",
    Name: NAME,
    Source: "/v/_data",
    Destination: "/app",
    Driver: "local",
  };
  const other = { Type: "volume", Name: "data", Source: "/d", Destination: "/d", Driver: "local" };
  const shown = { Type: "bind", Source: "/src", Destination: "/app" };
  const inspected = {
    Config: { Labels: { [BINDS_LABEL]: LABEL, own: "1" } },
    State: { Status: "created", Error: `error mounting "${NAME}" to rootfs` },
    Volumes: { "/app": NAME, "/d": "/elsewhere" },
    Mounts: [{ ...point }, { ...other }],
    HostConfig: {
      Binds: [`${NAME}:/app:ro,nocopy`, `${NAME}:/app:nocopy`, "data:/d"],
      Mounts: [
        { Type: "volume", Source: NAME, Target: "/app", VolumeOptions: { NoCopy: true } },
        { Type: "volume", Source: NAME, Target: "/elsewhere" },
      ],
    },
  };
  showBindsInspect(inspected);
  assertEquals(inspected, {
    Config: { Labels: { own: "1" } },
    State: { Status: "created", Error: 'error mounting "/src" to rootfs' },
    Volumes: { "/app": "/src", "/d": "/elsewhere" },
    Mounts: [shown, other],
    HostConfig: {
      Binds: ["/src:/app:ro", "/src:/app", "data:/d"],
      Mounts: [
        { Type: "bind", Source: "/src", Target: "/app" },
        { Type: "volume", Source: NAME, Target: "/elsewhere" },
      ],
    },
  } as unknown);
  const item = { Labels: { [BINDS_LABEL]: LABEL }, Mounts: [{ ...point }] };
  showBindsListItem(item);
  assertEquals(item, { Labels: {}, Mounts: [shown] } as unknown);
});

Deno.test("a refusal of the engine speaks of the options that were asked for", () => {
  const mounts = [{ target: "/app", source: "/src", remote: NAME, isVolume: true }];
  assertEquals(showBindsText("invalid mode: nonsense,nocopy", mounts), "invalid mode: nonsense");
  assertEquals(
    showBindsText(`invalid volume specification: '${NAME}:/app:a,nocopy'`, mounts),
    "invalid volume specification: '/src:/app:a'",
  );
});
