#!/usr/bin/env bash
# Makes the tokens of every node those of one file: new and changed ones are added, others deleted, the digest compared.
# Hashes travel, secrets do not. The tool is installed on the nodes.
#
#   every-node.sh FILE NODE...
set -euo pipefail
file=$1
[ -s "$file" ] || { echo "$file does not exist, or is empty" >&2; exit 66; }
digest=$(elasticsearch-service-tokens list --json --file "$file" | jq -r .digest)
for node in "${@:2}"; do
  difference=$(ssh "$node" sudo elasticsearch-service-tokens export | elasticsearch-service-tokens diff --json - "$file") && continue
  elasticsearch-service-tokens export --file "$file" |
    ssh "$node" sudo elasticsearch-service-tokens import --replace --entries /dev/stdin
  jq -r '.removed[]' <<< "$difference" | ssh "$node" "xargs -r -d '\n' sudo elasticsearch-service-tokens delete --ignore-not-found"
  ssh "$node" sudo elasticsearch-service-tokens check --expect-digest "$digest"
done
