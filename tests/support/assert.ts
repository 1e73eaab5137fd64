/** The standard library's assertions, typed here because the npm build of it ships no types. */
import * as std from "@std/assert";

type Assertions = {
  assert(value: unknown, message?: string): asserts value;
  assertEquals<T>(actual: T, expected: T, message?: string): void;
  assertNotEquals<T>(actual: T, expected: T, message?: string): void;
  assertStringIncludes(actual: string, expected: string, message?: string): void;
  assertMatch(actual: string, expected: RegExp, message?: string): void;
  assertThrows(
    fn: () => unknown,
    // deno-lint-ignore no-explicit-any
    type?: new (...args: any[]) => Error,
    includes?: string,
  ): Error;
  assertRejects(
    fn: () => Promise<unknown>,
    // deno-lint-ignore no-explicit-any
    type?: new (...args: any[]) => Error,
    includes?: string,
  ): Promise<Error>;
};

const typed = std as unknown as Assertions;

/** Throws unless `value` is truthy. */
export const assert: Assertions["assert"] = typed.assert;
export const assertEquals: Assertions["assertEquals"] = typed.assertEquals;
export const assertNotEquals: Assertions["assertNotEquals"] = typed.assertNotEquals;
export const assertStringIncludes: Assertions["assertStringIncludes"] = typed.assertStringIncludes;
export const assertMatch: Assertions["assertMatch"] = typed.assertMatch;
export const assertThrows: Assertions["assertThrows"] = typed.assertThrows;
export const assertRejects: Assertions["assertRejects"] = typed.assertRejects;
