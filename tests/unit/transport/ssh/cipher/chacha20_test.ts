import { Buffer } from "node:buffer";
import { chacha20 } from "../../../../../lib/transport/ssh/cipher/chacha20.ts";
import { assertEquals } from "../../../../support/assert.ts";

// RFC 8439, section 2.4.2.
Deno.test("the example of the standard", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  const counterAndNonce = Buffer.from("01000000000000000000004a00000000", "hex");
  const text = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for " +
    "the future, sunscreen would be it.";
  const expected = "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b" +
    "f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8" +
    "07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736" +
    "5af90bbf74a35be6b40b8eedf2785e42874d";
  assertEquals(chacha20(key, counterAndNonce, Buffer.from(text)).toString("hex"), expected);
});

Deno.test("the argument is left as it is, and the same call decrypts", () => {
  const [key, nonce] = [new Uint8Array(32).fill(255), new Uint8Array(16).fill(255, 4)];
  const data = Buffer.from("attack at dawn ".repeat(10));
  const encrypted = chacha20(key, nonce, data);
  assertEquals(data.toString(), "attack at dawn ".repeat(10));
  assertEquals(chacha20(key, nonce, encrypted), data);
});
