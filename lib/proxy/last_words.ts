/**
 * What a user reads who sits in front of a stream (attach, exec) that ends before its time: it was lost
 * with the connection to the remote host, cut off on the way, or this program ends. Such a stream cannot
 * be gone on with, and without a word it looks like the end of the command.
 */
import type { Exchange, StreamFate } from "../docker/exchange.ts";
import { AgentError, isLostError } from "../errors.ts";
import { stderrFrame } from "../intercept/resume/frames.ts";
import type { Duplex } from "../net/duplex.ts";
import type { ResponseHead } from "../http/head.ts";
import { announcedForm, FormTracker, type StreamForm } from "./stream_form.ts";

const LOST = "remote-docker-agent: the connection to the remote host was lost, and with it this " +
  "stream; what runs there goes on";
const LEAVING =
  "remote-docker-agent: the program is shutting down, and this stream ends with it; " +
  "what runs there goes on";

/** Streams that somebody reads who can be told. */
const READ_BY_USERS = new Set(["ContainerAttach", "ExecStart"]);

/** The tunnel that an exchange has become, if somebody reads what comes of it. */
export function spokenFor(
  { route, fate }: Exchange,
  { headers }: ResponseHead,
  engine: Duplex,
): SpokenFor | undefined {
  if (route === undefined || !READ_BY_USERS.has(route.name)) return undefined;
  return new SpokenFor(engine, {
    form: announcedForm(headers.get("Content-Type"), route.version),
    fate,
  });
}

/** What is known of the stream beside its bytes. */
export interface StreamOptions {
  /** See {@link announcedForm}. */
  readonly form: StreamForm;
  readonly fate?: StreamFate | undefined;
}

/**
 * A stream of the engine that says a last word where it is lost; after that, reads reject with kind
 * `lost`. Owns the engine's stream.
 */
export class SpokenFor implements Duplex {
  readonly closed: Promise<void>;
  readonly #engine: Duplex;
  readonly #fate: StreamFate | undefined;
  readonly #tracker: FormTracker;
  readonly #since = performance.now();
  #state: "open" | "leaving" | "over" | "closed" = "open";
  /** The client's last byte. */
  #lastInput = 0;

  constructor(engine: Duplex, { form, fate }: StreamOptions) {
    this.#engine = engine;
    this.#fate = fate;
    this.#tracker = new FormTracker(form);
    this.closed = engine.closed;
    fate?.begun();
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#state === "over") throw lost();
    try {
      const chunk = await this.#engine.read();
      if (chunk !== null) {
        this.#tracker.push(chunk);
        return chunk;
      }
    } catch (error) {
      if (!this.#isLeaving && !isLostError(error)) throw error;
      return this.#end();
    }
    if (this.#isLeaving || await this.#isCut()) return this.#end();
    // The client may keep its own direction open for as long as it likes.
    this.#fate?.over();
    return null;
  }

  get #isLeaving(): boolean {
    return this.#state === "leaving";
  }

  /** What has ended in good order, as far as can be told from here, may have been cut by a proxy. */
  async #isCut(): Promise<boolean> {
    if (this.#state === "closed") return false;
    if (this.#tracker.isWithinFrame) return true;
    // The engine ends a stream whose client has typed the keys to detach.
    if (isControl(this.#lastInput)) return false;
    return await this.#fate?.isCut(performance.now() - this.#since) === true;
  }

  #end(): Uint8Array {
    const words = wordsAs(this.#tracker.form, this.#isLeaving ? LEAVING : LOST);
    this.#state = "over";
    this.#fate?.lost();
    if (words === undefined) throw lost();
    return words;
  }

  /** Ends the stream because this program does. */
  leave(): void {
    if (this.#state === "open") this.#state = "leaving";
    this.#engine.close();
  }

  write(chunk: Uint8Array): Promise<void> {
    this.#lastInput = chunk.at(-1) ?? this.#lastInput;
    return this.#engine.write(chunk);
  }

  closeWrite(): Promise<void> {
    return this.#engine.closeWrite();
  }

  close(): void {
    if (this.#state === "open") this.#state = "closed";
    this.#fate?.over();
    this.#engine.close();
  }
}

function lost(): AgentError {
  return new AgentError("lost", "The stream was lost with the connection to the remote host");
}

/**
 * Nothing where the words could be taken for bytes of the stream. Before the first byte they come in a
 * frame: whoever expects none has a terminal, which passes over the bytes of a header.
 */
function wordsAs(form: StreamForm, words: string): Uint8Array | undefined {
  if (form === "unknown") return undefined;
  if (form === "text") return new TextEncoder().encode(`\r\n${words}\r\n`);
  return stderrFrame(`${words}\n`);
}

/** Keys to detach with end in one of these; Ctrl-C, Ctrl-D, Tab and the ends of lines are none. */
function isControl(byte: number): boolean {
  return byte > 0 && byte < 0x20 && ![0x03, 0x04, 0x09, 0x0a, 0x0d].includes(byte);
}
