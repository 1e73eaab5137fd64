/**
 * Authentication of one connection: which method to try next, and what to say when none worked. The
 * order is that of OpenSSH: none, public keys, keyboard-interactive, password; the last two only
 * where a person can be asked.
 */
// @ts-types="@types/ssh2"
import type {
  AnyAuthMethod,
  AuthenticationType,
  AuthHandlerMiddleware,
  KeyboardInteractiveCallback,
  Prompt as HostPrompt,
} from "ssh2";
import { AgentError, messageOf } from "../../../errors.ts";
import { SignerAgent } from "./agent.ts";
import { collectIdentities, type Identity, type IdentityContext } from "./identities.ts";
import { MAX_TRIES } from "./secrets.ts";

/** The authentication of one connection attempt. */
export interface Authentication {
  /** For ssh2's `authHandler`. */
  handler: AuthHandlerMiddleware;
  /** To be called when the host let us in. */
  succeeded(): void;
  /** The error for a host that did not let us in; `reason` is what it said, if anything. */
  failure(reason: string | undefined): AgentError;
}

/** Called around each question, so that the time a person takes is not counted. */
export interface Clock {
  pause(): void;
  resume(): void;
}

/** Prepares to authenticate; throws as {@link collectIdentities} does. */
export async function authentication(
  context: IdentityContext,
  clock: Clock,
): Promise<Authentication> {
  return new Attempt(context, clock, await collectIdentities(context));
}

class Attempt implements Authentication {
  readonly #context: IdentityContext;
  readonly #clock: Clock;
  readonly #identities: readonly Identity[];
  readonly #account: string;
  readonly #counts = { none: 0, keys: 0, keyboard: 0, password: 0 };
  /** The password on its way to the host, to be kept if it is taken. */
  #password: string | undefined;
  #problem: unknown;
  #declined = false;

  constructor(context: IdentityContext, clock: Clock, identities: readonly Identity[]) {
    this.#context = context;
    this.#clock = clock;
    this.#identities = identities;
    this.#account = `${context.host.user}@${context.host.hostName}`;
  }

  handler: AuthHandlerMiddleware = (left, _partial, next) => {
    this.#next(left ?? undefined).then(
      (method) => this.#send(next, method),
      (error) => {
        this.#problem ??= error;
        this.#send(next, undefined);
      },
    );
  };

  /** ssh2 ends the attempt on `false`, which its types do not know. */
  #send(next: Parameters<AuthHandlerMiddleware>[2], method: AnyAuthMethod | undefined): void {
    const give: (method: AnyAuthMethod | false) => void = next as typeof give;
    give(method ?? false);
  }

  async #next(left: readonly AuthenticationType[] | undefined): Promise<AnyAuthMethod | undefined> {
    const username = this.#context.host.user;
    if (this.#counts.none++ === 0) return { type: "none", username };
    const may = (method: AuthenticationType) => this.#may(method, left);
    if (this.#counts.keys === 0 && this.#identities.length > 0 && may("publickey")) {
      this.#counts.keys++;
      const agent = new SignerAgent(this.#identities, (error) => this.#problem ??= error);
      return { type: "agent", username, agent };
    }
    if (!this.#canAsk()) return undefined;
    if (this.#counts.keyboard < MAX_TRIES && may("keyboard-interactive")) {
      this.#counts.keyboard++;
      return { type: "keyboard-interactive", username, prompt: this.#answer };
    }
    if (this.#counts.password < MAX_TRIES && may("password")) return await this.#askPassword();
    return undefined;
  }

  /**
   * After a round of keys ssh2 still reports the methods from before it. Keyboard-interactive is
   * then tried on the chance, for it asks nothing unless the host wants it, and brings a true
   * report.
   */
  #may(method: AuthenticationType, left: readonly AuthenticationType[] | undefined): boolean {
    const isStale = this.#counts.keys > 0 && this.#counts.keyboard === 0;
    if (left === undefined || isStale) return method !== "password";
    return left.includes(method);
  }

  #canAsk(): boolean {
    const { host, secrets } = this.#context;
    const known = secrets.password(this.#account) !== undefined;
    return !this.#declined && (known || (host.prompts && secrets.canAsk));
  }

  async #askPassword(): Promise<AnyAuthMethod | undefined> {
    const { host, secrets } = this.#context;
    const first = this.#counts.password++ === 0;
    const password = (first ? secrets.password(this.#account) : undefined) ??
      await this.#ask(`${this.#account}'s password: `, false);
    if (password === null) return undefined;
    this.#password = password;
    return { type: "password", username: host.user, password };
  }

  #answer = (
    name: string,
    instructions: string,
    _language: string,
    questions: HostPrompt[],
    finish: KeyboardInteractiveCallback,
  ): void => {
    this.#answerAll([name, instructions], questions).then(finish, () => finish([]));
  };

  async #answerAll(intro: string[], questions: readonly HostPrompt[]): Promise<string[]> {
    const { secrets } = this.#context;
    const answers: string[] = [];
    const heading = intro.filter((line) => line.trim() !== "").map((line) => `${line}\n`).join("");
    for (const [index, { prompt, echo }] of questions.entries()) {
      const isPassword = questions.length === 1 && !echo && /^password:?\s*$/i.test(prompt);
      const reuse = isPassword && this.#counts.keyboard === 1
        ? secrets.password(this.#account)
        : undefined;
      const question = `${index === 0 ? heading : ""}(${this.#account}) ${prompt}`;
      const answer = reuse ?? await this.#ask(plain(question), echo ?? false);
      if (answer === null) return [];
      if (isPassword) this.#password = answer;
      answers.push(answer);
    }
    return answers;
  }

  async #ask(question: string, echo: boolean): Promise<string | null> {
    const { host, secrets, signal } = this.#context;
    this.#clock.pause();
    try {
      const answer = host.prompts ? await secrets.ask(question, echo, signal) : null;
      if (answer === null) this.#declined = true;
      return answer;
    } finally {
      this.#clock.resume();
    }
  }

  succeeded(): void {
    if (this.#password !== undefined) {
      this.#context.secrets.keepPassword(this.#account, this.#password);
    }
  }

  failure(reason: string | undefined): AgentError {
    this.#context.secrets.keepPassword(this.#account, undefined);
    if (this.#problem instanceof AgentError) return this.#problem;
    const tried = this.#tried();
    const detail = reason === undefined ? "" : `: ${reason}`;
    const list = tried.length === 0 ? "there was nothing to try" : `tried: ${tried.join(", ")}`;
    const agentProblem = this.#problem === undefined ? "" : `; ${messageOf(this.#problem)}`;
    return new AgentError(
      "authentication",
      `Permission denied for ${this.#account}${detail} (${list}${agentProblem})`,
      { hint: this.#hint(tried), cause: this.#problem },
    );
  }

  #tried(): string[] {
    const keys = this.#counts.keys === 0 ? [] : this.#identities;
    const fromAgent = keys.filter(({ label }) => label === "agent").length;
    const labels = keys.map(({ label }) => label).filter((label) => label !== "agent");
    if (fromAgent > 0) labels.push(`agent with ${fromAgent} ${fromAgent === 1 ? "key" : "keys"}`);
    if (this.#counts.keyboard > 0) labels.push("keyboard-interactive");
    if (this.#counts.password > 0) labels.push("password");
    return labels;
  }

  #hint(tried: readonly string[]): string {
    if (tried.length === 0) return "name a key with --ssh-key, or load one into ssh-agent";
    if (this.#identities.length > 5) {
      return "too many keys may have been offered; name the right one with --ssh-key and set " +
        "IdentitiesOnly yes";
    }
    return `check the user name, and that the key is in ~${this.#context.host.user}` +
      "/.ssh/authorized_keys on the remote host";
  }
}

/** What the host sends is shown on a terminal: no control characters but the newline. */
function plain(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]/gu, "");
}
