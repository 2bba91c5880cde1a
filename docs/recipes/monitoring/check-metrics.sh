#!/usr/bin/env bash
# Writes what `check` finds as metrics for Prometheus: DIRECTORY is that of node_exporter's textfile collector. Ends with
# the status of `check`, which is also a metric: 0 is fine, 1 is a finding, anything else means that nothing was checked.
#
#   check-metrics.sh DIRECTORY [OPTION...]       options of `check`, such as --expect-tokens 2
#
# Two alerts: service_tokens_check_status != 0
#             count(count by (digest) (service_tokens_info)) > 1       the nodes do not have the same tokens
set -euo pipefail
umask 022 # node_exporter reads the metrics, which name no token
metrics=$1/service_tokens.prom status=0
trap 'rm -f "$metrics.$$"' EXIT
report=$(elasticsearch-service-tokens check --json "${@:2}") || status=$?
{
  echo "service_tokens_check_status $status"
  jq -r '
    "service_tokens_count \(.tokens)",
    "service_tokens_info{digest=\"\(.digest // "")\"} 1",
    (.findings | group_by([.severity, .code])[]
      | "service_tokens_findings{severity=\"\(.[0].severity)\",code=\"\(.[0].code)\"} \(length)")' <<< "$report"
} > "$metrics.$$"
mv "$metrics.$$" "$metrics" # node_exporter reads whole files only
exit "$status"
