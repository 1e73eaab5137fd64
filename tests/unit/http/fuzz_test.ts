/**
 * A million heads at random. `RDA_FUZZ_HEADS` sets another number and `RDA_FUZZ_SEED` another seed;
 * a failure names the seed and the input.
 */
import {
  encodeRequestHead,
  encodeResponseHead,
  type RequestHead,
  type ResponseHead,
} from "../../../lib/http/head.ts";
import { HttpParseError } from "../../../lib/http/parse_error.ts";
import { type HttpParser, RequestParser } from "../../../lib/http/parser.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { makeRequest, makeResponse, Random } from "./generate.ts";
import {
  bytes,
  cutAt,
  describeHead,
  responseParser,
  run,
  type Seen,
  singly,
  text,
} from "./wire.ts";

const HEADS = Number(Deno.env.get("RDA_FUZZ_HEADS") ?? 1_000_000);
const SEED = Number(Deno.env.get("RDA_FUZZ_SEED") ?? 20260102);

/** One case in so many is also cut at every byte. */
const CUT_EVERY = 1000;

interface Side {
  readonly name: string;
  make(random: Random): string;
  /** Everything the parser says about these pieces. */
  run(pieces: Iterable<Uint8Array>): Seen[];
  /** How many messages it accepts, after the cheapest checks. */
  check(input: Uint8Array): number;
}

const SIDES: readonly Side[] = [
  {
    name: "requests",
    make: makeRequest,
    run: (pieces) => run(new RequestParser(), pieces),
    check: (input) =>
      check(new RequestParser(), input, encodeRequestHead, () => new RequestParser()),
  },
  {
    name: "responses",
    make: makeResponse,
    run: (pieces) => run(responseParser(["GET", "POST"]), pieces),
    check: (input) =>
      check(
        responseParser(["GET", "POST"]),
        input,
        encodeResponseHead,
        () => responseParser(["GET"]),
      ),
  },
];

/** Parses `input` as one piece; each accepted head must survive being encoded anew. */
function check<H extends RequestHead | ResponseHead>(
  parser: HttpParser<H>,
  input: Uint8Array,
  encode: (head: H) => Uint8Array,
  fresh: () => HttpParser<H>,
): number {
  let accepted = 0;
  let relayed = 0;
  try {
    parser.push(input);
    for (let event = parser.next(); event; event = parser.next()) {
      if (event.type === "head") {
        accepted++;
        relayed += event.head.raw.length;
        const again = fresh();
        again.push(encode(event.head));
        const second = again.next();
        assert(second?.type === "head");
        assertSame(describeHead(second.head), describeHead(event.head));
        assertSame(JSON.stringify(second.framing), JSON.stringify(event.framing));
      }
      if (event.type === "body") relayed += event.wire.length;
      if (event.type === "raw") relayed += event.bytes.length;
    }
    parser.finish();
  } catch (error) {
    if (!(error instanceof HttpParseError)) throw error;
  }
  assert(relayed <= input.length);
  return accepted;
}

/** `assertEquals` without the cost of its comparison. */
function assertSame(actual: string, expected: string): void {
  if (actual !== expected) assertEquals(actual, expected);
}

for (const side of SIDES) {
  const count = Math.ceil(HEADS / SIDES.length);

  Deno.test(`${count} generated ${side.name} meet no error but the parser's own`, () => {
    const random = new Random(SEED);
    let accepted = 0;
    for (let at = 0; at < count; at++) {
      const wire = side.make(random);
      try {
        accepted += side.check(bytes(wire));
      } catch (error) {
        throw new Error(`Seed ${SEED}, case ${at}: ${JSON.stringify(wire)}`, { cause: error });
      }
    }
    const share = accepted / count;
    assert(share > 0.1 && share < 0.9, `Seed ${SEED}: ${share} of the heads were accepted`);
  });

  Deno.test(`generated ${side.name} mean the same wherever they are cut`, () => {
    const random = new Random(SEED + 1);
    for (let at = 0; at < count; at += CUT_EVERY) {
      const input = bytes(side.make(random));
      const whole = side.run([input]);
      const name = `Seed ${SEED}: ${JSON.stringify(text(input))}`;
      assertEquals(side.run(singly(input)), whole, name);
      for (let cut = 1; cut < input.length; cut++) {
        assertSame(JSON.stringify(side.run(cutAt(input, cut))), JSON.stringify(whole));
      }
    }
  });
}
