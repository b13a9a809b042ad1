# shellcheck shell=bash
# The content of the files that report.sh writes, from STATUS.

readonly EXPIRY_SECONDS=600

# Prints metrics for node-exporter's textfile collector, which reads files named *.prom:
# https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
# The values of the last install come from the existing file.
metrics() { # PATH EXIT-CODE SECONDS
  local -r code=${2:-$(kept_metric "$1" install_exit_code)} seconds=${3:-$(kept_metric "$1" install_seconds)}
  local state labels=
  if [[ -n ${STATUS[folder]} ]]; then
    add_label driver "${STATUS[driver]}"
    add_label kernel "${STATUS[kernel]}"
    add_label module_type "${STATUS[type]}"
    add_label image "${STATUS[image]}"
    metric info "The installed driver, and the tag of its image." "{$labels} 1"
  fi
  metric ready "1 if a job can use the installed driver, else 0." " $(bool_number "${STATUS[ready]}" true)"
  [[ -z ${STATUS[problem]} ]] || metric problem_info "The reason why the driver is not ready." "{problem=\"${STATUS[problem]}\"} 1"
  daemon_metrics
  cdi_metric
  local -a states=()
  for state in absent same different-idle different-busy; do
    states+=("{state=\"$state\"} $(bool_number "${STATUS[state]}" "$state")")
  done
  metric state "The loaded driver, compared with the installed one." "${states[@]}"
  [[ -z $seconds ]] || metric install_seconds "Duration of the last install that changed something and succeeded." " $seconds"
  [[ -z $code ]] || metric install_exit_code "Exit code of the last install; 0 is success." " $code"
  failure_metric
  # The last one: `wait` compares only what stands before it.
  metric report_timestamp_seconds "Unix time of this report." " $EPOCHSECONDS"
}

# Leaves out the daemons that this node does not need.
daemon_metrics() {
  local name
  local -a samples=()
  for name in persistence fabric; do
    case $("${name}_state") in
      running) samples+=("{daemon=\"$name\"} 1") ;;
      stopped | missing) samples+=("{daemon=\"$name\"} 0") ;;
    esac
  done
  ((${#samples[@]} == 0)) || metric daemon_running "1 if a daemon that this node needs runs, else 0." "${samples[@]}"
}

# Leaves out a node without a GPU, which needs no specification.
cdi_metric() {
  local kind
  local -a samples=()
  read_cdi_status
  for kind in "${CDI_WANTED[@]}"; do
    [[ ${CDI_PROBLEM[$kind]} == no_gpu ]] || samples+=("{kind=\"$kind\"} $(bool_number "${CDI_PROBLEM[$kind]}" "")")
  done
  ((${#samples[@]} == 0)) ||
    metric cdi_specification "1 if container engines can use the installer's CDI specification of a kind, else 0." "${samples[@]}"
}

failure_metric() {
  local labels=
  read_failure
  ((${#FAILURE[@]} > 0)) || return 0
  add_label exit_code "${FAILURE[1]}"
  add_label reason "${FAILURE[2]}"
  add_label command "${FAILURE[0]}"
  metric last_failure_info "The last install or uninstall, if it failed." "{$labels} 1"
}

metric() { # NAME HELP SAMPLE…
  local -r name=nvidia_installer_$1
  printf '# HELP %s %s\n# TYPE %s gauge\n' "$name" "$2" "$name"
  printf "$name%s\\n" "${@:3}"
}

bool_number() { # WORD WORD
  if [[ $1 == "$2" ]]; then printf 1; else printf 0; fi
}

# Appends to the caller's labels.
add_label() { # NAME VALUE
  local value=${2//\\/"\\\\"}
  value=${value//\"/"\\\""}
  value=${value//$'\n'/"\\n"}
  labels+="${labels:+,}$1=\"$value\""
}

kept_metric() { # PATH NAME
  local -r pattern=$'\n'"nvidia_installer_$2 ([0-9]{1,18})"$'\n'
  if read_text "$1" && [[ $TEXT =~ $pattern ]]; then printf '%s' "${BASH_REMATCH[1]}"; fi
}

# Prints features for Node Feature Discovery, which sets them as labels of the node:
# https://kubernetes-sigs.github.io/node-feature-discovery/stable/usage/customization-guide#feature-files
# It ignores features after their expiry time, which has to stand before them.
features() {
  local state=${STATUS[state]}
  TZ=UTC0 printf '# +expiry-time=%(%Y-%m-%dT%H:%M:%SZ)T\n' "$((EPOCHSECONDS + EXPIRY_SECONDS))"
  if [[ -n ${STATUS[folder]} ]]; then
    feature driver-version "${STATUS[driver]}"
    feature driver-branch "${STATUS[driver]%%.*}"
    feature kernel "${STATUS[kernel]}"
    feature module-type "${STATUS[type]}"
  fi
  if [[ ${STATUS[ready]} == true ]]; then
    state=ready
  elif [[ $state == same ]]; then
    state=not-ready
  fi
  [[ -z ${STATUS[problem]} ]] || feature problem "${STATUS[problem]}"
  feature persistence-daemon "$(persistence_state)"
  feature fabric-manager "$(fabric_state)"
  feature state "$state"
}

# Prints a feature, with a valid label value: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
feature() { # NAME VALUE
  local value=${2//[^A-Za-z0-9._-]/-}
  value=${value:0:63}
  value=${value#"${value%%[A-Za-z0-9]*}"}
  value=${value%"${value##*[A-Za-z0-9]}"}
  printf 'nvidia-installer.%s=%s\n' "$1" "$value"
}
