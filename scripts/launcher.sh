#!/bin/sh
# remote-docker-agent @VERSION@ for @PLATFORM@: this launcher, and after its last line an archive of
# the Deno runtime and the program. The first start unpacks them into the user's cache, once per
# version and all or nothing; every start then runs from there.
set -eu

parent="@CACHES@/remote-docker-agent"
directory="$parent/@ID@"
program="$directory/remote-docker-agent"

unpack() (
  umask 077
  mkdir -p "$parent"
  temporary=$(mktemp -d "$parent/.unpack.XXXXXX")
  trap 'rm -rf "$temporary"' EXIT
  trap 'exit 1' HUP INT TERM
  tail -n +@FIRST_LINE@ "$0" | tar -xzf - -C "$temporary"
  # Another start may have been quicker; a directory without the program is a damaged one.
  if [ ! -x "$program" ]; then
    rm -rf "$directory"
    mv "$temporary" "$directory"
  fi
  # Two at the same moment: the later one has been moved into the directory of the first.
  rm -rf "$directory/${temporary##*/}"
)

if [ ! -x "$program" ] || [ ! -f "$directory/main.js" ]; then
  rm -f "$program"
  unpack || {
    echo "remote-docker-agent: Cannot unpack into \"$parent\"; make room there, or set @VARIABLE@" >&2
    exit 1
  }
fi

# The runtime keeps its compiled code beside the program and never looks at the user's Deno.
DENO_DIR="$directory/cache" DENO_NO_UPDATE_CHECK=1 exec "$program" run --quiet --allow-all \
  --no-config --no-lock --no-npm --no-remote "$directory/main.js" "$@"
exit 1
