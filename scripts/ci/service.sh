# To be sourced: starts and stops the service as a user would, for checks from outside.

# start_service FOLDER DATA SECONDS: `npm start` on a free port in its own process group; sets service_url,
# service_group and service_milliseconds (until the first answer).
start_service() {
  local folder=$1 data=$2 limit=$3 begun url
  rm -f "$data/service.json"
  begun=$(date +%s%3N)
  (
    cd "$folder"
    exec setsid env VINCULUM_DATA="$data" PORT=0 ACCESS_LOG=false npm start >>"$data.log" 2>&1 </dev/null
  ) &
  service_group=$!
  while :; do
    url=$(sed -n 's/.*"url": *"\(http[^"]*\)".*/\1/p' "$data/service.json" 2>/dev/null | head -1 || true)
    if [ -n "$url" ] && curl -fsS -m 5 -o /dev/null "$url/readyz" 2>/dev/null; then break; fi
    if ! kill -0 "$service_group" 2>/dev/null; then
      echo "The service ended before it answered:" >&2
      tail -30 "$data.log" >&2
      return 1
    fi
    if [ $(($(date +%s%3N) - begun)) -gt $((limit * 1000)) ]; then
      echo "The service did not answer within $limit s:" >&2
      tail -30 "$data.log" >&2
      return 1
    fi
    sleep 0.1
  done
  service_url=$url
  service_milliseconds=$(($(date +%s%3N) - begun))
}

# stop_service: Ctrl-C, as a terminal sends it to everything in the foreground; fails unless all is gone in 30 s.
stop_service() {
  local waited=0
  kill -INT -- "-$service_group" 2>/dev/null || true
  while kill -0 -- "-$service_group" 2>/dev/null; do
    if [ "$waited" -ge 300 ]; then
      kill -KILL -- "-$service_group" 2>/dev/null || true
      echo 'The service did not stop within 30 s of Ctrl-C.' >&2
      return 1
    fi
    waited=$((waited + 1))
    sleep 0.1
  done
  wait "$service_group" 2>/dev/null || true
  service_group=
}

# kill_service FOLDER: whatever is left at the end of a check, the embedded chain's node below the folder included.
kill_service() {
  local record pid
  [ -z "${service_group:-}" ] || kill -KILL -- "-$service_group" 2>/dev/null || true
  find "$1" -name node.json 2>/dev/null | while read -r record; do
    pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$record")
    if [ -n "$pid" ] && grep -qa anvil "/proc/$pid/cmdline" 2>/dev/null; then kill -KILL "$pid" || true; fi
  done
}
