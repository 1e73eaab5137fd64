#!/bin/sh
# Installs remote-docker-agent for the platform it runs on.
#
#   sh install.sh [--from FOLDER|URL] [--to FOLDER]
#
# --from  where the files of a release are (default: the folder of this script)
# --to    where the program goes (default: /usr/local/bin if you may write there, or ~/.local/bin)
#
# The file must have the checksum that SHA256SUMS says, and must start, before it takes the place of
# an earlier one. Nothing else is changed.
set -eu
name=remote-docker-agent

fail() {
  echo "install.sh: $1" >&2
  exit 1
}

from=$(cd "$(dirname "$0")" && pwd) to=
while [ $# -gt 0 ]; do
  case $1 in
    --from) [ $# -ge 2 ] || fail "Missing value for --from"; from=$2; shift 2 ;;
    --from=*) from=${1#*=}; shift ;;
    --to) [ $# -ge 2 ] || fail "Missing value for --to"; to=$2; shift 2 ;;
    --to=*) to=${1#*=}; shift ;;
    -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '/^set/d'; exit 0 ;;
    *) fail "Unknown argument \"$1\"; sh install.sh --help shows what there is" ;;
  esac
done

case $(uname -s) in
  Linux) system=unknown-linux-gnu ;;
  Darwin) system=apple-darwin ;;
  *) fail "There is no file for $(uname -s); on Windows, put the .exe into a folder of PATH" ;;
esac
case $(uname -m) in
  x86_64 | amd64) target=x86_64-$system ;;
  aarch64 | arm64) target=aarch64-$system ;;
  *) fail "There is no file for $(uname -m)" ;;
esac
file=$name-$target

if [ -z "$to" ]; then
  to=/usr/local/bin
  [ -w "$to" ] || to=$HOME/.local/bin
fi
mkdir -p "$to" || fail "Cannot make \"$to\"; choose another folder with --to"
# In the same folder, so that the last step is one rename.
temporary=$(mktemp -d "$to/.$name.XXXXXX") || fail "Cannot write to \"$to\"; choose another folder with --to"
trap 'rm -rf "$temporary"' EXIT
trap 'exit 1' HUP INT TERM

fetch() {
  case $from in
    https://*)
      if command -v curl >/dev/null; then
        curl -fsSL --proto '=https' --proto-redir '=https' -o "$temporary/$1" "$from/$1"
      elif command -v wget >/dev/null; then
        wget -q --https-only -O "$temporary/$1" "$from/$1"
      else
        fail "Cannot download without curl or wget"
      fi ;;
    *://*) fail "Cannot take files from \"$from\"; give a folder or an https:// URL with --from" ;;
    *) cp "$from/$1" "$temporary/$1" ;;
  esac || fail "Cannot get \"$1\" from \"$from\""
}

fetch SHA256SUMS
expected=$(awk -v file="$file" '$2 == file { print $1 }' "$temporary/SHA256SUMS")
[ -n "$expected" ] || fail "There is no file for $target in \"$from\""
fetch "$file"
if command -v sha256sum >/dev/null; then
  found=$(sha256sum "$temporary/$file")
else
  found=$(shasum -a 256 "$temporary/$file")
fi
[ "${found%% *}" = "$expected" ] || fail "\"$file\" does not have the checksum of SHA256SUMS; get it again"

chmod 755 "$temporary/$file"
version=$("$temporary/$file" --version) || fail "\"$file\" does not start on this machine"
mv -f "$temporary/$file" "$to/$name"
echo "$version is installed as $to/$name"
case :$PATH: in
  *":$to:"*) ;;
  *) echo "\"$to\" is not in PATH; add it there, or type the whole path" ;;
esac
