/**
 * Which local ports a container had, so that it gets the same ones back when it is started again.
 * Only ports the request leaves open (any free one, a range) are worth remembering.
 */
import { portKey, type RequestedBinding } from "./binding.ts";

/** Containers remembered; the ones released longest ago are forgotten first. */
const MAX_CONTAINERS = 4096;

/** See the file comment. */
export class PortMemory {
  readonly #containers = new Map<string, Map<string, number>>();

  /** Notes that the `index`th binding of container `id` has local port `port`. */
  note(id: string, index: number, binding: RequestedBinding, port: number): void {
    const ports = this.#containers.get(id) ?? new Map<string, number>();
    ports.set(keyOf(index, binding), port);
    this.#containers.delete(id);
    this.#containers.set(id, ports);
    if (this.#containers.size <= MAX_CONTAINERS) return;
    const [oldest] = this.#containers.keys();
    if (oldest !== undefined) this.#containers.delete(oldest);
  }

  /** The local port that binding had last. */
  recall(id: string, index: number, binding: RequestedBinding): number | undefined {
    return this.#containers.get(id)?.get(keyOf(index, binding));
  }

  /** The container is gone for good. */
  forget(id: string): void {
    this.#containers.delete(id);
  }
}

function keyOf(index: number, binding: RequestedBinding): string {
  return `${index} ${portKey(binding)} ${binding.hostIp} ${binding.hostPort}`;
}
