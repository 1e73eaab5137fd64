/**
 * Which local ports a container had, so that it gets the same ones back when it is started again, or
 * when the agent is. Only ports the request leaves open (any free one, a range) are worth remembering.
 */
import { portKey, type RequestedBinding } from "./binding.ts";
import type { PortFiles } from "./port_files.ts";

/** Containers remembered; the ones released longest ago are forgotten first. */
const MAX_CONTAINERS = 4096;

/** See the file comment. */
export class PortMemory {
  readonly #containers = new Map<string, Map<string, number>>();
  readonly #files: PortFiles | undefined;

  /** Without `files`, for this run alone. */
  constructor(files?: PortFiles) {
    this.#files = files;
  }

  /** Notes that the `index`th binding of container `id` has local port `port`. */
  note(id: string, index: number, binding: RequestedBinding, port: number): void {
    const ports = this.#portsOf(id);
    const key = keyOf(index, binding);
    const isNew = ports.get(key) !== port;
    ports.set(key, port);
    this.#containers.delete(id);
    this.#containers.set(id, ports);
    if (isNew) this.#files?.write(id, ports);
    if (this.#containers.size <= MAX_CONTAINERS) return;
    const [oldest] = this.#containers.keys();
    if (oldest !== undefined) this.#containers.delete(oldest);
  }

  /** The local port that binding had last. */
  recall(id: string, index: number, binding: RequestedBinding): number | undefined {
    return this.#portsOf(id).get(keyOf(index, binding));
  }

  /** The container is gone for good. */
  forget(id: string): void {
    this.#containers.delete(id);
    this.#files?.remove(id);
  }

  #portsOf(id: string): Map<string, number> {
    return this.#containers.get(id) ?? this.#files?.read(id) ?? new Map();
  }
}

function keyOf(index: number, binding: RequestedBinding): string {
  return `${index} ${portKey(binding)} ${binding.hostIp} ${binding.hostPort}`;
}
