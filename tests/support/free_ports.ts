/**
 * Ports that tests listen on later. They lie below those that the system gives away by itself, to
 * `port: 0` and to every outgoing connection, on Linux from 32768 on: another test, running at the
 * same time, would be given one of them before it is used here.
 */
const FIRST = 20_000;
const COUNT = 12_000;
const ATTEMPTS = 100;

/** Those that were given away: whoever asked for one may not have used it yet. */
const given = new Set<number>();

/** `count` neighbouring ports that were free a moment ago, on 127.0.0.1 as on all other addresses. */
export function freePorts(count = 1): number[] {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const first = FIRST + Math.floor(Math.random() * COUNT);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if (ports.some((port) => given.has(port)) || !ports.every(isFree)) continue;
    for (const port of ports) given.add(port);
    return ports;
  }
  throw new Error(`No ${count} free ports`);
}

/** One free port; see {@link freePorts}. */
export function freePort(): number {
  return freePorts()[0] ?? 0;
}

function isFree(port: number): boolean {
  return ["0.0.0.0", "::1"].every((hostname) => {
    try {
      Deno.listen({ hostname, port }).close();
      return true;
    } catch (error) {
      return !(error instanceof Deno.errors.AddrInUse); // without IPv6 nobody has it there
    }
  });
}
