import { Buffer } from "node:buffer";
import { assert, assertEquals } from "../../../../support/assert.ts";
import {
  fingerprintOf,
  formatKnownHost,
  hostEntryName,
  keyTypeOf,
  knownKeyTypes,
  lookupKey,
  matchesGlob,
  matchesName,
  parseKnownHosts,
} from "../../../../../lib/transport/ssh/host_key/known_hosts.ts";

const ED1 = "AAAAC3NzaC1lZDI1NTE5AAAAIJL/+yQ0xkh8ukljaUITEPBzQsu1NpXGXwIoD1BMyXKq";
const ED2 = "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const EC = "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBNTqpTJ3nayipNMIjE97wVIzKOryudC" +
  "hQOESCutHR8BjGLhM3fi9SOTJSIri7bUYzW2tPhG6KrKPhXo47YLsWlE=";
const blob = (text: string) => Buffer.from(text, "base64");
const kindOf = (text: string, host: string, port: number, key: string) =>
  lookupKey(parseKnownHosts(text, "kh"), hostEntryName(host, port), blob(key)).kind;

Deno.test("a key is looked up as OpenSSH does", () => {
  const table: [
    why: string,
    text: string,
    host: string,
    port: number,
    key: string,
    kind: string,
  ][] = [
    ["no line", "", "h", 22, ED1, "unknown"],
    ["same key", `h ssh-ed25519 ${ED1}`, "h", 22, ED1, "match"],
    ["host names have no case", `H.Example ssh-ed25519 ${ED1}`, "h.eXample", 22, ED1, "match"],
    ["a comment follows", `h ssh-ed25519 ${ED1} me@there now`, "h", 22, ED1, "match"],
    ["leading blanks and tabs", ` \th\tssh-ed25519\t${ED1}`, "h", 22, ED1, "match"],
    ["CRLF", `h ssh-ed25519 ${ED1}\r\n`, "h", 22, ED1, "match"],
    ["in a list", `a,10.0.0.1,h ssh-ed25519 ${ED1}`, "10.0.0.1", 22, ED1, "match"],
    ["another key of the type", `h ssh-ed25519 ${ED2}`, "h", 22, ED1, "changed"],
    ["a key of another type", `h ecdsa-sha2-nistp256 ${EC}`, "h", 22, ED1, "changed"],
    [
      "several types",
      `h ecdsa-sha2-nistp256 ${EC}\nh ssh-ed25519 ${ED1}`,
      "h",
      22,
      ED1,
      "match",
    ],
    ["port 22 is the bare name", `[h]:2222 ssh-ed25519 ${ED1}`, "h", 22, ED1, "unknown"],
    ["another port is in brackets", `[h]:2222 ssh-ed25519 ${ED1}`, "h", 2222, ED1, "match"],
    ["star", `*.example.com ssh-ed25519 ${ED1}`, "a.example.com", 22, ED1, "match"],
    ["question mark", `h? ssh-ed25519 ${ED1}`, "h1", 22, ED1, "match"],
    ["question mark is exactly one", `h? ssh-ed25519 ${ED1}`, "h", 22, ED1, "unknown"],
    ["negation wins", `*,!h ssh-ed25519 ${ED1}`, "h", 22, ED1, "unknown"],
    ["negation spares others", `*,!h ssh-ed25519 ${ED1}`, "g", 22, ED1, "match"],
    ["revoked", `@revoked * ssh-ed25519 ${ED1}`, "h", 22, ED1, "revoked"],
    [
      "revoked outweighs a match",
      `h ssh-ed25519 ${ED1}\n@revoked * ssh-ed25519 ${ED1}`,
      "h",
      22,
      ED1,
      "revoked",
    ],
    ["another key is revoked", `@revoked * ssh-ed25519 ${ED2}`, "h", 22, ED1, "unknown"],
    ["only an authority", `@cert-authority * ssh-ed25519 ${ED1}`, "h", 22, ED1, "cert-authority"],
    [
      "an authority and the key",
      `@cert-authority * ssh-ed25519 ${ED2}\nh ssh-ed25519 ${ED1}`,
      "h",
      22,
      ED1,
      "match",
    ],
    ["an unknown marker is no line", `@other h ssh-ed25519 ${ED2}`, "h", 22, ED1, "unknown"],
    ["a type that is not the key's", `h ssh-rsa ${ED2}`, "h", 22, ED1, "unknown"],
    ["broken base64", `h ssh-ed25519 !!!!`, "h", 22, ED1, "unknown"],
    ["the RSA1 format", `h 1024 35 1234567890`, "h", 22, ED1, "unknown"],
    ["a commented line", `#h ssh-ed25519 ${ED2}`, "h", 22, ED1, "unknown"],
    ["a commented list", `#x,h ssh-ed25519 ${ED1}`, "h", 22, ED1, "unknown"],
    ["a line without a key", "h ssh-ed25519", "h", 22, ED1, "unknown"],
    ["a line of a name alone", `h\nh ssh-ed25519 ${ED1}`, "h", 22, ED1, "match"],
  ];
  for (const [why, text, host, port, key, kind] of table) {
    assertEquals(kindOf(text, host, port, key), kind, why);
  }
});

Deno.test("a changed key names every known key with its file and line", () => {
  const lines = parseKnownHosts(`# x\n\nh ssh-ed25519 ${ED2}\nh ecdsa-sha2-nistp256 ${EC}`, "/kh");
  assertEquals(lookupKey(lines, "h", blob(ED1)), {
    kind: "changed",
    known: [
      { type: "ssh-ed25519", fingerprint: fingerprintOf(blob(ED2)), file: "/kh", line: 3 },
      { type: "ecdsa-sha2-nistp256", fingerprint: fingerprintOf(blob(EC)), file: "/kh", line: 4 },
    ],
  });
  assertEquals(knownKeyTypes(lines, "h"), ["ssh-ed25519", "ecdsa-sha2-nistp256"]);
  const others = `@cert-authority h ssh-ed25519 ${ED2}\n@revoked h ssh-ed25519 ${ED1}\n` +
    `g ssh-ed25519 ${ED1}\nh ecdsa-sha2-nistp256 ${EC}\nh ecdsa-sha2-nistp256 ${EC}`;
  assertEquals(knownKeyTypes(parseKnownHosts(others, "/kh"), "h"), ["ecdsa-sha2-nistp256"]);
});

Deno.test("a formatted line matches its host only, plain and hashed", () => {
  for (const hashed of [false, true]) {
    const line = formatKnownHost("[h]:2222", blob(ED1), hashed);
    assertEquals(line.startsWith("|1|"), hashed);
    assertEquals(kindOf(line, "h", 2222, ED1), "match");
    assertEquals(kindOf(line, "h", 22, ED1), "unknown");
  }
});

Deno.test("globs of many stars end quickly", () => {
  assert(!matchesGlob("*a".repeat(30) + "b", "a".repeat(5000)));
  for (const [pattern, text] of [["*ab", "aab"], ["a*b*c", "a-b-b-c"], ["*?", "a"], ["a**", "a"]]) {
    assert(matchesGlob(pattern ?? "", text ?? ""), `${pattern} ${text}`);
  }
  // No star matches what stands before it, nor do two halves make one match.
  for (
    const [pattern, text] of [["xy*ya", "xya"], ["*ab", "axb"], ["a*b*c", "a-c-b"], ["*?", ""]]
  ) {
    assert(!matchesGlob(pattern ?? "", text ?? ""), `${pattern} ${text}`);
  }
  assert(matchesGlob("*.*.com", "a.b.com") && matchesGlob("*", "") && !matchesGlob("?", ""));
});

Deno.test("a truncated key blob has no type", () => {
  for (const length of [0, 3, 4, 14, 15]) {
    assertEquals(keyTypeOf(blob(ED1).subarray(0, length)), undefined);
  }
  assertEquals(keyTypeOf(blob(ED1)), "ssh-ed25519");
  const named = (length: number) => {
    const bytes = Buffer.alloc(4 + length + 1, "x");
    bytes.writeUInt32BE(length);
    return keyTypeOf(bytes)?.length;
  };
  assertEquals([0, 1, 64, 65].map(named), [undefined, 1, 64, undefined]);
});

const keygen = async (...args: string[]) => {
  const { stdout } = await new Deno.Command("ssh-keygen", { args, stderr: "null" }).output();
  return new TextDecoder().decode(stdout);
};

const hasKeygen = await keygen("-?").then(() => true, () => false);

Deno.test({
  name: "ssh-keygen agrees on hashed names, lookups and fingerprints",
  ignore: !hasKeygen,
  fn: async () => {
    const dir = await Deno.makeTempDir();
    try {
      const file = `${dir}/known_hosts`;
      const text = `h,10.0.0.1 ssh-ed25519 ${ED1}\n[h]:2222 ecdsa-sha2-nistp256 ${EC}\n`;
      await Deno.writeTextFile(file, text);
      await keygen("-q", "-H", "-f", file);
      const hashed = await Deno.readTextFile(file);
      assert(hashed.startsWith("|1|"));
      assertEquals(kindOf(hashed, "h", 22, ED1), "match");
      assertEquals(kindOf(hashed, "10.0.0.1", 22, ED1), "match");
      assertEquals(kindOf(hashed, "h", 2222, EC), "match");
      assertEquals(kindOf(hashed, "other", 22, ED1), "unknown");

      await Deno.writeTextFile(file, formatKnownHost("[h]:2222", blob(ED1), true) + "\n");
      assert((await keygen("-F", "[h]:2222", "-f", file)).includes("found: line 1"));
      assertEquals(await keygen("-F", "h", "-f", file), "");
      assert((await keygen("-l", "-f", file)).includes(fingerprintOf(blob(ED1))));
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test("an unsalted or cut hash matches nothing", () => {
  for (const field of ["|1|", "|1||", "|1|AAAA", "|2|a|b"]) assert(!matchesName(field, "h"));
});
