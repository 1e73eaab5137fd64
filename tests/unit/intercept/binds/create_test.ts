/** What becomes of bind mounts when a container is created, and what users see of it. */
import { AgentError } from "../../../../lib/errors.ts";
import { BINDS_LABEL } from "../../../../lib/intercept/binds/label.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import { bindBench, ID, OWNER } from "./bind_bench.ts";

const LOCAL = { "/src": "directory", "/src/sub": "directory", "/f": "file" } as const;

Deno.test("sources are replaced, every option is kept, and the request is in the label", async () => {
  const b = bindBench(LOCAL);
  const mount = {
    Type: "bind",
    Source: "/f",
    Target: "/etc/f",
    ReadOnly: true,
    Consistency: "cached",
    BindOptions: { Propagation: "rslave", Later: 9 },
  };
  const { status } = await b.create({
    Binds: ["/src:/app:ro,z", "data:/data", "/proc:/p"],
    Mounts: [mount, { Type: "volume", Source: "v", Target: "/v" }],
  });
  assertEquals(status, 201);
  assertEquals(b.engine.created?.HostConfig, {
    Binds: ["/sync/s1:/app:ro,z", "data:/data", "/proc:/p"],
    Mounts: [{ ...mount, Source: "/sync/s2" }, { Type: "volume", Source: "v", Target: "/v" }],
  });
  assertEquals(b.sync.prepared, [
    { local: "/src", readOnly: true },
    { local: "/f", readOnly: true },
  ]);
  assertEquals(JSON.parse(b.engine.created?.Labels?.[BINDS_LABEL] ?? ""), {
    owner: OWNER,
    mounts: [
      {
        target: "/app",
        source: "/src",
        remote: "/sync/s1",
        session: "s1",
        local: "/src",
        readOnly: true,
      },
      {
        target: "/etc/f",
        source: "/f",
        remote: "/sync/s2",
        session: "s2",
        local: "/f",
        readOnly: true,
      },
    ],
  });
  assertEquals(b.sync.calls, ["prepare /src", "prepare /f"]);
  await b.close();
});

Deno.test("a request without mounts of ours is sent on as it came", async () => {
  const b = bindBench({}, ["/only/there"]);
  const host = { Binds: ["data:/data", "/proc:/proc", "/only/there:/x"] };
  await b.create(host);
  assertEquals(b.engine.created, { Image: "bb", HostConfig: host });
  assertEquals(b.sync.calls, []);
  await b.close();
});

Deno.test("the daemon's socket is that of the remote engine", async () => {
  const b = bindBench();
  await b.create({ Binds: ["/var/run/docker.sock:/var/run/docker.sock"] });
  const host = b.engine.created?.HostConfig;
  assertEquals(host, { Binds: ["/opt/docker.sock:/var/run/docker.sock"] });
  const { body } = await b.ask(`GET /containers/${ID}/json`);
  const shown = body as { HostConfig: { Binds: string[] } };
  assertEquals(shown.HostConfig.Binds, ["/var/run/docker.sock:/var/run/docker.sock"]);
  await b.close();
});

Deno.test("-v makes a missing source, --mount refuses it in Docker's words", async () => {
  const b = bindBench();
  await b.create({ Binds: ["/new/dir/:/app"] });
  assertEquals(b.made, ["/new/dir"]);
  const mount = { Type: "bind", Source: "/x", Target: "/app" };
  const error = await assertRejects(() => b.create({ Mounts: [mount] }));
  assertEquals(
    error.message,
    'invalid mount config for type "bind": bind source path does not exist: /x',
  );
  assertEquals((error as { status?: number }).status, 400);
  assertEquals(b.made, ["/new/dir"]);
  await b.create({ Mounts: [{ ...mount, BindOptions: { CreateMountpoint: true } }] });
  assertEquals(b.made, ["/new/dir", "/x"]);
  await b.close();
});

Deno.test("what a guard refuses is refused with its reason and hint, and nothing is created", async () => {
  const b = bindBench({ "/": "directory" });
  b.sync.onPrepare = () => {
    throw new AgentError("usage", '"/" is the whole disk', { hint: "mount a folder in it" });
  };
  const error = await assertRejects(() => b.create({ Binds: ["/:/host"] }));
  assertEquals(
    error.message,
    'invalid mount config for type "bind": /: "/" is the whole disk; mount a folder in it',
  );
  assertEquals((error as { status?: number }).status, 400);
  assertEquals(b.engine.requests, []);
  await b.close();
});

Deno.test("a socket of this machine is refused unless it is meant to be remote", async () => {
  const b = bindBench({ "/tmp/agent.sock": "other" });
  const error = await assertRejects(() => b.create({ Binds: ["/tmp/agent.sock:/s"] }));
  assert(error.message.includes("--binds /tmp/agent.sock=remote"), error.message);
  await b.close();
});

Deno.test("the engine's refusals name the user's path", async () => {
  const b = bindBench(LOCAL);
  b.engine.override = () => ({ status: 400, body: { message: "cannot mount /sync/s1: no" } });
  const { status, body } = await b.create({ Binds: ["/src:/app"] });
  assertEquals([status, body], [400, { message: "cannot mount /src: no" }]);
  await b.close();
});

Deno.test("inspect, list and events show what was asked for", async () => {
  const b = bindBench(LOCAL);
  const asked = {
    Binds: ["/src/:/app/:ro"],
    Mounts: [{ Type: "bind", Source: "/f", Target: "/f" }],
  };
  await b.create(asked);
  const inspected = await b.ask(`GET /containers/${ID}/json`);
  const { HostConfig, Config } = inspected.body as Record<string, Record<string, unknown>>;
  assertEquals([HostConfig?.["Binds"], HostConfig?.["Mounts"]], [asked.Binds, asked.Mounts]);
  assertEquals(Config, { Labels: {} });
  const points = [
    { Type: "bind", Source: "/sync/s1", Destination: "/app", RW: false },
    { Type: "bind", Source: "/sync/s2", Destination: "/other" },
  ];
  const item = { Id: ID, Labels: { ...b.engine.created?.Labels, a: "b" }, Mounts: points };
  b.engine.override = () => ({ status: 200, body: [item] });
  const listed = await b.ask("GET /containers/json?all=1");
  assertEquals(listed.body, [{
    Id: ID,
    Labels: { a: "b" },
    // The second is not the mount that the label tells of.
    Mounts: [{ ...points[0], Source: "/src" }, points[1]],
  }]);
  const event = {
    Type: "container",
    Actor: { ID, Attributes: { ...b.engine.created?.Labels, name: "web" } },
  };
  b.engine.override = () => ({ status: 200, body: event });
  assertEquals((await b.ask("GET /events")).body, {
    Type: "container",
    Actor: { ID, Attributes: { name: "web" } },
  });
  await b.close();
});

Deno.test("--volumes-from takes our mounts along, for the barriers and for the eyes", async () => {
  const b = bindBench(LOCAL);
  await b.create({ Binds: ["/src:/app"] });
  const first = b.engine.created?.Labels?.[BINDS_LABEL];
  await b.create({ VolumesFrom: ["web:ro"] }, "second");
  assertEquals(b.engine.created?.Labels?.[BINDS_LABEL], first);
  await b.close();
});

Deno.test("an image made of a container does not inherit its label", async () => {
  const b = bindBench(LOCAL);
  await b.create({ Binds: ["/src:/app"] });
  await b.ask("POST /commit?container=web&repo=img");
  const target = b.engine.requests.at(-1)?.split(" ")[1] ?? "";
  const changes = new URL(target, "http://d").searchParams.getAll("changes");
  assertEquals(changes, [`LABEL ${BINDS_LABEL}=""`]);
  await b.close();
});

Deno.test("an outer folder is prepared before what is in it, in whatever order they come", async () => {
  const b = bindBench({ "/src": "directory", "/src/sub": "directory" });
  await b.create({ Binds: ["/src/sub:/sub", "/src:/app"] });
  assertEquals(b.sync.calls, ["prepare /src", "prepare /src/sub"]);
  assertEquals(b.engine.created?.HostConfig, { Binds: ["/sync/s2:/sub", "/sync/s1:/app"] });
  await b.close();
});
