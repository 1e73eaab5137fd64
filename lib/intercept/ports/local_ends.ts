/**
 * What the ports of a container come to on this machine: which of them are forwarded, from where,
 * and whose containers are no concern of ours. The listeners belong to the forwarding manager, the
 * search on the host's network to the finder of host ports.
 */
import type { RequestedBinding } from "../../forward/binding.ts";
import type { Published } from "../../forward/forward_info.ts";
import type { HostPorts } from "../../forward/host_ports.ts";
import type { ForwardingManager } from "../../forward/manager.ts";
import { asBound, type ContainerView, remoteEnds, wantedBindings } from "./container_view.ts";

/** What of the forwarding manager is used here. */
export type PortForwarding = Pick<
  ForwardingManager,
  "reserve" | "activate" | "release" | "forget" | "rename" | "published"
>;

/** What local ends are made of. */
export interface LocalEndsOptions {
  readonly forwarding: PortForwarding;
  readonly hostPorts: Pick<HostPorts, "prepare" | "add" | "remove" | "forget">;
  /** Whose containers are forwarded; see `ownerId`. */
  readonly owner: string;
  /** Also forward what others have published. */
  readonly foreign: boolean;
}

/** A container before its start. */
export interface StartingContainer {
  readonly id: string;
  /** Empty when the engine has chosen it, and it is not known yet. */
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly bindings: readonly RequestedBinding[];
  /** It is on the host's own network, and its ports are to be found. */
  readonly onHost: boolean;
}

/** See the file comment. */
export class LocalEnds {
  readonly #options: LocalEndsOptions;

  constructor(options: LocalEndsOptions) {
    this.#options = options;
  }

  /** Whose containers are forwarded. */
  get owner(): string {
    return this.#options.owner;
  }

  /** Whether ports that others have published are forwarded too. */
  get foreign(): boolean {
    return this.#options.foreign;
  }

  /** The local ports of a container; nothing if it has none now. */
  published(id: string): readonly Published[] | undefined {
    return this.#options.forwarding.published(id);
  }

  /** What starting the container will take. */
  startOf(view: ContainerView): StartingContainer {
    return { ...view, bindings: this.#bindingsOf(view), onHost: this.#isOnHost(view) };
  }

  /** Takes what a start needs. Throws `BindError`, and then nothing is taken. */
  async prepare(container: StartingContainer): Promise<void> {
    if (container.onHost) await this.#options.hostPorts.prepare(container.id);
    await this.#options.forwarding.reserve(container, container.bindings);
  }

  /** Whether the container has to do with us at all. */
  concern(view: ContainerView): boolean {
    return this.foreign || view.request?.owner === this.owner;
  }

  /** Makes the local ports what a running container needs, or gives them back. */
  async follow(view: ContainerView): Promise<void> {
    const { forwarding, hostPorts } = this.#options;
    const { id, running } = view;
    if (this.#isOnHost(view)) {
      if (running) hostPorts.add(view);
      else await hostPorts.remove(id);
    }
    const bindings = running ? this.#bindingsOf(view) : [];
    if (bindings.length === 0) return await forwarding.release(id);
    try {
      await forwarding.reserve(view, bindings);
    } finally {
      // It runs: what it has of its ports is of use, even while another one cannot be had.
      if (forwarding.published(id)) forwarding.activate(id, remoteEnds(view));
    }
  }

  /** The container has another name. */
  rename(id: string, name: string): void {
    this.#options.forwarding.rename(id, name);
  }

  /** The container is gone for good. */
  async forget(id: string): Promise<void> {
    await this.#options.hostPorts.forget(id);
    await this.#options.forwarding.forget(id);
  }

  #isOnHost(view: ContainerView): boolean {
    return view.request?.mode === "host" && view.request.owner === this.owner;
  }

  #bindingsOf(view: ContainerView): RequestedBinding[] {
    if (view.request?.owner === this.owner) return wantedBindings(view);
    if (!this.foreign) return [];
    return view.request === undefined ? asBound(view) : wantedBindings(view);
  }
}
