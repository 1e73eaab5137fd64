/** How far ahead of its reader a host may send. */
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { BULK_WINDOW_BYTES, widenWindow } from "../../../../lib/transport/ssh/receive_window.ts";
import { assert, assertEquals } from "../../../support/assert.ts";

const KIB = 1024;

/** The inside of a channel, and what the host has been granted. */
function channel(window: number) {
  const granted: number[] = [];
  const inside = {
    incoming: { window },
    outgoing: { id: 7, state: "open" },
    _client: {
      _protocol: {
        channelWindowAdjust(id: number, bytes: number) {
          assertEquals(id, 7);
          granted.push(bytes);
        },
      },
    },
  };
  return { inside, granted, channel: inside as unknown as ClientChannel };
}

Deno.test("the window is widened at once and follows what is read", () => {
  const { inside, granted, channel: wide } = channel(0);
  const read = widenWindow(wide);
  assertEquals(granted, [BULK_WINDOW_BYTES]);
  inside.incoming.window -= 1000 * KIB;
  for (let i = 0; i < 8; i++) read(32 * KIB);
  assertEquals(granted.slice(1), [256 * KIB]);
});

Deno.test("a reader that stops is sent no more than was granted", () => {
  const { inside, granted, channel: wide } = channel(0);
  const read = widenWindow(wide);
  // The host has used up its window; what comes is still unread.
  inside.incoming.window = 0;
  read(300 * KIB);
  assertEquals(granted.slice(1), [300 * KIB]);
  const total = granted.reduce((sum, bytes) => sum + bytes, 0);
  assert(total <= BULK_WINDOW_BYTES + 300 * KIB, `${total} bytes are out`);
});

Deno.test("a full window is left as it is, and so is a closed channel", () => {
  const { inside, granted, channel: wide } = channel(0);
  const read = widenWindow(wide);
  read(256 * KIB);
  inside.incoming.window = 0;
  inside.outgoing.state = "closed";
  read(256 * KIB);
  assertEquals(granted, [BULK_WINDOW_BYTES]);
});

Deno.test("a channel of another make works as it is", () => {
  widenWindow({} as ClientChannel)(1024 * KIB);
});
