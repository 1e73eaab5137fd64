/**
 * Preloaded by the test runner: no test may hang a run. `RDA_TEST_SECONDS` is what each one has, unless
 * it says `timeout` itself; after that it fails under its own name, and the next one begins.
 */
export const TIME_LIMIT_VARIABLE = "RDA_TEST_SECONDS";

type Fn = Deno.TestDefinition["fn"];
type Options = Omit<Deno.TestDefinition, "fn" | "name">;

const seconds = Number(Deno.env.get(TIME_LIMIT_VARIABLE) ?? 0);

/** The forms of `Deno.test` that this project uses, as one. */
function definition(args: readonly unknown[]): Deno.TestDefinition {
  const [first, second, third] = args as [string, Options, Fn];
  if (typeof first !== "string") return first;
  if (typeof second === "function") return { name: first, fn: second };
  return { ...second, name: first, fn: third };
}

if (seconds > 0) {
  const test = new Proxy(Deno.test, {
    apply: (register, self, args) =>
      Reflect.apply(register, self, [{ timeout: seconds * 1_000, ...definition(args) }]),
  });
  Object.assign(Deno, { test });
}
