/** What has gone through a relay since it was started; read by health checks and metrics. */
import { messageOf } from "../errors.ts";

/** A copy of the figures at one moment. Durations are milliseconds. */
export interface RelaySnapshot {
  readonly startedAt: Date;
  readonly uptimeMs: number;
  readonly activeConnections: number;
  readonly totalConnections: number;
  /** Bytes from clients to the socket. */
  readonly bytesRead: number;
  /** Bytes from the socket to clients. */
  readonly bytesWritten: number;
  /** Failures on the side of clients: handshakes, sign-ins, lost connections. */
  readonly connectionErrors: number;
  /** Failures on the side of the socket. */
  readonly socketErrors: number;
  /** Mean over the connections that have ended; 0 if none has. */
  readonly averageDurationMs: number;
  readonly lastError: string;
}

/** One forwarded connection; `end` is to be called once. */
export interface Counted {
  end(bytes: { read: number; written: number }): void;
}

/** See the file comment. */
export class RelayStats {
  readonly #startedAt = new Date();
  readonly #start = performance.now();
  #active = 0;
  #ended = 0;
  #durationMs = 0;
  #bytesRead = 0;
  #bytesWritten = 0;
  #connectionErrors = 0;
  #socketErrors = 0;
  #lastError = "";

  get active(): number {
    return this.#active;
  }

  /** Counts a connection that begins now. */
  begin(): Counted {
    const since = performance.now();
    this.#active++;
    return {
      end: ({ read, written }) => {
        this.#active--;
        this.#ended++;
        this.#durationMs += performance.now() - since;
        this.#bytesRead += read;
        this.#bytesWritten += written;
      },
    };
  }

  failed(side: "connection" | "socket", error: unknown): void {
    if (side === "connection") this.#connectionErrors++;
    else this.#socketErrors++;
    this.#lastError = messageOf(error);
  }

  snapshot(): RelaySnapshot {
    return {
      startedAt: this.#startedAt,
      uptimeMs: performance.now() - this.#start,
      activeConnections: this.#active,
      totalConnections: this.#active + this.#ended,
      bytesRead: this.#bytesRead,
      bytesWritten: this.#bytesWritten,
      connectionErrors: this.#connectionErrors,
      socketErrors: this.#socketErrors,
      averageDurationMs: this.#ended === 0 ? 0 : this.#durationMs / this.#ended,
      lastError: this.#lastError,
    };
  }
}
