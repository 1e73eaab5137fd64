/**
 * Preloaded by the test runner: no test may hang a run. `RDA_TEST_SECONDS` is what each one has, unless
 * it says `timeout` itself; after that it fails under its own name, and the next one begins.
 */
export const TIME_LIMIT_VARIABLE = "RDA_TEST_SECONDS";

type Fn = Deno.TestDefinition["fn"];

const seconds = Number(Deno.env.get(TIME_LIMIT_VARIABLE) ?? 0);

/** The forms that `Deno.test` takes, as one: any of name, options and body, in this order. */
function definition(args: readonly unknown[]): Deno.TestDefinition {
  const parts = args.map((arg) => {
    if (typeof arg === "string") return { name: arg };
    if (typeof arg === "function") return { fn: arg as Fn, ...(arg.name && { name: arg.name }) };
    return arg as Partial<Deno.TestDefinition>;
  });
  // A body may have a name too, and the one that was given counts.
  return Object.assign({}, ...parts.toReversed());
}

if (seconds > 0) {
  const test = new Proxy(Deno.test, {
    apply: (register, self, args) =>
      Reflect.apply(register, self, [{ timeout: seconds * 1_000, ...definition(args) }]),
  });
  Object.assign(Deno, { test });
}
