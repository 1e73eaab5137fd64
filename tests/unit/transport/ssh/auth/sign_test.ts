import { Buffer } from "node:buffer";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { assert, assertEquals, assertThrows } from "../../../../support/assert.ts";
import { signWith, wellFormed } from "../../../../../lib/transport/ssh/auth/sign.ts";
import { utils } from "../../../../../lib/transport/ssh/ssh2.ts";
import { runOk } from "../../../../support/child.ts";
import { temporaryDirectory } from "../fixture.ts";

const data = Buffer.from("to be signed");
const pemOf = (label: string, der: Uint8Array) =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64")}\n-----END ${label}-----\n`;
const derOf = (pem: string) => Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");

Deno.test("a scalar with a sign byte, or without its zeros, gets its proper length", () => {
  const tail = Buffer.from("a00a06082a8648ce3d030107", "hex");
  const key = (scalar: Buffer) =>
    pemOf(
      "EC PRIVATE KEY",
      Buffer.concat([
        Buffer.from([0x30, 3 + 2 + scalar.length + tail.length, 2, 1, 1, 4, scalar.length]),
        scalar,
        tail,
      ]),
    );
  const full = Buffer.alloc(32, 0xee);
  const small = Buffer.concat([Buffer.alloc(2), Buffer.alloc(30, 0x11)]);
  const table: [given: Buffer, wanted: Buffer][] = [
    [full, full],
    [Buffer.concat([Buffer.alloc(1), full]), full],
    [small.subarray(2), small],
    [small, small],
  ];
  for (const [given, wanted] of table) {
    assertEquals(derOf(wellFormed(key(given), 32)), derOf(key(wanted)));
  }
});

Deno.test("bytes after an RSA key are dropped", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const der = privateKey.export({ type: "pkcs1", format: "der" });
  const padded = Buffer.concat([der, Buffer.alloc(8, 8)]);
  assertEquals(derOf(wellFormed(pemOf("RSA PRIVATE KEY", padded))), Buffer.from(der));
});

Deno.test("what is no key is refused", () => {
  for (
    const bytes of [[], [0x30], [0x30, 0x82], [0x30, 5, 1], [0x31, 0], [0x30, 0x84, 0, 0, 0, 0]]
  ) {
    assertThrows(() => wellFormed(pemOf("X", Uint8Array.from(bytes))), Error, "Malformed key");
  }
  assertThrows(() => wellFormed("nothing"), Error, "Malformed key");
});

const hasKeygen = await new Deno.Command("ssh-keygen", { args: ["-?"], stderr: "null" }).output()
  .then(() => true, () => false);

Deno.test({
  name: "keys that ssh-keygen made sign, in every format it writes",
  ignore: !hasKeygen,
  fn: async () => {
    await using directory = await temporaryDirectory();
    const formats = [["RFC4716", ""], ["PEM", ""], ["RFC4716", "secret"], [
      "PEM",
      "secret",
    ]] as const;
    const types = [["rsa", "1024", "sha256"], ["ecdsa", "256", "sha256"], [
      "ecdsa",
      "384",
      "sha384",
    ]];
    for (const [type = "", bits = "", hash = ""] of types) {
      for (const [format, passphrase] of formats) {
        const file = `${directory.path}/${type}${bits}${format}${passphrase}`;
        const args = ["-q", "-t", type, "-b", bits, "-m", format, "-N", passphrase, "-f", file];
        await runOk("ssh-keygen", args);
        const key = utils.parseKey(await Deno.readTextFile(file), passphrase || undefined);
        if (key instanceof Error) throw key;
        const signature = signWith(key, data, hash);
        assert(verify(hash, data, createPublicKey(key.getPublicPEM()), signature), file);
      }
    }
  },
});
