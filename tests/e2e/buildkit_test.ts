/**
 * BuildKit with a current engine, and the docker CLI's plugins as their users have them: what a build
 * takes from this side and gives back, how it fails and is cancelled, and compose's own builds.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { Child, runOk } from "../support/child.ts";
import { uniqueName } from "../support/compare.ts";
import { Compose } from "../support/compose.ts";
import type { DockerCli } from "../support/docker_cli.ts";
import { endToEnd } from "../support/e2e.ts";
import { folder, names, textOf, write } from "../support/folders.ts";
import { freePort } from "../support/free_ports.ts";
import { until } from "../support/poll.ts";
import { fetchPort, untilRefused } from "../support/published.ts";
import type { Rig } from "../support/rig.ts";
import { preferNewerSuite } from "../support/suite.ts";

preferNewerSuite();
const test = await endToEnd();
const timeoutMs = 300_000;

/** Removes an image when the test is over. */
function withoutImage(docker: DockerCli, tag: string): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      await docker.run(["rmi", "-f", tag]);
    },
  };
}

test("a build takes context, secret, argument and a second context", async ({ docker }) => {
  await using context = await folder({
    "Dockerfile": `FROM bb AS base
ARG WHAT
COPY big /big
RUN --mount=type=cache,target=/cache echo $WHAT >/cache/a && cat /cache/a
RUN --mount=type=secret,id=s wc -c /run/secrets/s
FROM base
COPY --from=other hello /hello
RUN sha256sum /big | cut -c1-64 >/sum
CMD ["cat", "/hello", "/sum"]
`,
    ".dockerignore": "left-out\n",
    "left-out": "",
  });
  await using more = await folder({ "hello": "from the other one\n", "secret": "42\n" });
  const big = `${context.path}/big`;
  await runOk("dd", ["if=/dev/urandom", `of=${big}`, "bs=1M", "count=20"]);
  const tag = uniqueName("built");
  await using _ = withoutImage(docker, tag);
  const given = ["--build-arg", "WHAT=a word", "--secret", `id=s,src=${more.path}/secret`];
  const args = ["buildx", "build", "--no-cache", "--progress", "plain", "-t", tag, ...given];
  const all = [...args, "--build-context", `other=${more.path}`, context.path];
  const { code, stderr } = await docker.run(all, { timeoutMs });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "3 /run/secrets/s");
  assertStringIncludes(stderr, "a word");
  const sum = (await runOk("sha256sum", [big])).slice(0, 64);
  assertEquals(await docker.ok(["run", "--rm", tag]), `from the other one\n${sum}`);
});

/** Asks the agent behind `SSH_AUTH_SOCK` for its keys; a file, since this is no shell's language. */
const ASK_AGENT = `use Socket;
socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die;
connect($s, sockaddr_un($ENV{SSH_AUTH_SOCK})) or die;
syswrite($s, pack("NC", 1, 11));
read($s, my $head, 9) == 9 or die;
my ($length, $type, $count) = unpack("NCN", $head);
print "type $type, $count key\\n";
`;

test("a build uses the SSH agent of this side", async ({ rig, docker }) => {
  await rig.verb("image-udp");
  await using context = await folder({
    "Dockerfile": 'FROM bb:udp\nCOPY ask.pl /\nRUN --mount=type=ssh ["/usr/bin/perl", "/ask.pl"]\n',
    "ask.pl": ASK_AGENT,
  });
  const socket = `${context.path}/agent`;
  await using _agent = new Child("ssh-agent", ["-D", "-a", socket]);
  const env = { ...docker.env(), SSH_AUTH_SOCK: socket };
  await until("the SSH agent has the key", async () => {
    return await runOk("ssh-add", ["-q", rig.key], { env }).then(() => true, () => false);
  });
  const args = ["build", "--no-cache", "--progress", "plain", "--ssh", "default", context.path];
  const { code, stderr } = await docker.run(args, { vars: { SSH_AUTH_SOCK: socket }, timeoutMs });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "type 12, 1 key");
});

test("what is built comes back as files and as an archive", async ({ docker }) => {
  await using context = await folder({
    "Dockerfile": "FROM scratch\nCOPY a b/c /out/\n",
    "a": "one",
    "b/c": "two",
  });
  await using target = await folder();
  const build = ["buildx", "build", "-q", "--no-cache", context.path, "-o"];
  await docker.ok([...build, `type=local,dest=${target.path}`]);
  assertEquals(names(`${target.path}/out`), ["a", "c"]);
  assertEquals(await textOf(`${target.path}/out/c`), "two");
  const archive = await docker.shell(
    `docker ${build.join(" ")} - </dev/null | tar -tf - | grep -v '/$'`,
  );
  assertEquals(archive.stdout, "out/a\nout/c\n");
});

/** What a build says at its end, without what is another one each time. */
function lastWords(stderr: string): string {
  return stderr.slice(stderr.indexOf("------")).replaceAll(/\d+\.\d+s?/g, "<time>")
    .replaceAll(/(?<=of ref )\S+/g, "<ref>");
}

test("a failing build ends with the code and the words of a direct one", async (bench) => {
  await using context = await folder({
    "run/Dockerfile": "FROM bb\nRUN echo said it && exit 5\n",
    "copy/Dockerfile": "FROM bb\nCOPY not-there /\n",
    "syntax/Dockerfile": "FROM bb\nNOSUCH thing\n",
  });
  for (const name of ["run", "copy", "syntax"]) {
    const args = ["build", "--progress", "plain", "--no-cache", `${context.path}/${name}`];
    const ends = [];
    for (const docker of [bench.docker, bench.direct]) {
      const { code, stderr } = await docker.run(args);
      ends.push({ code, words: lastWords(stderr) });
    }
    assertEquals(ends[0], ends[1]);
    assertEquals(ends[0]?.code, 1);
    assertStringIncludes(ends[0]?.words ?? "", "ERROR: ");
  }
});

/** Whether a process with `word` among its arguments runs on the remote host. */
async function runs(rig: Rig, word: string): Promise<boolean> {
  const script = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; true";
  return (await rig.verb("exec", "sh", "-c", script)).split("\n").includes(word);
}

/** A build that sleeps, once it does; and how long, which nothing else sleeps. */
async function sleepingBuild(rig: Rig, docker: DockerCli) {
  const seconds = String(10_000 + Math.floor(Math.random() * 80_000));
  await using context = await folder({ "Dockerfile": `FROM bb\nRUN ["sleep", "${seconds}"]\n` });
  const build = docker.spawn(["build", "--progress", "plain", context.path]);
  try {
    await until("the build runs", () => runs(rig, seconds));
    return { build, seconds };
  } catch (error) {
    await build.stop();
    throw error;
  }
}

test("Ctrl-C ends a build and what it runs", async ({ rig, docker, direct }) => {
  const codes = [];
  for (const cli of [docker, direct]) {
    const { build, seconds } = await sleepingBuild(rig, cli);
    await using _ = build;
    build.kill("SIGINT");
    codes.push(await build.wait());
    assertStringIncludes(build.stderr, "context canceled");
    await until("what it ran is gone", async () => !await runs(rig, seconds));
  }
  assertEquals(codes[0], codes[1]);
});

test("a build whose link is lost says so and ends", { agentOnly: true }, async (bench) => {
  const { build, seconds } = await sleepingBuild(bench.rig, bench.docker);
  await using _ = build;
  await bench.rig.verb("drop-sessions");
  assertEquals(await build.wait(), 1);
  assertMatch(build.stderr, /Unavailable.*error reading from server: (EOF|.*reset by peer)/);
  await until("what it ran is gone", async () => !await runs(bench.rig, seconds));
});

test("compose builds, waits, copies, shows logs and follows what is saved", {
  agentOnly: true,
}, async (bench) => {
  const { docker } = bench;
  const port = freePort();
  const web = {
    build: "./app",
    init: true,
    ports: [`${port}:80`],
    stop_grace_period: "0s",
    healthcheck: { test: "test -e /srv/index.html", interval: "1s", start_period: "5s" },
    develop: { watch: [{ action: "sync", path: "./app/site", target: "/srv" }] },
  };
  await using project = await folder({
    "app/Dockerfile":
      'FROM bb\nCOPY site /srv\nCMD ["sh", "-c", "echo began; exec httpd -f -h /srv"]\n',
    "app/site/index.html": "first",
    "compose.json": JSON.stringify({ services: { web } }),
  });
  const site = `${project.path}/app/site`;
  const name = uniqueName("rda");
  const compose = await Compose.of(bench, name, `${project.path}/compose.json`);
  try {
    await compose.ok("up", "-d", "--build", "--wait");
    assertEquals(await fetchPort(port), "first");
    assertStringIncludes(await compose.ok("logs", "--no-log-prefix", "web"), "began");
    await compose.ok("cp", "web:/srv/index.html", `${project.path}/copied`);
    assertEquals(await textOf(`${project.path}/copied`), "first");
    assertEquals((await compose.run(["exec", "-T", "web", "sh", "-c", "exit 7"])).code, 7);
    await using watch = compose.spawn("watch", "--no-up");
    await watch.waitFor(/watch enabled/i);
    const inside = () => docker.ok(["exec", `${name}-web-1`, "sh", "-c", "cat /srv/*"]);
    await until("both files are there", async () => {
      // What is saved before it really looks is not seen.
      await write(site, { "index.html": "second", "more.txt": "more" });
      const there = async () => await inside() === "secondmore";
      return await until("they have come", there, { timeoutMs: 10_000 });
    });
    await Deno.remove(`${site}/more.txt`);
    await until("the removed one is gone", async () => await inside() === "second");
    await until("the page is the new one", async () => await fetchPort(port) === "second");
  } finally {
    await compose.ok("down", "-t", "0", "--rmi", "local");
  }
  await untilRefused(port);
});

test("compose up in the foreground ends with Ctrl-C", { agentOnly: true }, async (bench) => {
  const port = freePort();
  const web = {
    image: "bb:httpd",
    ports: [`${port}:80`],
    command: ["sh", "-c", "trap 'exit 3' INT TERM; echo began; httpd -f -h /www & wait"],
  };
  await using project = await folder({ "compose.json": JSON.stringify({ services: { web } }) });
  const compose = await Compose.of(bench, uniqueName("rda"), `${project.path}/compose.json`);
  try {
    await using up = compose.spawn("up");
    await up.waitFor(/web-1 +\| began/);
    assert((await fetchPort(port)).startsWith("hello from"));
    up.kill("SIGINT");
    assertEquals(await up.wait(), 130);
    await untilRefused(port);
    assertEquals(await compose.ok("ps", "-a", "--format", "{{.State}} {{.ExitCode}}"), "exited 3");
  } finally {
    await compose.ok("down", "-t", "0");
  }
});
