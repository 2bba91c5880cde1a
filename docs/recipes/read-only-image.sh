#!/usr/bin/env bash
# An image with one more token, for places where the configuration is read-only. The tokens file goes through the tool as
# a stream; the new token lies in TOKEN_FILE, private, and in no layer of the image.
#
#   read-only-image.sh IMAGE NEW_IMAGE TOKEN_FILE
set -euo pipefail
image=$1 new=$2 token_file=$3
dir=$(mktemp -d) && trap 'rm -r "$dir"' EXIT
docker run --rm --entrypoint sh "$image" -c 'cat config/service_tokens 2> /dev/null || test ! -e config/service_tokens' |
  elasticsearch-service-tokens create elastic/kibana kibana-1 --file - --token-file "$token_file" > "$dir/service_tokens"
printf 'FROM %s\nCOPY --chmod=640 service_tokens /usr/share/elasticsearch/config/\n' "$image" > "$dir/Dockerfile"
docker build -t "$new" "$dir"
