#!/usr/bin/env bash
# Kubernetes without ECK: a Secret with the hashes for the nodes, one with the token for Kibana, and the patches that
# mount them. Again whenever you like.
#
#   apply.sh NAMESPACE STORE       STORE: a directory of your own for the tokens, made with mode 0700
set -euo pipefail
namespace=$1 store=$2 patches=$(dirname "$0")
install -d -m 700 "$store"
elasticsearch-service-tokens ensure elastic/kibana kibana-1 --file "$store/service_tokens" --token-file "$store/kibana-1"
elasticsearch-service-tokens export -o k8s-secret --namespace "$namespace" --file "$store/service_tokens" | kubectl apply -f -
kubectl create secret generic kibana-token -n "$namespace" --from-file=token="$store/kibana-1" --dry-run=client -o yaml |
  kubectl apply -f -
kubectl patch statefulset elasticsearch -n "$namespace" --patch-file "$patches/elasticsearch.yaml"
kubectl patch deployment kibana -n "$namespace" --patch-file "$patches/kibana.yaml"
