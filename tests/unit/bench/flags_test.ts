import { AgentError } from "../../../lib/errors.ts";
import { parseFlags, usage } from "../../../scripts/bench/flags.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../../support/assert.ts";

const NAMES = ["one", "two"];

Deno.test("without flags everything is measured, at all round trip times", () => {
  assertEquals(parseFlags([], NAMES), {
    quick: false,
    help: false,
    only: [],
    peers: ["agent", "direct", "ssh-l", "docker-ssh"],
    roundTrips: [0, 20, 50],
    rounds: undefined,
    json: "dist/bench.json",
  });
});

Deno.test("a quick run leaves the longest round trip time out, unless it is asked for", () => {
  assertEquals(parseFlags(["--quick"], NAMES).roundTrips, [0, 20]);
  assertEquals(parseFlags(["--quick", "--rtt", "50"], NAMES).roundTrips, [50]);
});

Deno.test("values come after a space or an equals sign, several after commas", () => {
  const options = parseFlags(
    ["--only", "two,one", "--rtt=0,5", "--rounds", "7", "--peers=agent", "--json=/tmp/x.json"],
    NAMES,
  );
  assertEquals(options.only, ["two", "one"]);
  assertEquals(options.roundTrips, [0, 5]);
  assertEquals(options.rounds, 7);
  assertEquals(options.peers, ["agent"]);
  assertEquals(options.json, "/tmp/x.json");
});

Deno.test("what is not known or not possible is one clear error", () => {
  const cases: [string[], string][] = [
    [["--fast"], 'Unknown flag "--fast"'],
    [["extra"], 'Unknown flag "extra"'],
    [["--quick=yes"], 'Unknown flag "--quick=yes"'],
    [["--only", "three"], 'Flag "--only" does not know "three"'],
    [["--peers", "ssh"], 'Flag "--peers" does not know "ssh"'],
    [["--rtt", "20ms"], 'Flag "--rtt" cannot take "20ms"'],
    [["--rtt", "-1"], 'Flag "--rtt" cannot take "-1"'],
    [["--rtt", "0,"], 'Flag "--rtt" cannot take ""'],
    [["--rounds", "0"], 'Flag "--rounds" cannot take "0"'],
    [["--json"], 'Flag "--json" needs a value'],
    [["--json="], 'Flag "--json" needs a value'],
  ];
  for (const [args, message] of cases) {
    assertEquals(assertThrows(() => parseFlags(args, NAMES), AgentError).message, message);
  }
});

Deno.test("the help names every measurement", () => {
  assertStringIncludes(usage(NAMES), "one, two");
});
