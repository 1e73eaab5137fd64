/** Clients of the network bridge: curl as users have it, and SOCKS byte by byte. */
import { encodeDatagram, encodeDestination, parseDatagram } from "../../lib/bridge/socks_wire.ts";
import { askUntilAnswered } from "./ask_udp.ts";
import { type Finished, runCommand } from "./child.ts";

const HOST = "127.0.0.1";

/** curl without the user's own settings; what it prints beside the answer is its error alone. */
export function curl(...args: string[]): Promise<Finished> {
  const env = { PATH: "/usr/bin:/bin", HOME: "/nonexistent" };
  return runCommand("curl", ["-q", "-sS", "--max-time", "90", ...args], { env });
}

/** A connection on which exact numbers of bytes are read. */
export class RawClient implements Disposable {
  readonly #conn: Deno.TcpConn;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async open(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: HOST, port }));
  }

  async write(...bytes: number[]): Promise<void> {
    const chunk = Uint8Array.from(bytes);
    for (let at = 0; at < chunk.length;) at += await this.#conn.write(chunk.subarray(at));
  }

  /** Up to `count` bytes: fewer only at the end of the stream. */
  async read(count: number): Promise<number[]> {
    const bytes: number[] = [];
    const buffer = new Uint8Array(count);
    while (bytes.length < count) {
      const got = await this.#conn.read(buffer.subarray(0, count - bytes.length));
      if (got === null) break;
      bytes.push(...buffer.subarray(0, got));
    }
    return bytes;
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

/** The reply code to a SOCKS request without a password; `command` 1 is CONNECT. */
export async function socksReply(
  port: number,
  to: { host: string; port: number },
  command = 1,
): Promise<number> {
  using client = await RawClient.open(port);
  await client.write(5, 1, 0);
  await client.read(2);
  await client.write(5, command, 0, ...encodeDestination(to));
  return (await client.read(10))[1] ?? -1;
}

/** A client of UDP ASSOCIATE: sends to `to` until it is answered, as UDP's clients do. */
export async function askUdp(
  port: number,
  to: { host: string; port: number },
  text: string,
): Promise<string> {
  using control = await RawClient.open(port);
  await control.write(5, 1, 0);
  await control.read(2);
  await control.write(5, 3, 0, ...encodeDestination({ host: "0.0.0.0", port: 0 }));
  const reply = await control.read(10);
  if (reply[1] !== 0) throw new Error(`Reply ${reply[1]}`);
  const relay = ((reply[8] ?? 0) << 8) | (reply[9] ?? 0);
  const data = encodeDatagram(to, new TextEncoder().encode(text));
  return await askUntilAnswered({ host: HOST, port: relay }, data, (bytes) => {
    const answer = parseDatagram(bytes);
    if (answer?.to.host !== to.host) throw new Error(`From ${answer?.to.host}`);
    return new TextDecoder().decode(answer.data);
  });
}
