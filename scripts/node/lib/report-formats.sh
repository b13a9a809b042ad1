# shellcheck shell=bash
# What is in the files of report.sh. Both are made of STATUS.

# For node-exporter's textfile collector, which reads what ends with .prom:
# https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
# What an install has told stays, and is read from the file that is there.
metrics() { # PATH EXIT-CODE SECONDS
  local -r code=${2:-$(kept_metric "$1" install_exit_code)} seconds=${3:-$(kept_metric "$1" install_seconds)}
  local state labels=
  if [[ -n ${STATUS[folder]} ]]; then
    add_label driver "${STATUS[driver]}"
    add_label kernel "${STATUS[kernel]}"
    add_label module_type "${STATUS[type]}"
    add_label image "${STATUS[image]}"
    metric info "The driver that is installed, and the tag of its image." "{$labels} 1"
  fi
  metric ready "Whether the driver that is installed is loaded and ready." " $(as_number "${STATUS[ready]}" true)"
  local -a states=()
  for state in absent same different-idle different-busy; do
    states+=("{state=\"$state\"} $(as_number "${STATUS[state]}" "$state")")
  done
  metric state "What the kernel has loaded, compared with what is installed." "${states[@]}"
  [[ -z $seconds ]] || metric install_seconds "How long the last install took that had something to do and did it." " $seconds"
  [[ -z $code ]] || metric install_exit_code "How the last install ended; 0 is well." " $code"
}

metric() { # NAME HELP SAMPLE…
  local -r name=nvidia_installer_$1
  printf '# HELP %s %s\n# TYPE %s gauge\n' "$name" "$2" "$name"
  printf "$name%s\\n" "${@:3}"
}

as_number() { # WORD WORD
  if [[ $1 == "$2" ]]; then printf 1; else printf 0; fi
}

# Adds to the caller's labels.
add_label() { # NAME VALUE
  local value=${2//\\/"\\\\"}
  value=${value//\"/"\\\""}
  value=${value//$'\n'/"\\n"}
  labels+="${labels:+,}$1=\"$value\""
}

kept_metric() { # PATH NAME
  local -r pattern=$'\n'"nvidia_installer_$2 ([0-9]+)"
  if [[ -f $1 && $(<"$1") =~ $pattern ]]; then printf '%s' "${BASH_REMATCH[1]}"; fi
}

# For Node Feature Discovery, which makes labels of the node of it:
# https://kubernetes-sigs.github.io/node-feature-discovery/stable/usage/customization-guide#feature-files
features() {
  local state=${STATUS[state]}
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
  feature state "$state"
}

# What the value of a label may be: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
feature() { # NAME VALUE
  local value=${2//[^A-Za-z0-9._-]/-}
  value=${value:0:63}
  value=${value#"${value%%[A-Za-z0-9]*}"}
  value=${value%"${value##*[A-Za-z0-9]}"}
  printf 'nvidia-installer.%s=%s\n' "$1" "$value"
}
