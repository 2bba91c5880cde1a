#!/usr/bin/env bash
# A new token for Kibana without a moment of 401: the node accepts both until Kibana has changed over. As root, where both
# run; kibana.service has "EnvironmentFile=/etc/kibana/token.env" and kibana.yml refers to ${SERVICE_TOKEN}. With more
# nodes, run every-node.sh after both rotates. If it was stopped halfway, rotate says how to go on. The successor of
# kibana-1 is kibana-1_r2; "ensure elastic/kibana kibana-1" with the same file has nothing to do, before and after.
#
#   rotate.sh https://localhost:9200 --cacert /etc/elasticsearch/certs/http_ca.crt       options of curl may follow
set -euo pipefail
url=$1 env=${TOKEN_ENV:-/etc/kibana/token.env}
elasticsearch-service-tokens rotate elastic/kibana kibana-1 -o env --env-name SERVICE_TOKEN --token-file "$env"
# The node reads the file within five seconds. -H @- keeps the token out of the arguments.
sed -n 's/^SERVICE_TOKEN=/Authorization: Bearer /p' "$env" |
  curl -fsS -o /dev/null --retry 20 --retry-delay 1 --retry-all-errors -H @- "${@:2}" "$url/_security/_authenticate"
systemctl restart kibana
elasticsearch-service-tokens rotate elastic/kibana kibana-1 --finish
