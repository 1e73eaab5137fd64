/**
 * A Windows program that keeps a file open until it is interrupted, as an editor or a scanner does.
 * Argument: the file.
 */
if (import.meta.main) {
  using _file = Deno.openSync(Deno.args[0] ?? "");
  console.log("holding");
  await new Promise<void>((resolve) => Deno.addSignalListener("SIGINT", resolve));
  Deno.exit(0);
}
