import { hasOwnClock } from "../../../../lib/sync/session/last_look.ts";
import { assertEquals } from "../../../support/assert.ts";

const MOUNTS = [
  "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw",
  "23 22 0:5 / /home/me/far rw - nfs4 server:/x rw",
  "24 22 0:6 / /mnt/with\\040blank rw - tmpfs none rw",
  "25 22 0:7 / /late rw - ext4 /dev/vdb rw",
  "26 25 0:8 / /late rw - fuse.sshfs far: rw",
  "",
].join("\n");

Deno.test("only times of this machine's own clock are relied upon", () => {
  const cases: [string, boolean][] = [
    ["/srv/x", true],
    ["/home/me/far", false],
    ["/home/me/far/below", false],
    ["/home/me/farther", true],
    ["/home/me", false],
    ["/mnt/with blank/x", true],
    ["/late/x", false],
  ];
  for (const [root, expected] of cases) assertEquals(hasOwnClock(root, MOUNTS), expected, root);
});
