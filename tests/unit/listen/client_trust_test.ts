/** Why a TLS listener refuses a client. */
import { connect } from "node:tls";
import { initAuthority, issueClient, issueServer } from "../../../lib/certs/certs.ts";
import { listenTls } from "../../../lib/listen/mutual_tls.ts";
import { assertEquals, assertMatch } from "../../support/assert.ts";
import { collectLog } from "../../support/log.ts";
import { until } from "../../support/poll.ts";

Deno.test("the log says what is wrong with each certificate", async () => {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "rda-trust-" }));
  const ours = { directory: `${directory}/ours`, force: false };
  const theirs = { directory: `${directory}/theirs`, force: false };
  const authority = await initAuthority(ours);
  await initAuthority(theirs);
  const identity = await issueServer(["localhost"], ours);
  const { log, lines } = collectLog();
  const files = { ...identity, caFile: authority.certFile };
  const listener = await listenTls({ kind: "tcp", host: "127.0.0.1", port: 0 }, files, log);
  try {
    listener.serve((duplex) => duplex.close());
    const { address } = listener;
    const port = address.kind === "tcp" ? address.port : 0;
    const reasons = () =>
      lines.filter(({ message }) => message === "Refused a client").map(({ fields }) =>
        String(fields["reason"])
      );
    const cases: [who: { certFile: string; keyFile: string } | undefined, reason: RegExp][] = [
      [undefined, /^no certificate$/],
      [identity, /^the certificate is not for clients$/],
      [await issueClient("late", { ...ours, days: -1 }), /^the certificate has expired$/],
      [
        await issueClient("stranger", theirs),
        /^no authority of ours has signed the certificate, which is from "CN=.+"$/,
      ],
    ];
    for (const [at, [who, reason]] of cases.entries()) {
      const socket = connect({
        port,
        host: "127.0.0.1",
        servername: "localhost",
        ca: await Deno.readTextFile(authority.certFile),
        ...(who !== undefined && {
          cert: await Deno.readTextFile(who.certFile),
          key: await Deno.readTextFile(who.keyFile),
        }),
      });
      socket.on("error", () => {/* Refused, as it is meant to be. */});
      await until("it is refused", () => reasons().length > at);
      socket.destroy();
      assertMatch(reasons()[at] ?? "", reason);
    }
    assertEquals(reasons().length, cases.length);
  } finally {
    await listener.close();
    await Deno.remove(directory, { recursive: true });
  }
});
