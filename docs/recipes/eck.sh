#!/usr/bin/env bash
# Kubernetes with ECK: a token for a Kibana or Fleet Server that ECK does not manage. ECK merges Secrets of this form into
# the tokens file of its nodes; this relies on internals of ECK, which are not documented and may change.
#
#   eck.sh NAMESPACE CLUSTER STORE       STORE: a directory of your own for the tokens, made with mode 0700
set -euo pipefail
namespace=$1 cluster=$2 store=$3
install -d -m 700 "$store"
elasticsearch-service-tokens ensure elastic/kibana kibana-1 --file "$store/service_tokens" --token-file "$store/kibana-1"
elasticsearch-service-tokens export -o eck-secret --cluster "$cluster" --namespace "$namespace" --file "$store/service_tokens" |
  kubectl apply -f -
