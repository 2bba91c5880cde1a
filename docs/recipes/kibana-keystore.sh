#!/usr/bin/env bash
# The token goes into Kibana's keystore instead of kibana.yml. As root, on the node where Kibana runs; again whenever you
# like. STORE is a directory of root's, mode 0700; it keeps the token, so that the next run has nothing to change.
#
#   kibana-keystore.sh STORE
set -euo pipefail
store=$1
install -d -m 700 "$store"
if [ "$(elasticsearch-service-tokens ensure elastic/kibana kibana-1 --token-file "$store/kibana-1")" = unchanged ] &&
  kibana-keystore list | grep -qx elasticsearch.serviceAccountToken; then
  exit
fi
kibana-keystore add --force --stdin elasticsearch.serviceAccountToken < "$store/kibana-1"
systemctl restart kibana
