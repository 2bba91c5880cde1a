#!/usr/bin/env bash
# An account has leaked: every token of it is deleted on every node. Its consumers are refused within five seconds, until
# each has a new token. Hashes do not travel.
#
#   revoke.sh ACCOUNT NODE...       for example: revoke.sh elastic/kibana es1 es2 es3
set -euo pipefail
account=$1
for node in "${@:2}"; do
  ssh "$node" sudo elasticsearch-service-tokens delete "$account" --all --ignore-not-found
done
