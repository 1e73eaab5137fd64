/** Large bodies in both directions arrive whole: `cp`, `save`, `load`. */
import { assertEquals } from "../support/assert.ts";
import { runOk } from "../support/child.ts";
import { sameAsDirect, uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";

const test = await endToEnd();
const MEGABYTES = 200;
const timeoutMs = 300_000;

async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "rda-transfer-" });
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function checksum(path: string): Promise<string> {
  return (await runOk("sha256sum", [path])).slice(0, 64);
}

test("cp carries 200 MB in and out unharmed", async ({ docker }) => {
  const name = uniqueName("cp");
  await docker.ok(["run", "-d", "--name", name, "bb", "sleep", "600"]);
  try {
    await withDirectory(async (directory) => {
      const [there, back] = [`${directory}/there`, `${directory}/back`];
      await runOk("dd", ["if=/dev/urandom", `of=${there}`, "bs=1M", `count=${MEGABYTES}`]);
      await docker.ok(["cp", there, `${name}:/big`], { timeoutMs });
      const sum = await checksum(there);
      assertEquals((await docker.ok(["exec", name, "sha256sum", "/big"])).slice(0, 64), sum);
      await docker.ok(["cp", `${name}:/big`, back], { timeoutMs });
      assertEquals(await checksum(back), sum);
    });
  } finally {
    await docker.run(["rm", "-f", name]);
  }
});

test.withEachCli("cp keeps modes, links and directories", async (bench) => {
  const name = uniqueName("cp");
  await bench.direct.ok(["run", "-d", "--name", name, "bb", "sleep", "600"]);
  try {
    await withDirectory(async (directory) => {
      await Deno.mkdir(`${directory}/tree/sub`, { recursive: true });
      await Deno.writeTextFile(`${directory}/tree/sub/run me`, "#!/bin/sh\n", { mode: 0o751 });
      await Deno.symlink("sub/run me", `${directory}/tree/link`);
      await bench.docker.ok(["cp", `${directory}/tree`, `${name}:/srv`]);
      const list = ["exec", name, "find", "/srv", "-exec", "stat", "-c", "%n %a %F %s", "{}", ";"];
      const { stdout } = await sameAsDirect(bench, list);
      assertEquals(stdout.includes("/srv/sub/run me 751 regular file 10"), true);
      await bench.docker.ok(["cp", `${name}:/srv`, `${directory}/back`]);
      assertEquals(await Deno.readLink(`${directory}/back/link`), "sub/run me");
      assertEquals((await bench.docker.run(["cp", `${name}:/none`, directory])).code, 1);
    });
  } finally {
    await bench.direct.run(["rm", "-f", name]);
  }
});

test("save piped into load brings a 200 MB image back", async ({ rig, docker, direct }) => {
  const image = `big:${MEGABYTES}`;
  await rig.verb("image-big", String(MEGABYTES));
  const id = await direct.ok(["image", "inspect", "-f", "{{.Id}}", image]);
  await withDirectory(async (directory) => {
    const archive = `${directory}/image.tar`;
    await docker.ok(["save", "-o", archive, image], { timeoutMs });
    await direct.ok(["rmi", image]);
    const { code, stderr } = await docker.shell(`docker load <'${archive}'`, { timeoutMs });
    assertEquals([code, stderr], [0, ""]);
  });
  assertEquals(await direct.ok(["image", "inspect", "-f", "{{.Id}}", image]), id);
});

test("save and load run against each other through one agent", async ({ rig, docker }) => {
  await rig.verb("image-big", String(MEGABYTES));
  const line = `docker save big:${MEGABYTES} | docker load`;
  const { code, stdout, stderr } = await docker.shell(line, { timeoutMs });
  assertEquals({ code, stderr, loaded: stdout.trim() }, {
    code: 0,
    stderr: "",
    loaded: `Loaded image: big:${MEGABYTES}`,
  });
});

test("small commands stay quick during a large upload", async ({ rig, docker, direct }) => {
  await rig.verb("image-big", String(MEGABYTES));
  const line = `docker save big:${MEGABYTES} | docker load`;
  const transfer = docker.shell(line, { timeoutMs });
  let done = false;
  const end = transfer.finally(() => done = true);
  const samples: number[] = [];
  const begun = performance.now();
  while (!done) {
    const start = performance.now();
    await docker.ok(["ps", "-q"]);
    samples.push(performance.now() - start);
  }
  assertEquals((await end).code, 0);
  const median = samples.sort((a, b) => a - b)[samples.length >> 1] ?? Infinity;
  // One that waits for the upload takes as long as that does, however slow this machine is.
  const whole = performance.now() - begun;
  const seen = `the median of ${samples.length} docker ps is ${median} of ${whole} ms`;
  assertEquals(median < whole / 3, true, seen);
  await direct.ok(["ps", "-q"]);
});
