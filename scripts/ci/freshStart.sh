#!/usr/bin/env bash
# The promises of `npm start`, kept from a fresh clone with whatever Node comes first on the PATH: it answers within
# 90 s, ends at Ctrl-C, resumes within 5 s, survives a kill, and the command line finds it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
project=$PWD
. scripts/ci/service.sh

work=$(mktemp -d)
trap 'kill_service "$work"; rm -rf "$work"' EXIT
git clone -q "$project" "$work/clone"
mkdir "$work/data"

within() {
  printf '%s: first answer after %d ms (at most %d)\n' "$1" "$service_milliseconds" "$2"
  [ "$service_milliseconds" -le "$2" ]
}

echo "Node on the PATH: $(node --version)"
start_service "$work/clone" "$work/data" 300
within 'Fresh' 90000
tail -5 "$work/data.log"
stop_service

start_service "$work/clone" "$work/data" 60
within 'Resumed' 5000
(cd / && VINCULUM_DATA="$work/data" "$work/clone/bin/vinculum" --help >/dev/null)
echo 'The command line answers.'

kill -KILL -- "-$service_group"
wait "$service_group" 2>/dev/null || true
start_service "$work/clone" "$work/data" 120
printf 'After kill -9: first answer after %d ms\n' "$service_milliseconds"
stop_service
[ -z "$(cd "$work/clone" && git status --porcelain)" ] || { echo 'Starting changed files of the clone:' >&2; git -C "$work/clone" status --short >&2; exit 1; }
