import { leaveLauncher } from "../../../lib/cli/launcher.ts";
import { assertEquals } from "../../support/assert.ts";

function environment(variables: Record<string, string>) {
  const all = new Map(Object.entries(variables));
  const env = {
    get: (name: string) => all.get(name),
    set: (name: string, text: string) => void all.set(name, text),
    delete: (name: string) => void all.delete(name),
  };
  return { env, left: () => Object.fromEntries(all) };
}

const LAUNCHED = {
  PATH: "/bin",
  REMOTE_DOCKER_AGENT_FILE: "/opt/rda",
  DENO_DIR: "/cache/rda",
  DENO_NO_UPDATE_CHECK: "1",
};

Deno.test("commands get the environment of the user, not that of the launcher", () => {
  const { env, left } = environment({
    ...LAUNCHED,
    REMOTE_DOCKER_AGENT_DENO_DIR: "/home/dev/deno",
    REMOTE_DOCKER_AGENT_DENO_NO_UPDATE_CHECK: "",
  });
  assertEquals(leaveLauncher(env), "/opt/rda");
  assertEquals(left(), { PATH: "/bin", DENO_DIR: "/home/dev/deno" });
});

Deno.test("what the user had not set is not set", () => {
  const { env, left } = environment(LAUNCHED);
  assertEquals(leaveLauncher(env), "/opt/rda");
  assertEquals(left(), { PATH: "/bin" });
});

Deno.test("without a launcher the environment stays as it is", () => {
  const own = { DENO_DIR: "/home/dev/deno", DENO_NO_UPDATE_CHECK: "1" };
  const { env, left } = environment(own);
  assertEquals(leaveLauncher(env), undefined);
  assertEquals(left(), own);
});
