/**
 * Asks the person at the terminal for a secret. Only one question is open at a time; the answer is
 * not echoed.
 */

/** Who answers questions during authentication. */
export interface Prompt {
  /** The answer, or `null` if the person declines (Ctrl-C, Ctrl-D) or `signal` aborts. */
  ask(question: string, options: PromptOptions): Promise<string | null>;
}

/** Options of {@link Prompt.ask}. */
export interface PromptOptions {
  /** Show what is typed; for questions that are no secret. */
  echo: boolean;
  signal?: AbortSignal;
}

const MAX_ANSWER_BYTES = 4096;
const CTRL_C = 3, CTRL_D = 4, BACKSPACE = 8, NEWLINE = 10, RETURN = 13, CTRL_U = 21, DELETE = 127;

/** A prompt on standard error and standard input, if the latter is a terminal. */
export function terminalPrompt(): Prompt | undefined {
  if (!Deno.stdin.isTerminal()) return undefined;
  let last: Promise<unknown> = Promise.resolve();
  return {
    ask(question, options) {
      const answer = last.then(() => askOnTerminal(question, options));
      last = answer.catch(() => undefined);
      return answer;
    },
  };
}

async function askOnTerminal(question: string, options: PromptOptions): Promise<string | null> {
  if (options.signal?.aborted) return null;
  print(question);
  Deno.stdin.setRaw(true);
  try {
    return await readAnswer(options);
  } finally {
    Deno.stdin.setRaw(false);
    print("\n");
  }
}

async function readAnswer(options: PromptOptions): Promise<string | null> {
  const typed: number[] = [];
  const buffer = new Uint8Array(256);
  while (typed.length < MAX_ANSWER_BYTES) {
    const count = await Deno.stdin.read(buffer);
    if (count === null || options.signal?.aborted) return null;
    for (const byte of buffer.subarray(0, count)) {
      if (byte === CTRL_C || byte === CTRL_D) return null;
      if (byte === NEWLINE || byte === RETURN) return text(typed);
      edit(typed, byte);
      if (options.echo && byte >= 32 && byte !== DELETE) print(String.fromCharCode(byte));
    }
  }
  return text(typed);
}

function edit(typed: number[], byte: number): void {
  if (byte === CTRL_U) typed.length = 0;
  else if (byte === BACKSPACE || byte === DELETE) eraseLast(typed);
  else typed.push(byte);
}

/** Removes one character of UTF-8, not one byte. */
function eraseLast(typed: number[]): void {
  let byte: number | undefined;
  do byte = typed.pop(); while (byte !== undefined && (byte & 0xc0) === 0x80);
}

function text(bytes: readonly number[]): string {
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

function print(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(line));
}
