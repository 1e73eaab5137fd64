import { connect, createServer, type TLSSocket } from "node:tls";
import { reloadOnChange } from "../../../lib/listen/tls_reload.ts";
import { logger } from "../../../lib/log.ts";
import { type Identity, readIdentity } from "../../../lib/net/tls/files.ts";
import { assertEquals } from "../../support/assert.ts";
import { type CertificateFiles, Certificates } from "../../support/certificates.ts";
import { until } from "../../support/poll.ts";

/** The name in the certificate that the server shows. */
async function nameOf(port: number): Promise<string> {
  const client = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  try {
    await new Promise<void>((resolve, reject) => {
      client.once("secureConnect", resolve);
      client.once("error", reject);
    });
    return client.getPeerCertificate().subject.CN;
  } finally {
    await new Promise<void>((resolve) => {
      client.once("close", () => resolve());
      client.destroy();
    });
  }
}

Deno.test("a server shows the certificate that is on the disk, and keeps a good one", async () => {
  const directory = await Deno.makeTempDir({ prefix: "rda-reload-" });
  try {
    const certificates = new Certificates(directory);
    const authority = await certificates.authority("ca");
    const files: CertificateFiles = await certificates.issue(authority, "one");
    const next = await certificates.issue(authority, "two");
    let time = 0;
    const read = async () => ({ ...await readIdentity(files, "server"), authorities: [] });
    const server = createServer({ ...await read() });
    server.on("secureConnection", (socket: TLSSocket) => {
      socket.on("error", () => {/* The client has seen enough. */});
      socket.end();
    });
    const paths = [files.certFile, files.keyFile];
    const watched = {
      onClient: (listener: () => void) => void server.on("connection", listener),
      replace: (material: Identity) => server.setSecureContext(material),
    };
    await reloadOnChange(watched, { paths, read, log: logger("test"), now: () => time });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" ? address?.port ?? 0 : 0;
    assertEquals(await nameOf(port), "one");
    await Deno.writeTextFile(files.certFile, "no certificate");
    time += 2_000;
    assertEquals([await nameOf(port), await nameOf(port)], ["one", "one"]);
    await Deno.copyFile(next.keyFile, files.keyFile);
    await Deno.copyFile(next.certFile, files.certFile);
    await until("the new one is shown", async () => {
      time += 2_000;
      return await nameOf(port) === "two";
    });
    await new Promise<void>((resolve) => server.close(() => resolve()));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
