/** Counts what a proxy tells, and tells of the clients that were sent away. */
import type { Emit } from "../../agent_event.ts";
import type { FailureKind, LimitEvent, ProxyObserver, RouteLabel } from "../../proxy/observer.ts";

/** See the file comment. */
export class TellingObserver implements ProxyObserver {
  readonly #inner: ProxyObserver;
  readonly #emit: Emit;

  constructor(inner: ProxyObserver, emit: Emit) {
    this.#inner = inner;
    this.#emit = emit;
  }

  clientConnected(): void {
    this.#inner.clientConnected();
  }

  clientLeft(milliseconds: number): void {
    this.#inner.clientLeft(milliseconds);
  }

  received(bytes: number): void {
    this.#inner.received(bytes);
  }

  sent(bytes: number): void {
    this.#inner.sent(bytes);
  }

  answered(route: RouteLabel, status: number, milliseconds: number): void {
    this.#inner.answered(route, status, milliseconds);
  }

  limited(event: LimitEvent): void {
    this.#inner.limited(event);
    if (event !== "connection_refused") return;
    const reason = "Too many connections are being served (--max-connections)";
    this.#emit({ kind: "client.refused", reason });
  }

  failed(kind: FailureKind, message: string): void {
    this.#inner.failed(kind, message);
    if (kind === "socket") this.#emit({ kind: "client.refused", reason: message });
  }
}
