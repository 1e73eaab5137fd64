/** Building images: the classic builder, BuildKit, and contexts of some size. */
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { runOk } from "../support/child.ts";
import { uniqueName } from "../support/compare.ts";
import type { DockerCli } from "../support/docker_cli.ts";
import { endToEnd } from "../support/e2e.ts";

const test = await endToEnd();
const MEGABYTES = 50;
const timeoutMs = 300_000;
const DOCKERFILE = `FROM bb
COPY . /context
RUN sha256sum /context/blob | cut -c1-64 >/sum
RUN echo "built step by step"
CMD ["cat", "/sum"]
`;

/** Builds an image whose container prints the checksum of the context's blob; compares that. */
async function buildAndRun(docker: DockerCli, buildkit: boolean): Promise<void> {
  const context = await Deno.makeTempDir({ prefix: "rda-build-" });
  const tag = `${uniqueName("built")}:latest`;
  try {
    await Deno.writeTextFile(`${context}/Dockerfile`, DOCKERFILE);
    const blob = `${context}/blob`;
    await runOk("dd", ["if=/dev/urandom", `of=${blob}`, "bs=1M", `count=${MEGABYTES}`]);
    const vars = { DOCKER_BUILDKIT: buildkit ? "1" : "0" };
    const progress = buildkit ? ["--progress", "plain"] : [];
    const args = ["build", "--no-cache", ...progress, "-t", tag, context];
    const { code, stdout, stderr } = await docker.run(args, { vars, timeoutMs });
    assertEquals(code, 0, stdout + stderr);
    assertStringIncludes(buildkit ? stderr : stdout, "built step by step");
    const sum = (await runOk("sha256sum", [blob])).slice(0, 64);
    assertEquals(await docker.ok(["run", "--rm", tag]), sum);
  } finally {
    await docker.run(["rmi", "-f", tag]);
    await Deno.remove(context, { recursive: true });
  }
}

test.withEachCli("the classic builder takes a 50 MB context", async ({ docker }) => {
  await buildAndRun(docker, false);
});

test("BuildKit takes a 50 MB context", { cli: "debian" }, async ({ docker }) => {
  await buildAndRun(docker, true);
});

test("BuildKit reaches the client's secrets over its session", { cli: "debian" }, async (bench) => {
  const context = await Deno.makeTempDir({ prefix: "rda-build-" });
  try {
    const secret = `${context}/secret`;
    await Deno.writeTextFile(secret, "42\n");
    const run = "RUN --mount=type=secret,id=s wc -c /run/secrets/s && cat /run/secrets/s >/copy\n";
    await Deno.writeTextFile(`${context}/Dockerfile`, `FROM bb\n${run}RUN cat /copy\n`);
    const args = [
      "build",
      "--no-cache",
      "--progress",
      "plain",
      "--secret",
      `id=s,src=${secret}`,
      context,
    ];
    const { code, stderr } = await bench.docker.run(args, { vars: { DOCKER_BUILDKIT: "1" } });
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "3 /run/secrets/s");
  } finally {
    await Deno.remove(context, { recursive: true });
  }
});

test("a failing build ends with the code and the words of a direct one", async (bench) => {
  const context = await Deno.makeTempDir({ prefix: "rda-build-" });
  try {
    await Deno.writeTextFile(`${context}/Dockerfile`, "FROM bb\nRUN exit 5\n");
    const ends = [];
    for (const docker of [bench.docker, bench.direct]) {
      const vars = { DOCKER_BUILDKIT: "0" };
      const { code, stderr } = await docker.run(["build", context], { vars });
      ends.push({ code, stderr });
    }
    assertEquals(ends[0], ends[1]);
    assertEquals(ends[0]?.code, 5);
  } finally {
    await Deno.remove(context, { recursive: true });
  }
});

test("a Dockerfile may come from standard input", async ({ docker }) => {
  const vars = { DOCKER_BUILDKIT: "0" };
  const options = { vars, stdin: "FROM bb\nRUN echo from standard input\n" };
  assertStringIncludes(
    await docker.ok(["build", "--no-cache", "-"], options),
    "Successfully built",
  );
});
