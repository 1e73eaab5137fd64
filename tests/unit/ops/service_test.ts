import { type ServiceMachine } from "../../../lib/cli/commands/service_install.ts";
import { runServiceCommand } from "../../../lib/cli/commands/service_install.ts";
import { parseCommandLine } from "../../../lib/cli/args.ts";
import { loadValues } from "../../../lib/config/load.ts";
import { AgentError } from "../../../lib/errors.ts";
import { SERVICE_KINDS } from "../../../lib/ops/service/kinds.ts";
import { planService } from "../../../lib/ops/service/plan.ts";
import type { ServicePlace, ServiceSpec } from "../../../lib/ops/service/spec.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../support/assert.ts";
import { assertThrows } from "../../support/assert.ts";
import { type Machine, testSystem } from "../../support/command_line.ts";

const SPEC: ServiceSpec = {
  name: "gpu",
  command: ["/usr/bin/remote-docker-agent", "start", "--ssh-host=dev@gpu"],
  system: false,
  stopMs: 10_000,
  kind: SERVICE_KINDS.start,
};
const LINUX: ServicePlace = { platform: "linux", home: "/home/dev", env: {}, uid: 1000 };
const MAC: ServicePlace = { platform: "darwin", home: "/Users/dev", env: {}, uid: 501 };
const WINDOWS: ServicePlace = {
  platform: "windows",
  home: "C:\\Users\\dev",
  env: { LOCALAPPDATA: "C:\\Users\\dev\\AppData\\Local", USERDOMAIN: "PC", USERNAME: "dev" },
  uid: null,
};
/** What every format has to quote in its own way. */
const ODD = ["/opt/my apps/agent", "start", '--a=say "hi" & <go>', "--b=50%$HOME", "--c=x\\"];

Deno.test("systemd: a unit for the user and one for the machine", () => {
  const user = planService(SPEC, LINUX);
  assertEquals(user.path, "/home/dev/.config/systemd/user/gpu.service");
  assertEquals(user.install, [
    ["systemctl", "--user", "daemon-reload"],
    ["systemctl", "--user", "enable", "--now", "gpu.service"],
  ]);
  assertStringIncludes(
    user.text,
    "ExecStart=/usr/bin/remote-docker-agent start --ssh-host=dev@gpu\n",
  );
  assertStringIncludes(user.text, "TimeoutStopSec=20\n");
  assertStringIncludes(user.text, "WantedBy=default.target\n");
  assert(!user.text.includes("network-online"));
  const xdg = planService(SPEC, { ...LINUX, env: { XDG_CONFIG_HOME: "/x" } });
  assertEquals(xdg.path, "/x/systemd/user/gpu.service");

  const machine = planService({ ...SPEC, system: true }, LINUX);
  assertEquals(machine.path, "/etc/systemd/system/gpu.service");
  assertEquals(machine.install[1], ["systemctl", "enable", "--now", "gpu.service"]);
  assertStringIncludes(machine.text, "After=network-online.target\n");
  assertStringIncludes(machine.text, "WantedBy=multi-user.target\n");
  assertStringIncludes(
    planService({ ...SPEC, command: ODD }, LINUX).text,
    'ExecStart="/opt/my apps/agent" start "--a=say \\"hi\\" & <go>" --b=50%%$$HOME "--c=x\\\\"\n',
  );
});

Deno.test({
  name: "systemd itself finds nothing wrong with the units",
  ignore: !exists("/usr/bin/systemd-analyze"),
  async fn() {
    const directory = await Deno.makeTempDir({ prefix: "rda-unit-" });
    try {
      for (const system of [false, true]) {
        const command = [Deno.execPath(), ...ODD.slice(1)];
        const kind = system ? SERVICE_KINDS.gateway : SERVICE_KINDS.guest;
        const { text } = planService({ ...SPEC, system, command, kind }, LINUX);
        const path = `${directory}/gpu.service`;
        await Deno.writeTextFile(path, text);
        const { code, stderr } = await new Deno.Command("systemd-analyze", {
          args: [system ? "--system" : "--user", "--man=no", "verify", path],
          env: { XDG_RUNTIME_DIR: directory },
        }).output();
        const said = new TextDecoder().decode(stderr).split("\n");
        // It also complains of other units of the machine.
        assertEquals(said.filter((line) => line.includes("gpu.service")), []);
        assert(code === 0 || system === false, said.join("\n"));
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test("launchd: an agent of the user and a daemon of the machine", () => {
  const user = planService(SPEC, MAC);
  assertEquals(user.path, "/Users/dev/Library/LaunchAgents/gpu.plist");
  assertEquals(user.install, [
    ["launchctl", "enable", "gui/501/gpu"],
    ["launchctl", "bootstrap", "gui/501", user.path],
  ]);
  assertEquals(user.stop, [["launchctl", "bootout", "gui/501/gpu"]]);
  assertStringIncludes(user.text, "<string>--ssh-host=dev@gpu</string>");
  assertStringIncludes(user.text, "<string>/Users/dev/Library/Logs/gpu.log</string>");
  const machine = planService({ ...SPEC, system: true, command: ODD }, MAC);
  assertEquals(machine.path, "/Library/LaunchDaemons/gpu.plist");
  assertEquals(machine.status, ["launchctl", "print", "system/gpu"]);
  assertStringIncludes(
    machine.text,
    "<string>--a=say &quot;hi&quot; &amp; &lt;go&gt;</string>\n    <string>--b=50%$HOME</string>",
  );
});

Deno.test("Windows: a task at sign-in and one at boot", () => {
  const user = planService(SPEC, WINDOWS);
  assertEquals(user.path, "C:\\Users\\dev\\AppData\\Local\\remote-docker-agent\\gpu.xml");
  assertEquals(user.install, [
    ["schtasks", "/Create", "/TN", "gpu", "/XML", user.path, "/F"],
    ["schtasks", "/Run", "/TN", "gpu"],
  ]);
  assertEquals(user.encoding, "utf-16");
  assertStringIncludes(user.text, "<LogonTrigger><Enabled>true</Enabled><UserId>PC\\dev</UserId>");
  const log = "C:\\Users\\dev\\AppData\\Local\\remote-docker-agent\\gpu.log";
  assertStringIncludes(
    user.text,
    `<Arguments>start --ssh-host=dev@gpu --log-file=${log}</Arguments>\r\n`,
  );
  assertEquals(user.notes[0], `Messages go to "${log}"`);
  assertStringIncludes(user.notes.join(), "a window of its own");
  const machine = planService({ ...SPEC, system: true, command: ODD }, WINDOWS);
  const own = planService({ ...SPEC, logFile: "D:\\own.log" }, WINDOWS);
  assertStringIncludes(own.text, "<Arguments>start --ssh-host=dev@gpu</Arguments>\r\n");
  assertEquals(own.notes[0], 'Messages go to "D:\\own.log"');
  assertStringIncludes(machine.text, "<BootTrigger>");
  assertStringIncludes(machine.text, "<UserId>S-1-5-18</UserId>");
  assertStringIncludes(
    machine.text,
    "<Arguments>start &quot;--a=say \\&quot;hi\\&quot; &amp; &lt;go&gt;&quot; --b=50%$HOME " +
      "--c=x\\ --log-file=C:\\ProgramData\\remote-docker-agent\\gpu.log</Arguments>",
  );
});

Deno.test("names that are no names, and platforms without services, are refused", () => {
  for (const name of ["", "../x", "a b", "-x", "a".repeat(65), "x;rm"]) {
    assertThrows(() => planService({ ...SPEC, name }, LINUX), AgentError, "Cannot call a service");
  }
  assertThrows(() => planService(SPEC, { ...LINUX, platform: "freebsd" }), AgentError, "freebsd");
});

/** A machine on which everything works unless `fail` says otherwise. */
function testMachine(fail: (command: string) => boolean = () => false) {
  const files = new Map<string, Uint8Array>();
  const done: string[] = [];
  const machine: ServiceMachine = {
    uid: 1000,
    write: (path, bytes) => (files.set(path, bytes), Promise.resolve()),
    remove: (path) => Promise.resolve(files.delete(path)),
    exists: (path) => Promise.resolve(files.has(path)),
    run(command) {
      const line = command.join(" ");
      done.push(line);
      return Promise.resolve(
        fail(line) ? { code: 1, output: "no bus" } : { code: 0, output: "ok\n" },
      );
    },
  };
  return { files, done, machine };
}

async function run(args: string[], machine: ServiceMachine, where: Machine = {}) {
  const system = { ...testSystem(where), program: ["/opt/rda"] };
  const invocation = parseCommandLine(["service", ...args], system.cwd);
  assert(invocation.kind === "run" && invocation.command === "service");
  const { operand, flags, places: [what] = [] } = invocation;
  const { place, cwd, isTerminal, readFile } = system;
  const sources = { command: "service" as const, flags, place, cwd, isTerminal, readFile };
  const { values } = await loadValues(sources);
  const code = await runServiceCommand({ operand, what, flags, values, sources }, system, machine);
  return { code, out: system.stdout() };
}

const START = ["--ssh-host", "gpu", "--ssh-key", "keys/id", "--ssh-config", "none", "--dump"];

Deno.test("a dry run shows the file and the commands of each platform, and does nothing", async () => {
  for (
    const [platform, part, command] of [
      ["linux", "[Service]", "systemctl --user enable --now remote-docker-agent.service"],
      ["darwin", "<plist", "launchctl bootstrap gui/1000 "],
      ["windows", "<Task ", "schtasks /Run /TN remote-docker-agent"],
    ] as const
  ) {
    const { files, done, machine } = testMachine();
    const { out } = await run(["install", "--dry-run", ...START], machine, { platform });
    assertStringIncludes(out, part);
    assertStringIncludes(out, command);
    assertStringIncludes(
      await run(["uninstall", "--dry-run"], machine, { platform })
        .then((result) => result.out),
      "# Remove ",
    );
    assertEquals([files.size, done], [0, []]);
  }
});

Deno.test("a service is installed, looked at and removed", async () => {
  const { files, done, machine } = testMachine();
  const path = "/home/dev/.config/systemd/user/work.service";
  await run(["install", "--service-name", "work", ...START], machine);
  assertStringIncludes(
    new TextDecoder().decode(files.get(path)),
    "ExecStart=/opt/rda start --ssh-host=gpu --ssh-key=/project/keys/id --ssh-config=none --dump\n",
  );
  const status = await run(["status", "--service-name=work"], machine);
  assertEquals([status.code, status.out], [0, `Installed as ${path}\nok\n`]);
  await run(["uninstall", "--service-name=work"], machine);
  assertEquals(files.size, 0);
  assertEquals(done, [
    "systemctl --user daemon-reload",
    "systemctl --user enable --now work.service",
    "systemctl --user status --no-pager work.service",
    "systemctl --user disable --now work.service",
    "systemctl --user daemon-reload",
  ]);
  await assertRejects(() => run(["status"], machine), AgentError, "No service");
  await assertRejects(() => run(["uninstall"], machine), AgentError, "No service");
});

Deno.test("a service that is installed again is stopped first, so that the new one runs", async () => {
  const { done, machine } = testMachine();
  await run(["install", ...START], machine, { platform: "darwin" });
  const [enable = "", bootstrap = "", ...more] = done.splice(0);
  assertEquals(more, []);
  await run(["install", ...START], machine, { platform: "darwin" });
  assertEquals(done, ["launchctl bootout gui/1000/remote-docker-agent", enable, bootstrap]);
});

Deno.test("what could not start is not installed, and a failed command is told", async () => {
  const { files, machine } = testMachine();
  await assertRejects(() => run(["install"], machine), AgentError, "Missing --ssh-host");
  assertEquals(files.size, 0);
  const failing = testMachine((line) => line.includes("enable"));
  await assertRejects(() => run(["install", ...START], failing.machine), AgentError, "no bus");
  assertEquals(failing.files.size, 0);
});

Deno.test("a task keeps its log where its settings say", async () => {
  for (
    const [args, config] of [
      [["--log-file", "D:\\logs\\rda.log"], ""],
      [[], "log_file: D:\\logs\\rda.log\n"],
    ] as const
  ) {
    const { files, machine } = testMachine();
    const home = "C:\\Users\\dev";
    const where: Machine = {
      platform: "windows",
      home,
      cwd: home,
      files: { [`${home}\\c.yaml`]: `ssh_host: gpu\n${config}` },
    };
    const { out } = await run(["install", "--config", "c.yaml", ...args], machine, where);
    assertStringIncludes(out, 'Messages go to "D:\\logs\\rda.log".');
    const text = new TextDecoder("utf-16le").decode([...files.values()][0]);
    assertEquals(text.split("--log-file").length, args.length === 0 ? 1 : 2);
  }
});

Deno.test("a task file is UTF-16 with a byte order mark", async () => {
  const { files, machine } = testMachine();
  await run(["install", ...START], machine, { platform: "windows", home: "C:\\Users\\dev" });
  const [bytes] = [...files.values()];
  assertEquals([...bytes!.subarray(0, 4)], [0xff, 0xfe, 0x3c, 0]);
  const text = new TextDecoder("utf-16le").decode(bytes);
  assertStringIncludes(text, '<?xml version="1.0" encoding="UTF-16"?>');
});

const GATEWAY = [
  ...["--gateway-host", "gpu.example.net", "--allow-client", "alice"],
  ...["--tls-cert", "c.pem", "--tls-key", "k.pem", "--client-ca", "ca.pem"],
];

Deno.test("a guest and a gateway are services of their own names, with their own flags", async () => {
  const { files, machine } = testMachine();
  const folder = "/home/dev/.config/systemd/user";
  await run(["install", "guest", "--port", "9090", "--token-file", "t"], machine);
  await run(["install", "gateway", ...GATEWAY], machine);
  await run(["install", ...START], machine);
  const names = ["agent", "guest", "gateway"].map((each) => `remote-docker-${each}.service`);
  assertEquals([...files.keys()].sort(), names.map((name) => `${folder}/${name}`).sort());
  const text = (name: string) =>
    new TextDecoder().decode(files.get(`${folder}/remote-docker-${name}.service`));
  assertStringIncludes(
    text("guest"),
    "ExecStart=/opt/rda guest --port=9090 --token-file=/project/t\n",
  );
  assertStringIncludes(
    text("gateway"),
    "ExecStart=/opt/rda gateway --gateway-host=gpu.example.net",
  );
  assertStringIncludes(text("gateway"), "--client-ca=/project/ca.pem\n");
  assertStringIncludes(text("gateway"), "ExecReload=/bin/kill -HUP $MAINPID\n");
  // Clients of a guest may use sudo, if its user may.
  assertEquals(["agent", "guest", "gateway"].map((each) => text(each).includes("NoNewPriv")), [
    true,
    false,
    true,
  ]);
  assertEquals((await run(["status", "guest"], machine)).code, 0);
  await run(["uninstall", "guest"], machine);
  await assertRejects(() => run(["status", "guest"], machine), AgentError, "No service");
  assertEquals(files.size, 2);
});

Deno.test("a guest for the machine comes with a word about whose rights its clients have", async () => {
  const { machine } = testMachine();
  const { out } = await run(["install", "guest", "--system"], machine);
  assertStringIncludes(out, "It runs as the administrator");
});

const BAD_TARGETS: readonly [args: string[], message: string, where?: Machine][] = [
  [["x"], 'Cannot make a service of "x"'],
  [["keygen"], 'Cannot make a service of "keygen"'],
  [["toString"], 'Cannot make a service of "toString"'],
  [["guest", "--ssh-host", "gpu"], "--ssh-host is no option of guest"],
  [["--copy-root", "/srv", ...START], "--copy-root is no option of start"],
  [["guest", "--listen", "0.0.0.0:1", "--allow-tunnel", "db"], 'Invalid value "db"'],
  [["gateway"], "Missing --gateway-config"],
  [["gateway", "--gateway-config", "none.yaml"], "Cannot read the gateway's configuration"],
  [["guest"], "does not run on Windows", { platform: "windows", home: "C:\\Users\\dev" }],
];

for (const [args, message, where] of BAD_TARGETS) {
  Deno.test(`service install ${args.slice(0, 3).join(" ")} is refused: ${message}`, async () => {
    const { files, machine } = testMachine();
    await assertRejects(() => run(["install", ...args], machine, where), AgentError, message);
    assertEquals(files.size, 0);
  });
}

Deno.test("the word after service is one of three", () => {
  for (const args of [["service"], ["service", "start"], ["service", "install", "guest", "x"]]) {
    assertThrows(() => parseCommandLine(args, "/"), AgentError);
  }
});

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // not there
  }
}
