/** Configurations as they are found on macOS and Windows. */
import { assertEquals } from "../../../../support/assert.ts";
import { parseConfig } from "../../../../../lib/transport/ssh/config/tree.ts";
import { resolveSsh } from "../../../../../lib/transport/ssh/config/resolve.ts";
import type { SshEnv } from "../../../../../lib/transport/ssh/settings.ts";

const REMOTE = { kind: "unix", path: "/var/run/docker.sock" } as const;

function resolve(config: string, env: Pick<SshEnv, "platform" | "home" | "get">) {
  const whole = { ...env, user: "me", hostname: "laptop", interactive: false };
  const settings = { host: "web", keyFiles: [], remoteDocker: REMOTE };
  return resolveSsh(settings, parseConfig(config, "config"), whole).host;
}

Deno.test("macOS: options of Apple's ssh are passed over, an agent may have blanks in its path", () => {
  const launchd = "/private/tmp/com.apple.launchd.abc/Listeners";
  const env = {
    platform: "darwin",
    home: "/Users/me",
    get: (name: string) => name === "SSH_AUTH_SOCK" ? launchd : undefined,
  } as const;
  const common = `
    Host *
      IgnoreUnknown UseKeychain
      UseKeychain yes
      AddKeysToAgent yes
      IdentityFile ~/.ssh/id_ed25519
  `;
  const plain = resolve(common, env);
  assertEquals(plain.identityAgents, [launchd]);
  assertEquals(plain.identityFiles.map(({ path }) => path), ["/Users/me/.ssh/id_ed25519"]);
  assertEquals(plain.globalKnownHostsFiles[0], "/etc/ssh/ssh_known_hosts");
  const agent = "Library/Group Containers/2BUA8C4S2C.com.1password/t/agent.sock";
  const other = resolve(`${common}\n  IdentityAgent "~/${agent}"\n`, env);
  assertEquals(other.identityAgents, [`/Users/me/${agent}`]);
});

Deno.test("Windows: backslashes, line ends, drives and the folders of the system", () => {
  const env = {
    platform: "windows",
    home: "C:\\Users\\me",
    get: (name: string) => name === "PROGRAMDATA" ? "D:\\Data" : undefined,
  } as const;
  const found = resolve(
    [
      "Host web",
      "  IdentityFile C:\\Users\\me\\.ssh\\work",
      '  IdentityFile "D:\\keys of mine\\id"',
      "  IdentityFile ~\\.ssh\\other",
      "  IdentityFile ~/.ssh/last",
      "  UserKnownHostsFile C:/Users/me/.ssh/known",
      "",
    ].join("\r\n"),
    env,
  );
  assertEquals(found.identityFiles.map(({ path }) => path), [
    "C:\\Users\\me\\.ssh\\work",
    "D:\\keys of mine\\id",
    "C:\\Users\\me\\.ssh\\other",
    "C:\\Users\\me/.ssh/last",
  ]);
  assertEquals(found.userKnownHostsFiles, ["C:/Users/me/.ssh/known"]);
  assertEquals(found.identityAgents, ["\\\\.\\pipe\\openssh-ssh-agent", "pageant"]);
});
