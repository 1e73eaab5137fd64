import { type Acceptor, denoListener } from "../../../lib/listen/deno_listener.ts";
import { logger } from "../../../lib/log.ts";
import { assertEquals } from "../../support/assert.ts";

/** Running out of descriptors cannot be caused here without disturbing the test runner itself. */
class FailingAcceptor implements Acceptor {
  #failures: number;
  #inner: Deno.TcpListener;
  constructor(failures: number, inner: Deno.TcpListener) {
    this.#failures = failures;
    this.#inner = inner;
  }
  accept(): Promise<Deno.Conn> {
    if (this.#failures-- > 0) {
      return Promise.reject(new Error("Too many open files (os error 24)"));
    }
    return this.#inner.accept();
  }
  close(): void {
    this.#inner.close();
  }
}

Deno.test("the accept loop pauses longer and longer while accept fails, then goes on", async () => {
  const inner = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const pauses: number[] = [];
  const listener = denoListener(new FailingAcceptor(10, inner), {
    address: { kind: "tcp", host: "127.0.0.1", port: inner.addr.port },
    log: logger("test"),
    welcome: () => "client",
    pause: (milliseconds) => {
      pauses.push(milliseconds);
      return Promise.resolve();
    },
  });
  const served = Promise.withResolvers<string>();
  listener.serve((duplex, info) => {
    duplex.close();
    served.resolve(info.remote);
  });
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: inner.addr.port });
  assertEquals(await served.promise, "client");
  assertEquals(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
  conn.close();
  await listener.close();
});

Deno.test("closing ends a pause at once", async () => {
  const inner = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const paused = Promise.withResolvers<void>();
  const failing: Acceptor = {
    accept: () => {
      paused.resolve();
      return Promise.reject(new Error("Too many open files (os error 24)"));
    },
    close: () => inner.close(),
  };
  const listener = denoListener(failing, {
    address: { kind: "tcp", host: "127.0.0.1", port: inner.addr.port },
    log: logger("test"),
    welcome: () => "client",
  });
  listener.serve((duplex) => duplex.close());
  await paused.promise;
  await listener.close();
});

Deno.test("a client that cannot be welcomed is dropped and the next one served", async () => {
  const inner = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let count = 0;
  const listener = denoListener(inner, {
    address: { kind: "tcp", host: "127.0.0.1", port: inner.addr.port },
    log: logger("test"),
    welcome: () => {
      if (count++ === 0) throw new Deno.errors.BadResource("gone");
      return "second";
    },
  });
  const served = Promise.withResolvers<string>();
  listener.serve((duplex, info) => {
    duplex.close();
    served.resolve(info.remote);
  });
  for (let i = 0; i < 2; i++) {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: inner.addr.port });
    assertEquals(await conn.read(new Uint8Array(1)), null);
    conn.close();
  }
  assertEquals(await served.promise, "second");
  await listener.close();
});
