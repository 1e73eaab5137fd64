/** A certificate and its key, as two options name them. */
import type { IdentityFiles } from "../../net/tls/files.ts";
import { requirePair } from "../../transport/endpoint/credentials.ts";
import type { Loaded } from "../load.ts";
import type { OptionName, Values } from "../schema.ts";

/** The options whose value is one text, or nothing. */
type TextOption = {
  [N in OptionName]: Values[N] extends string | undefined ? N : never;
}[OptionName];

/** Both files, or nothing. Throws `AgentError` of kind `usage` where one of the options is missing. */
export function identityOf(
  { values, origins }: Pick<Loaded, "values" | "origins">,
  options: { readonly cert: TextOption; readonly key: TextOption },
): IdentityFiles | undefined {
  const { [options.cert]: certFile, [options.key]: keyFile } = values;
  const nameOf = (option: TextOption) =>
    values[option] === undefined ? `--${option}` : origins[option].where;
  requirePair({
    ...(certFile !== undefined && { certFile }),
    ...(keyFile !== undefined && { keyFile }),
  }, {
    cert: nameOf(options.cert),
    key: nameOf(options.key),
  });
  return certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile };
}
