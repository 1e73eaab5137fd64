#!/bin/sh
# remote-docker-agent @VERSION@ for @PLATFORM@: this launcher, and after its last line an archive of
# the Deno runtime and the program. The first start unpacks them into the user's cache, once per
# version and all or nothing; every start then runs from there.
set -eu

if [ -z "${@VARIABLE@:-${HOME:-}}" ]; then
  echo "remote-docker-agent: There is no directory to unpack into; set @PLACES@" >&2
  exit 2
fi
parent="@CACHES@/remote-docker-agent"
directory="$parent/@ID@"
program="$directory/remote-docker-agent"

# "|| exit" throughout: "set -e" has no effect in a function whose failure is handled.
unpack() (
  umask 077
  mkdir -p "$parent" || exit
  temporary=$(mktemp -d "$parent/unpack.XXXXXX") || exit
  trap 'rm -rf "$temporary"' EXIT
  trap 'exit 1' HUP INT TERM
  tail -n +@FIRST_LINE@ "$0" | tar -xzof - -C "$temporary" || exit
  # Renamed one by one, so that starts at the same moment can do no harm; the program comes last,
  # because it stands for the whole.
  mkdir -p "$directory" || exit
  mv -f "$temporary/main.js" "$directory/main.js" || exit
  mv -f "$temporary/remote-docker-agent" "$program" || exit
)

if [ ! -x "$program" ] || [ ! -f "$directory/main.js" ]; then
  unpack || {
    echo "remote-docker-agent: Cannot unpack into \"$parent\"; make room there, or set @VARIABLE@" >&2
    exit 1
  }
fi

# The runtime keeps its compiled code beside the program and never looks at the user's Deno.
# Who installs a service wants the path of this file. What the user has in these variables is for the
# commands that the program runs (lib/cli/launcher.ts).
file=$(cd "$(dirname "$0")" && pwd)/${0##*/}
export REMOTE_DOCKER_AGENT_DENO_DIR="${DENO_DIR:-}" \
  REMOTE_DOCKER_AGENT_DENO_NO_UPDATE_CHECK="${DENO_NO_UPDATE_CHECK:-}"
export REMOTE_DOCKER_AGENT_FILE="$file" DENO_DIR="$directory/cache" DENO_NO_UPDATE_CHECK=1
exec "$program" run --quiet --allow-all @RUNTIME_FLAGS@ --no-config --no-lock --no-npm --no-remote \
  "$directory/main.js" "$@"
exit 1
