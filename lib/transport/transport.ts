/**
 * Transport: a live way to one remote host. It opens byte streams to the engine, or to any socket
 * the host can reach, and may be able to run commands there. How it does so (SSH, mTLS) is hidden
 * behind this interface; reconnecting is the supervisor's work and nobody else's.
 */
import type { Duplex } from "../net/duplex.ts";
import type { RemoteFiles } from "./remote_files.ts";

/** Where a stream leads, as seen from the remote host. */
export type Target =
  | { kind: "docker" }
  | { kind: "tcp"; host: string; port: number }
  | { kind: "unix"; path: string };

/**
 * Interactive streams share one connection; bulk ones (build contexts, image archives, file sync)
 * another, so that a large upload never delays a small answer; those of forwarded ports a third, so
 * that neither waits for them, and since a server looks at all channels of a connection whenever one
 * of them has something to say.
 */
export type Lane = "interactive" | "bulk" | "ports";

/** Options of {@link Transport.open}. */
export interface OpenOptions {
  /** Default: `"interactive"`. */
  lane?: Lane;
  signal?: AbortSignal;
}

/** What a finished remote command left behind. */
export interface CommandResult {
  /** Exit status; `null` if a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Options of {@link Shell.spawn}. */
export interface SpawnOptions {
  /** Gives up starting, or ends the command. */
  signal?: AbortSignal;
  /** Gets each line of standard error, without its end, cut off at 4 KiB. */
  onStderr?: (line: string) => void;
}

/** A command that is running on the remote host. Its owner closes `stdio`. */
export interface RemoteProcess {
  /**
   * Its standard input and output. Closing it does not kill the command: a well-behaved one ends
   * when its input does.
   */
  readonly stdio: Duplex;
  /** The exit status; `null` if a signal or the end of the connection ended it. Never rejects. */
  readonly exit: Promise<number | null>;
}

/** Runs commands on the remote host. */
export interface Shell {
  /** Runs `command` with the user's login shell; output past 1 MiB is cut off. */
  run(command: string, options?: { signal?: AbortSignal }): Promise<CommandResult>;
  /**
   * Starts `command` and streams its input and output. Only a few may run at a time on one
   * connection; throws `AgentError` of kind `engine` beyond that, and as {@link run} does.
   */
  spawn(command: string, options?: SpawnOptions): Promise<RemoteProcess>;
  /** Files on the same connection, where the host may offer them although it runs no commands. */
  readonly files?: (() => Promise<RemoteFiles>) | undefined;
}

/** A port of the remote host that leads here. Ends with the transport. */
export interface RemoteListener {
  readonly port: number;
  /** Settles, never rejecting, when it has ended, whatever the reason. */
  readonly closed: Promise<void>;
  /** Stops listening; open streams live on. Never rejects. */
  close(): Promise<void>;
}

/** Streams that can only be lost together; another object for those that are opened after that. */
export interface StreamsTogether {
  /** One that is lost seems to be ended by the other side. Default: no. */
  readonly endSilently?: boolean;
}

/** See the file comment. One owner, who closes it. */
export interface Transport {
  /** For people, such as `ssh://dev@gpu.example.com:22`. */
  readonly description: string;

  /**
   * Opens a stream. The caller owns it. Throws `AgentError` of kind `engine` when the host is there
   * but the target is not (missing socket, no permission), of kind `lost` when the connection is
   * gone.
   */
  open(target: Target, options?: OpenOptions): Promise<Duplex>;

  /**
   * Listens on the remote host (port 0: any free one), where the transport can. `serve` owns each
   * stream. Throws `AgentError` of kind `engine` or `lost`.
   */
  readonly listen?:
    | ((
      address: { host: string; port: number },
      serve: (stream: Duplex) => void,
    ) => Promise<RemoteListener>)
    | undefined;

  /** The host may listen on loopback in place of the address that was asked for, without a word. */
  readonly listensSomewhere?: boolean;

  /**
   * Opens a flow of datagrams to an address that the host can reach, where the transport carries them
   * itself: both ways a frame is `length(2) data`, the length in network order. The caller owns it.
   */
  readonly openDatagrams?:
    | ((to: { host: string; port: number }, signal?: AbortSignal) => Promise<Duplex>)
    | undefined;

  /** Stands for the streams that are opened now. Default: the transport itself does. */
  readonly streams?: StreamsTogether;

  /** Why there is nothing but the engine; absent where there is more. */
  readonly limits?: string | undefined;

  /**
   * Where what there is beside the engine may come and go: looks again if it is missing, so that
   * `limits` and all that is optional here tell how it is now. Never rejects.
   */
  look?(): Promise<void>;

  /** Calls `listener` when what {@link look} is about has changed; the result stops that. */
  onChange?(listener: () => void): () => void;

  /** Commands on the remote host, where the transport offers them. */
  readonly shell?: Shell | undefined;

  /** Commands that move much data: beside the interactive connection where there is another. */
  bulkShell?(): Promise<Shell>;

  /** The one death notice: settles, never rejecting, with the reason or with nothing on `close()`. */
  readonly closed: Promise<Error | undefined>;

  /** Closes the connection and every stream on it. Idempotent. */
  close(): void;
}

/** Makes a transport, once; throws `AgentError` (`unreachable`, `authentication`, `host-key`). */
export type Connect = (signal: AbortSignal) => Promise<Transport>;
