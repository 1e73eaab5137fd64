/** `certs init|server|client`: makes certificates and says which files they are in. */
import {
  type CertsOptions,
  type CertsResult,
  initAuthority,
  issueClient,
  issueServer,
} from "../../certs/certs.ts";
import type { Person } from "../../certs/names.ts";
import type { Values } from "../../config/schema.ts";
import { AgentError } from "../../errors.ts";
import type { System } from "../system.ts";

/** What follows the word `certs`. */
export interface CertsWords {
  readonly operand: string | undefined;
  readonly names: readonly string[];
}

/** Returns the exit code; throws `AgentError`. */
export async function runCerts(words: CertsWords, values: Values, system: System): Promise<number> {
  const { certFile, keyFile, validTo, isCut } = await make(words, values);
  const until = `${validTo.toISOString().slice(0, 10)}${isCut ? ", when its authority ends" : ""}`;
  system.out(`Certificate: ${certFile}\nPrivate key: ${keyFile}\nValid until: ${until}\n`);
  return 0;
}

async function make({ operand, names }: CertsWords, values: Values): Promise<CertsResult> {
  const { dir: directory, force, days } = values;
  const options = { directory, force, ...(days === undefined ? {} : { days }) };
  const [first, ...others] = names;
  const person = operand === "client" ? personOf(values, first) : noPerson(values);
  if (operand === "init") {
    if (first !== undefined) throw surplus(first);
    return await initAuthority(options);
  }
  if (first === undefined) {
    throw new AgentError("usage", `Missing name after "certs ${operand}"`, {
      hint: operand === "server"
        ? "write certs server gateway.example.net '*.containers.example.net'"
        : "write certs client alice",
    });
  }
  if (operand === "server") return await issueServer([first, ...others], options);
  if (others[0] !== undefined) throw surplus(others[0]);
  return await issueFor(first, options, person);
}

function issueFor(
  name: string,
  options: CertsOptions,
  person: Person | undefined,
): Promise<CertsResult> {
  return issueClient(name, { ...options, ...(person === undefined ? {} : { person }) });
}

function personOf(values: Values, name: string | undefined): Person | undefined {
  const { org, user = name, "trust-domain": trustDomain } = values;
  if (org === undefined && values.user === undefined && trustDomain === undefined) return undefined;
  if (org !== undefined && trustDomain !== undefined && user !== undefined) {
    return { org, user, trustDomain };
  }
  throw new AgentError("usage", "A SPIFFE ID needs an organisation and a domain", {
    hint: "give --org and --trust-domain, or none of --org, --user and --trust-domain",
  });
}

function noPerson(values: Values): undefined {
  if ((values.org ?? values.user ?? values["trust-domain"]) === undefined) return undefined;
  throw new AgentError("usage", "Only a client has an organisation and a user", {
    hint: "use --org, --user and --trust-domain with certs client",
  });
}

function surplus(word: string): AgentError {
  return new AgentError("usage", `Unexpected argument "${word}"`, {
    hint: "one certificate is made at a time",
  });
}
