#!/usr/bin/env bash
# Sends the running service everything that its OpenAPI document allows and forbids: it must answer as the document
# says, and never with a failure of its own.
#
#     scripts/ci/schemathesis.sh [SCHEMATHESIS [URL]]      without an address, a service of its own is started
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. scripts/ci/service.sh

schemathesis=$(command -v "${1:-schemathesis}")
url=${2:-}
work=$(mktemp -d)
trap 'kill_service "$work"; rm -rf "$work"' EXIT

if [ -z "$url" ]; then
  # Limits are for people; this caller asks thousands of questions.
  export REQUESTS_PER_MINUTE=1000000 LOOKUPS_PER_HOUR=1000000 ANONYMOUS_LOOKUPS_PER_HOUR=1000000
  mkdir "$work/data"
  start_service "$PWD" "$work/data" 180
  url=$service_url
fi

cd "$work"
"$schemathesis" run "$url/openapi.json" --url "$url" \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,negative_data_rejection,unsupported_method \
  --max-examples "${SCHEMATHESIS_EXAMPLES:-40}" --seed 1 --workers 1 --request-timeout 30 \
  --continue-on-failure --suppress-health-check all --warnings off --no-shrink

# It must still be there afterwards.
curl -fsS -m 10 -o /dev/null "$url/readyz"
[ -z "${service_group:-}" ] || stop_service
