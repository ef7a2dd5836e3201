#!/usr/bin/env bash
# What a container of the image is:
#   jobmanager [-D key=value ...]     a Flink cluster's JobManager
#   taskmanager [-D key=value ...]    one of its TaskManagers
#   bash -c COMMAND                   one of Flink's own scripts, as its Kubernetes operator asks for
#   healthy                           whether either of them answers
#   anything else                     a tidemark command
set -euo pipefail

flink() {
  FLINK_HOME=$(python -c 'import os, pyflink; print(os.path.dirname(pyflink.__file__))')
  JAVA_HOME=$(python -c 'from jobs.java import java_home; print(java_home())')
  # Workers keep the memory of a batch for the next one, which takes a tenth off their time.
  export FLINK_HOME JAVA_HOME MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=536870912 MALLOC_ARENA_MAX=2
  export FLINK_LOG_DIR=${FLINK_LOG_DIR:-/tmp} PATH=$FLINK_HOME/bin:$PATH
}

case "${1:-}" in
jobmanager | taskmanager)
  role=$1
  shift
  flink
  exec bash "$FLINK_HOME/bin/$role.sh" start-foreground "$@"
  ;;
bash)
  flink
  exec "$@"
  ;;
healthy)
  exec python -c 'import urllib.request as r; r.urlopen("http://localhost:9249/metrics", timeout=4).read()'
  ;;
*)
  exec tidemark "$@"
  ;;
esac
