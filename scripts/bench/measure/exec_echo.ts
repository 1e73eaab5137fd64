/**
 * The echo of one line in `docker exec -i CONTAINER cat`, which is what typing in a remote shell
 * feels like. The API is used as the CLI uses it (create, then start with an upgrade on a
 * connection of its own), so that the start of processes is not measured.
 */
import { ApiConnection } from "../api_connection.ts";
import type { Peer } from "../peers/peer.ts";
import type { Measurement } from "./measurement.ts";
import { sampleTimes } from "./sampling.ts";

const LIMITS = { samples: 200, milliseconds: 1500 };
const WARM_UP_LINES = 3;
const LINE = new TextEncoder().encode("the quick brown fox\n");
/** The header of a frame of Docker's multiplexed stream, which precedes each piece of output. */
const FRAME_HEADER_BYTES = 8;

/** See the file comment. */
export const execEcho: Measurement = {
  id: "exec-echo",
  rows: [{ id: "exec-echo", title: "`exec` echo of a line", unit: "ms" }],
  rounds: { full: 3, quick: 1 },
  async measure(peer, { stage, signal }) {
    const exec = await createExec(peer, stage.container);
    const connection = new ApiConnection(await peer.dial());
    try {
      await connection.upgrade(`/exec/${exec}/start`, { Detach: false, Tty: false });
      for (let i = 0; i < WARM_UP_LINES; i++) await echo(connection);
      return { "exec-echo": await sampleTimes(LIMITS, signal, () => echo(connection)) };
    } finally {
      await connection.close();
    }
  },
};

async function createExec(peer: Peer, container: string): Promise<string> {
  const connection = new ApiConnection(await peer.dial());
  try {
    const options = { AttachStdin: true, AttachStdout: true, Tty: false, Cmd: ["cat"] };
    const reply = await connection.request("POST", `/containers/${container}/exec`, options);
    const { Id } = JSON.parse(reply.body) as { Id?: string };
    if (Id === undefined) throw new Error(`Cannot create an exec: ${reply.body.trim()}`);
    return Id;
  } finally {
    await connection.close();
  }
}

async function echo(connection: ApiConnection): Promise<void> {
  await connection.write(LINE);
  await connection.readExactly(FRAME_HEADER_BYTES + LINE.length);
}
