/** What becomes of bind mounts, made from the values of the option table; see `settings.ts`. */
import { type BindRule, parseBindRule } from "../../intercept/binds/rules.ts";
import type { Place } from "../paths.ts";
import type { Values } from "../schema.ts";

/** See the file comment. */
export interface BindSettings {
  /** The user's own rules, in their order. */
  readonly rules: readonly BindRule[];
  /** Never synced as a whole. */
  readonly home?: string;
  /** Progress is shown as a bar, since messages go to a terminal. */
  readonly bar: boolean;
}

/** `isTerminal`: whether log messages go to a terminal. */
export function bindSettings(values: Values, place: Place, isTerminal: boolean): BindSettings {
  const { home } = place;
  return {
    rules: values.binds.map((text) => parseBindRule(text, home)),
    ...(home === undefined ? {} : { home }),
    bar: isTerminal && values["log-format"] !== "json",
  };
}
