/** Tells how the connection to a remote host is, by listening to its supervisor. */
import type { Emit } from "../agent_event.ts";
import { describeError } from "../errors.ts";
import type { Supervisor } from "../transport/supervisor.ts";
import type { Transport } from "../transport/transport.ts";

/**
 * Tells from now on, until the returned function is called. `remote` is what the host is called
 * before it is connected.
 */
export function tellOfTransport(supervisor: Supervisor, remote: string, emit: Emit): () => void {
  let current: Transport | undefined;
  let last: unknown;
  let attempt = 0;
  const look = () => {
    const { state } = supervisor;
    if (state === last) return;
    last = state;
    if (state.kind === "up") {
      attempt = 0;
      current = state.transport;
      remote = current.description;
      emit({ kind: "transport.up", remote });
      watch(state.transport);
    } else if (state.kind === "connecting") {
      emit({ kind: "transport.reconnecting", remote, attempt: ++attempt });
    } else if (state.kind === "pausing") {
      emit({ kind: "transport.failed", remote, reason: describeError(state.lastError) });
    }
  };
  // The supervisor may pause before it says that it has lost the host.
  const watch = (transport: Transport) =>
    void transport.closed.then((reason) => {
      if (current !== transport) return;
      current = undefined;
      const why = reason === undefined ? "it was closed" : describeError(reason);
      emit({ kind: "transport.down", remote: transport.description, reason: why });
    });
  const forget = supervisor.onChange(look);
  if (supervisor.state.kind === "up") look();
  return () => {
    current = undefined;
    forget();
  };
}
