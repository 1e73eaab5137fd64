/**
 * The Chromium that the system has installed, without a window, driven over the DevTools protocol.
 * It is never downloaded: where there is none, `chromiumPath` says so and tests are skipped.
 */
import { Child } from "./child.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const FOLDERS = ["/usr/bin", "/usr/local/bin"];
const START_TIMEOUT_MS = 120_000;
const CALL_TIMEOUT_MS = 120_000;

/** Where Chromium is, or `undefined` where it is not installed. */
export function chromiumPath(): string | undefined {
  return FOLDERS.flatMap((folder) => NAMES.map((name) => `${folder}/${name}`)).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false; // not there
    }
  });
}

/** How a page is looked at. */
export interface View {
  width: number;
  height: number;
  dark?: boolean;
  /** With a touch screen and its notion of a pixel. */
  mobile?: boolean;
}

type Message = { id?: number; method?: string; params?: Json; result?: Json; error?: Json };
type Json = Record<string, unknown>;

/** A browser with one page. The caller ends it with `await using`. */
export class Browser implements AsyncDisposable {
  readonly #child: Child;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #calls = new Map<number, (message: Message) => void>();
  readonly #said: string[] = [];
  #session = "";
  #lastId = 0;

  private constructor(child: Child, profile: string, socket: WebSocket) {
    this.#child = child;
    this.#profile = profile;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)));
  }

  /** Starts Chromium, with `further` flags, and opens `url`. */
  static async open(
    path: string,
    url: string,
    view: View,
    further: readonly string[] = [],
  ): Promise<Browser> {
    const profile = await Deno.makeTempDir({ prefix: "rda-chromium-" });
    const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
    const quiet = ["--no-first-run", "--disable-background-networking", "--disable-sync"];
    const child = new Child(path, [
      ...[
        ...flags,
        ...quiet,
        ...further,
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
      ],
      "about:blank",
    ], { env: { PATH: "/usr/bin:/bin", HOME: profile, LANG: "C.UTF-8" } });
    const [, address = ""] = await child.waitFor(/listening on (ws:\S+)/, START_TIMEOUT_MS);
    const socket = new WebSocket(address);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error("Chromium does not take the connection"));
    });
    const browser = new Browser(child, profile, socket);
    await browser.#openPage(url, view);
    return browser;
  }

  async #openPage(url: string, view: View): Promise<void> {
    const { targetId } = await this.#call("Target.createTarget", { url: "about:blank" });
    const attached = await this.#call("Target.attachToTarget", { targetId, flatten: true });
    this.#session = String(attached["sessionId"]);
    await this.#call("Runtime.enable");
    await this.#call("Log.enable");
    await this.look(view);
    await this.#call("Page.navigate", { url });
  }

  /** Changes the size and the colours. */
  async look({ width, height, dark = false, mobile = false }: View): Promise<void> {
    const deviceScaleFactor = mobile ? 2 : 1;
    await this.#call("Emulation.setDeviceMetricsOverride", {
      ...{ width, height, mobile, deviceScaleFactor },
    });
    const value = dark ? "dark" : "light";
    const features = [{ name: "prefers-color-scheme", value }];
    await this.#call("Emulation.setEmulatedMedia", { features });
  }

  /** The value of an expression in the page; it must be of JSON. */
  async evaluate(expression: string): Promise<unknown> {
    const answer = await this.#call("Runtime.evaluate", { expression, returnByValue: true });
    const { result, exceptionDetails } = answer as { result: Json; exceptionDetails?: unknown };
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return result["value"];
  }

  /** What the page and the browser complained of. */
  get complaints(): readonly string[] {
    return this.#said;
  }

  /** The whole page as a PNG. */
  async screenshot(): Promise<Uint8Array> {
    const answer = await this.#call("Page.captureScreenshot", { captureBeyondViewport: true });
    return Uint8Array.fromBase64(String(answer["data"]));
  }

  #call(method: string, params: Json = {}): Promise<Json> {
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Json>();
    const timer = setTimeout(() => reject(new Error(`No answer to ${method}`)), CALL_TIMEOUT_MS);
    this.#calls.set(id, ({ result, error }) => {
      clearTimeout(timer);
      if (error === undefined) resolve(result ?? {});
      else reject(new Error(`${method}: ${JSON.stringify(error)}`));
    });
    const session = this.#session === "" ? {} : { sessionId: this.#session };
    this.#socket.send(JSON.stringify({ id, method, params, ...session }));
    return promise;
  }

  #take(message: Message): void {
    if (message.id !== undefined) {
      this.#calls.get(message.id)?.(message);
      this.#calls.delete(message.id);
    } else if (
      message.method === "Log.entryAdded" || message.method === "Runtime.exceptionThrown"
    ) {
      this.#said.push(JSON.stringify(message.params));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    await this.#call("Browser.close").catch(() => {}); // it may be gone by itself
    this.#socket.close();
    await closed;
    await this.#child.stop();
    await Deno.remove(this.#profile, { recursive: true }).catch(() => {}); // still being written
  }
}
