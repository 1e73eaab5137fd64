import { utils } from "../../../lib/transport/ssh/ssh2.ts";
import { generateKeyFiles, isSound } from "../../../lib/relay/key_pair.ts";
import { parseAuthorizedKeys } from "../../../lib/relay/authorized_keys.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";

async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "rda-keys-" });
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const modeOf = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;

Deno.test("a key pair is its owner's alone and may sign in", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/new/.ssh/id_ed25519`;
    const files = await generateKeyFiles(path, "ed25519");
    assertEquals(await modeOf(path), 0o600);
    assertEquals(await modeOf(`${directory}/new/.ssh`), 0o700);
    assertEquals(await modeOf(files.authorizedKeysFile), 0o600);
    const key = utils.parseKey(await Deno.readTextFile(path));
    assertEquals(key instanceof Error ? key.message : key.type, "ssh-ed25519");
    const { keys } = parseAuthorizedKeys(await Deno.readTextFile(files.authorizedKeysFile));
    assertEquals(keys.length, 1);
  }));

Deno.test("RSA keys have 4096 bits", () =>
  inDirectory(async (directory) => {
    const { publicLine } = await generateKeyFiles(`${directory}/id_rsa`, "rsa");
    // The modulus of 4096 bits, its sign byte, the exponent and the name.
    assertEquals(atob(publicLine.split(" ")[1] ?? "").length, 4 + 7 + 4 + 3 + 4 + 513);
  }));

Deno.test("nothing that is there is written over", () =>
  inDirectory(async (directory) => {
    for (const name of ["id_ed25519", "id_ed25519.pub"]) {
      const path = `${directory}/${name}`;
      await Deno.writeTextFile(path, "precious");
      await assertRejects(
        () => generateKeyFiles(`${directory}/id_ed25519`, "ed25519"),
        Error,
        `Cannot write key file "${path}": it is there already`,
      );
      assertEquals(await Deno.readTextFile(path), "precious");
      await Deno.remove(path);
    }
    assertEquals([...Deno.readDirSync(directory)], []);
  }));

Deno.test("authorized_keys is added to, whether or not its last line ends", () =>
  inDirectory(async (directory) => {
    const authorized = `${directory}/authorized_keys`;
    await Deno.writeTextFile(authorized, "# mine", { mode: 0o600 });
    const a = await generateKeyFiles(`${directory}/a`, "ed25519");
    const b = await generateKeyFiles(`${directory}/b`, "ed25519");
    assertEquals(
      await Deno.readTextFile(authorized),
      `# mine\n${a.publicLine}\n${b.publicLine}\n`,
    );
  }));

Deno.test("a key whose leading zero was lost is noticed", () => {
  // Made by ssh2; OpenSSH cannot read it either.
  const spoilt = `-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMgAAAAtz
c2gtZWQyNTUxOQAAAB/Z4r5V4TG/dvT64Deof+xs/wy4RS7c4NtPydJiTp9+AAAA
kGVwbkplcG5KAAAAC3NzaC1lZDI1NTE5AAAAH9nivlXhMb929PrgN6h/7Gz/DLhF
Ltzg20/J0mJOn34AAAA/UermLFVCN2oo8kNTX6uf0766B/I3FHdMoBV+6X2jGd7Z
4r5V4TG/dvT64Deof+xs/wy4RS7c4NtPydJiTp9+AAAADHJlbGF5LXNlcnZlcgEC
Aw==
-----END OPENSSH PRIVATE KEY-----
`;
  const good = utils.generateKeyPairSync("rsa", { bits: 2048 });
  assertEquals(isSound(good), true);
  assertEquals(isSound({ private: spoilt, public: good.public }), false);
});
