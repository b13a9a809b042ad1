# shellcheck shell=bash
# Explains in one sentence and one exit code why the kernel refused a module. modprobe prints the text of the error number.

# The last bytes of a signed module (include/linux/module_signature.h).
readonly SIGNATURE_MARK="~Module signature appended~"

# Prints the setting that makes the kernel refuse unsigned modules; nothing if it loads them.
signatures_required() {
  local value=
  { read -r value <"$SYSFS_ROOT/module/module/parameters/sig_enforce"; } 2>/dev/null || true
  if [[ $value == Y ]]; then
    printf 'module.sig_enforce'
    return 0
  fi
  value=
  { read -r value <"$SYSFS_ROOT/kernel/security/lockdown"; } 2>/dev/null || true
  [[ $value != *"[integrity]"* && $value != *"[confidentiality]"* ]] || printf 'lockdown (Secure Boot)'
}

check_signature() { # FOLDER MODULE-TYPE RECORD
  local why end
  why=$(signatures_required)
  [[ -n $why ]] || return 0
  if has_record "$1" "$3"; then
    end=$(tail -c 28 -- "$(module_file "$1" nvidia)" | tr -d '\0')
  else
    end=$(archived_module "$2" | tail -c 28 | tr -d '\0') || return 0 # unpacking reports a damaged archive
  fi
  [[ $end == "$SIGNATURE_MARK" ]] || fail "$EXIT_SIGNATURE" \
    "this kernel loads signed modules only ($why), and this image's are not signed; build it with a signing key"
}

fail_for_refusal() { # MODULE FILE REASON
  local words
  words=$(kernel_messages)
  log_output "$3"
  log_output "$words"
  case $3 in
    *"Key was rejected"* | *"Required key not available"*) fail "$EXIT_SIGNATURE" "$(untrusted_key_message "$1" "$2")" ;;
    *"Operation not permitted"*) fail_without_permission "$1" "$2" "$words" ;;
    *"No such device"*) fail "$EXIT_NO_USABLE_GPU" \
      "$1 found no GPU that it can drive; see its messages above, and find the GPUs' driver with lspci -nnk -d 10de:" ;;
    *"Exec format error"* | *"Invalid module format"*) fail "$EXIT_MODULE_REFUSED" \
      "the kernel refused $1: it was compiled for another kernel with the same release; use an image for this kernel" ;;
    *"Unknown symbol"*) fail "$EXIT_MODULE_REFUSED" \
      "the kernel refused $1: it lacks a symbol that $1 needs, or $1 lacks a parameter; see the messages above" ;;
    *"Invalid argument"* | *"Invalid parameters"*) fail "$EXIT_MODULE_REFUSED" \
      "the kernel refused $1: a symbol has changed since $1 was compiled, or a parameter has an invalid value" ;;
    *) fail "$EXIT_MODULE_REFUSED" "the kernel refused $1; see its reason above" ;;
  esac
}

fail_without_permission() { # MODULE FILE KERNEL-MESSAGES
  [[ -z $(signatures_required) && $3 != *[Ll]ockdown* && $3 != *"unsigned module"* ]] ||
    fail "$EXIT_SIGNATURE" "$(untrusted_key_message "$1" "$2")"
  fail "$EXIT_MODULE_REFUSED" "this container may not load $1; run it privileged, or with the capability SYS_MODULE"
}

untrusted_key_message() { # MODULE FILE
  local signer
  signer=$(modinfo -F signer "$2" 2>/dev/null) || true
  printf '%s' "the kernel loads signed modules only, and $1 is "
  if [[ -n $signer ]]; then
    printf '%s' "signed by '$signer', a key that it does not trust; enrol that certificate (as a MOK, or in the firmware's db)"
  else
    printf '%s' "not signed by a key that it trusts; build the image with a signing key, and enrol its certificate"
  fi
}

# Prints the last kernel messages about the driver; nothing if the container may not read them.
kernel_messages() {
  dmesg 2>/dev/null | grep -iE 'nvidia|nvrm|lockdown|unsigned module|module verification' | tail -n 5 || true
}
