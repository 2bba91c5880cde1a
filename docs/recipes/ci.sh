#!/usr/bin/env bash
# Any CI: a node that has the token before it starts, and tests that get it as a variable.
#
#   ci.sh IMAGE COMMAND...       the image of your tests, and what to run in it
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -r "$dir"; docker rm -f elasticsearch > /dev/null' EXIT
elasticsearch-service-tokens create elastic/kibana ci --file "$dir/service_tokens" -o env --token-file "$dir/token.env"
docker create --name elasticsearch -e discovery.type=single-node docker.elastic.co/elasticsearch/elasticsearch:9.1.4
chmod 640 "$dir/service_tokens" # docker cp makes it root's; the node runs with group 0
docker cp "$dir/service_tokens" elasticsearch:/usr/share/elasticsearch/config/service_tokens
docker start elasticsearch
docker run --rm --network container:elasticsearch --env-file "$dir/token.env" "$@"
