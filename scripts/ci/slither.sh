#!/usr/bin/env bash
# Runs Slither over the contracts, from what Hardhat compiles: no second compiler, no network.
#
#     scripts/ci/slither.sh [SLITHER]        fails on findings of medium severity and above
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
project=$PWD

slither=$(command -v "${1:-slither}")
node scripts/bootstrap.mjs --quiet scripts/completeLock.ts --check
# A copy, because Slither needs artifacts that match every source and hold no test contract.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R contracts hardhat.config.ts package.json tsconfig.json "$copy"
ln -s "$project/node_modules" "$copy/node_modules"
cd "$copy"

# Slither asks Hardhat for its settings, under whatever Node comes first: the one that the bootstrap chose.
remembered="$project/node_modules/.cache/vinculum/node"
[ ! -f "$remembered" ] || export PATH="$(dirname "$(cat "$remembered")"):$PATH"
node "$project/scripts/bootstrap.mjs" --quiet node_modules/hardhat/dist/src/cli.js compile --quiet
"$slither" . --compile-force-framework hardhat --ignore-compile --hardhat-artifacts-directory artifacts \
  --filter-paths 'node_modules' --exclude-informational --exclude-optimization --fail-medium
