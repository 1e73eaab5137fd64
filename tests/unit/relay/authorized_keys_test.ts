import { Buffer } from "node:buffer";
import {
  type AuthorizedKey,
  maySendTo,
  parseAuthorizedKeys,
} from "../../../lib/relay/authorized_keys.ts";
import { assertEquals } from "../../support/assert.ts";

const ED = "AAAAC3NzaC1lZDI1NTE5AAAAIB2GMpBB0USH7mMq2f4D5eOAcQbG8o0lkOFFyFEl7sKz";
const KEY = `ssh-ed25519 ${ED}`;

/** An RSA key whose modulus has `bits` bits. */
function rsa(bits: number): string {
  const string = (bytes: Uint8Array) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const modulus = Buffer.concat([Buffer.from([0]), Buffer.alloc(bits / 8, 0xff)]);
  const parts = [Buffer.from("ssh-rsa"), Buffer.from([1, 0, 1]), modulus].map(string);
  return `ssh-rsa ${Buffer.concat(parts).toString("base64")}`;
}

const ACCEPTED: [string, Partial<AuthorizedKey>][] = [
  [KEY, { type: "ssh-ed25519", comment: "", forwarding: true }],
  [`${KEY} dev@home two words`, { comment: "dev@home two words" }],
  [`\t ${KEY}\r`, { comment: "" }],
  [rsa(4096), { type: "ssh-rsa" }],
  [rsa(1024), { type: "ssh-rsa" }],
  [`restrict ${KEY}`, { forwarding: false }],
  [`no-port-forwarding,no-pty ${KEY}`, { forwarding: false }],
  [`restrict,port-forwarding ${KEY}`, { forwarding: true }],
  [`port-forwarding,restrict ${KEY}`, { forwarding: false }],
  [`No-PTY,no-agent-forwarding,no-X11-forwarding,no-user-rc ${KEY}`, { forwarding: true }],
  [`permitlisten="8080" ${KEY}`, { forwarding: true }],
  [`from="10.0.0.0/8,!10.1.*,::1" ${KEY}`, { from: ["10.0.0.0/8", "!10.1.*", "::1"] }],
  [
    `permitopen="db:5432",permitopen="[::1]:*" ${KEY}`,
    { permitOpen: ["db:5432", "::1:*"] },
  ],
  [`expiry-time="20300101Z" ${KEY}`, { expires: Date.UTC(2030, 0, 1) }],
  [`expiry-time="203001021530Z" ${KEY}`, { expires: Date.UTC(2030, 0, 2, 15, 30) }],
];

Deno.test("a line whose options can all be honoured is a key", () => {
  for (const [line, expected] of ACCEPTED) {
    const { keys: [key], refused } = parseAuthorizedKeys(line);
    assertEquals(refused, [], line);
    for (const [name, value] of Object.entries(expected)) {
      assertEquals(key?.[name as keyof AuthorizedKey], value, `${name} of ${line}`);
    }
  }
});

const REFUSED: [string, string][] = [
  [`command="docker ps" ${KEY}`, 'option "command" is not supported'],
  [`environment="A=b" ${KEY}`, 'option "environment" is not supported'],
  [`cert-authority ${KEY}`, 'option "cert-authority" is not supported'],
  [`tunnel="1" ${KEY}`, 'option "tunnel" is not supported'],
  [`verify-required ${KEY}`, 'option "verify-required" is not supported'],
  [`no-such-option ${KEY}`, 'option "no-such-option" is not supported'],
  [`from="10.0.0.0/33" ${KEY}`, 'bad block "10.0.0.0/33"'],
  [`from="10.0.0.1,,10.0.0.2" ${KEY}`, "an empty pattern"],
  [`from ${KEY}`, "an empty pattern"],
  [`permitopen="db" ${KEY}`, 'bad permitopen "db"'],
  [`expiry-time="soon" ${KEY}`, 'bad expiry-time "soon"'],
  [`restrict,,no-pty ${KEY}`, 'bad options at ",no-pty"'],
  [`from="10.0.0.1 ${KEY}`, "a quote is not closed"],
  ["restrict", "there is no key on it"],
  ["restrict nonsense", "there is no key on it"],
  ["ssh-ed25519", "the key is damaged"],
  ["ssh-ed25519 AAAA", "the key is damaged"],
  [`ssh-rsa ${ED}`, "the key is damaged"],
  [`ssh-ed25519 ${ED.slice(0, 30)}*${ED.slice(31)}`, "the key is damaged"],
  [rsa(512), "an RSA key of 512 bits is too small"],
  [`ssh-dss ${ED}`, 'keys of type "ssh-dss" are not supported'],
  [
    `sk-ssh-ed25519@openssh.com ${ED}`,
    'keys of type "sk-ssh-ed25519@openssh.com" are not supported',
  ],
  [
    `ssh-ed25519-cert-v01@openssh.com ${ED}`,
    'keys of type "ssh-ed25519-cert-v01@openssh.com" are not supported',
  ],
];

Deno.test("a line that asks for anything else is refused as a whole", () => {
  for (const [line, why] of REFUSED) {
    assertEquals(parseAuthorizedKeys(line), { keys: [], refused: [{ line: 1, why }] }, line);
  }
});

Deno.test("blank lines and comments count as lines and nothing else", () => {
  const { keys, refused } = parseAuthorizedKeys(
    `# mine\n\n${KEY} a\nnonsense\r\n  # b\n${KEY} c\n`,
  );
  assertEquals(keys.map(({ line, comment }) => [line, comment]), [[3, "a"], [6, "c"]]);
  assertEquals(refused.map(({ line }) => line), [4]);
});

Deno.test("permitopen limits TCP destinations, and restrict leaves none", () => {
  const keyOf = (line: string) => parseAuthorizedKeys(line).keys[0] as AuthorizedKey;
  const cases: [string, string, number, boolean][] = [
    [KEY, "db", 5432, true],
    [`restrict ${KEY}`, "db", 5432, false],
    [`permitopen="db:5432" ${KEY}`, "DB", 5432, true],
    [`permitopen="db:5432" ${KEY}`, "db", 5433, false],
    [`permitopen="db:*" ${KEY}`, "db", 1, true],
    [`permitopen="*:80" ${KEY}`, "anything", 80, true],
    [`permitopen="[::1]:80" ${KEY}`, "::1", 80, true],
    [`restrict,permitopen="db:5432" ${KEY}`, "db", 5432, false],
  ];
  for (const [line, host, port, expected] of cases) {
    assertEquals(maySendTo(keyOf(line), host, port), expected, `${line} to ${host}:${port}`);
  }
});
