# shellcheck shell=bash
# What a node goes through with a pod of the chart: its containers' words and environment, as the chart is rendered, are in
# /pod; the files of its ConfigMap are where it mounts them.

# shellcheck source=/dev/null # written by tests/support/charts/pods.py
source /pod/env

in_pod() { # NAME-OF-A-FILE-OF-WORDS
  local -a words
  mapfile -t words <"/pod/$1"
  "${words[@]}"
}

# The kubelet's signal goes to the program itself, so no shell may stand between.
start_driver() {
  local -a words
  mapfile -t words </pod/driver
  "${words[@]}" >/tmp/driver.log 2>&1 &
  DRIVER=$!
}

# As the kubelet does it: again and again, up to the number of failures that the probe allows.
until_ready() { # PERIOD-SECONDS FAILURES
  local -i left=$2
  until in_pod probe; do
    ((left-- > 0)) || return 1
    sleep "$1"
  done
}

end_driver() {
  kill -TERM "$DRIVER" 2>/dev/null
  wait "$DRIVER"
}

reports() {
  cat "/host${METRICS_FILE:-/none}" "/host${FEATURES_FILE:-/none}"
}

section "listing before" listing
section "probe before" in_pod probe
section "init" in_pod init
section "probe after init" in_pod probe
start_driver
section "startup" until_ready 1 60
section "modules" grep ^nvidia /proc/modules
section "parameters" cat /proc/driver/nvidia/params
section "reports" reports
section "end of the pod" end_driver
section "log of the driver" cat /tmp/driver.log
section "probe of the next pod" in_pod probe
section "init of the next pod" in_pod init
start_driver
section "startup of the next pod" until_ready 1 60
section "preStop" in_pod prestop
section "end of the next pod" end_driver
section "loaded after" cat /proc/modules
section "listing after" listing
