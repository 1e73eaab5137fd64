/**
 * What one running command has counted since it began. It is handed to the rooms that work (a proxy
 * takes it as its observer) and read by the operations server; nothing here starts by itself, waits
 * or keeps a timer.
 */
import {
  type FailureKind,
  LIMIT_EVENTS,
  type LimitEvent,
  type ProxyObserver,
  type RouteLabel,
} from "../../proxy/observer.ts";
import type { Counts, LastError, OperationCount } from "../sources/source.ts";
import { Histogram } from "./histogram.ts";

/** See the file comment. */
export class Metrics implements ProxyObserver, Counts {
  readonly started = new Date();
  readonly #since = performance.now();
  readonly #operations = new Map<RouteLabel, OperationCount & { byClass: Map<string, number> }>();
  readonly #limits = new Map<LimitEvent, number>(LIMIT_EVENTS.map((event) => [event, 0]));
  readonly #failures: Record<FailureKind, number> = { connection: 0, socket: 0 };
  #active = 0;
  #total = 0;
  #ended = 0;
  #durations = 0;
  #received = 0;
  #sent = 0;
  #lastError: LastError | undefined;

  clientConnected(): void {
    this.#active++;
    this.#total++;
  }

  clientLeft(milliseconds: number): void {
    this.#active--;
    this.#ended++;
    this.#durations += milliseconds;
  }

  received(bytes: number): void {
    this.#received += bytes;
  }

  sent(bytes: number): void {
    this.#sent += bytes;
  }

  answered(route: RouteLabel, status: number, milliseconds: number): void {
    let operation = this.#operations.get(route);
    if (operation === undefined) {
      operation = { latency: new Histogram(), byClass: new Map() };
      this.#operations.set(route, operation);
    }
    operation.latency.observe(milliseconds / 1000);
    const group = `${Math.floor(status / 100)}xx`;
    operation.byClass.set(group, (operation.byClass.get(group) ?? 0) + 1);
  }

  limited(event: LimitEvent): void {
    this.#limits.set(event, (this.#limits.get(event) ?? 0) + 1);
  }

  failed(kind: FailureKind, message: string): void {
    this.#failures[kind]++;
    this.#lastError = { message, at: new Date() };
  }

  get uptimeMs(): number {
    return performance.now() - this.#since;
  }

  get connections(): { active: number; total: number } {
    return { active: this.#active, total: this.#total };
  }

  get averageDurationMs(): number {
    return this.#ended === 0 ? 0 : this.#durations / this.#ended;
  }

  get bytes(): { received: number; sent: number } {
    return { received: this.#received, sent: this.#sent };
  }

  get failures(): Readonly<Record<FailureKind, number>> {
    return this.#failures;
  }

  get lastError(): LastError | undefined {
    return this.#lastError;
  }

  get limits(): ReadonlyMap<LimitEvent, number> {
    return this.#limits;
  }

  get operations(): ReadonlyMap<RouteLabel, OperationCount> {
    return this.#operations;
  }
}
