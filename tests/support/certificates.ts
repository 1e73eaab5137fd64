/** Throw-away authorities and certificates, made by the openssl command. */

/** Paths of PEM files. */
export interface CertificateFiles {
  certFile: string;
  keyFile: string;
}

/** Makes certificates in a directory of the caller's. */
export class Certificates {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** A new authority. */
  async authority(name: string): Promise<CertificateFiles> {
    const files = this.#files(name);
    await openssl(
      ["req", "-x509", ...KEY, "-days", "2", "-subj", `/CN=${name}`],
      ["-keyout", files.keyFile, "-out", files.certFile],
      ["-addext", "basicConstraints=critical,CA:TRUE"],
      ["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
    );
    return files;
  }

  /** A certificate that `authority` signed; `days` may be negative, for an expired one. */
  async issue(
    authority: CertificateFiles,
    name: string,
    options: { altNames?: string; days?: number } = {},
  ): Promise<CertificateFiles> {
    const files = this.#files(name);
    const request = `${this.#directory}/${name}.csr`;
    const extensions = `${this.#directory}/${name}.ext`;
    await Deno.writeTextFile(
      extensions,
      "extendedKeyUsage=serverAuth,clientAuth\n" +
        (options.altNames === undefined ? "" : `subjectAltName=${options.altNames}\n`),
    );
    await openssl(["req", "-new", ...KEY, "-subj", `/CN=${name}`], [
      "-keyout",
      files.keyFile,
      "-out",
      request,
    ]);
    await openssl(
      ["x509", "-req", "-in", request, "-CA", authority.certFile, "-CAkey", authority.keyFile],
      ["-CAcreateserial", "-days", String(options.days ?? 2), "-extfile", extensions],
      ["-out", files.certFile],
    );
    return files;
  }

  #files(name: string): CertificateFiles {
    return {
      certFile: `${this.#directory}/${name}.pem`,
      keyFile: `${this.#directory}/${name}.key`,
    };
  }
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

async function openssl(...args: string[][]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", {
    args: args.flat(),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`openssl failed: ${new TextDecoder().decode(stderr)}`);
}
