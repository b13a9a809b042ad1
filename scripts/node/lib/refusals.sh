# shellcheck shell=bash
# Why the kernel does not take a module, in one sentence and one exit code. modprobe gives the text of the error number.

# Modules that are signed end with these words: include/linux/module_signature.h.
readonly SIGNATURE_MARK="~Module signature appended~"

# Prints what makes the kernel refuse unsigned modules; nothing if it takes them.
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
    end=$(packed_module "$2" | tail -c 28 | tr -d '\0') || return 0 # damaged, which is said when it is unpacked
  fi
  [[ $end == "$SIGNATURE_MARK" ]] || fail "$EXIT_SIGNATURE" \
    "this kernel takes signed modules only ($why), and this image's are not signed; build it with a signing key"
}

explain_refusal() { # MODULE FILE REASON
  local words
  words=$(kernel_words)
  quote "$3"
  quote "$words"
  case $3 in
    *"Key was rejected"* | *"Required key not available"*) fail "$EXIT_SIGNATURE" "$(untrusted_key "$1" "$2")" ;;
    *"Operation not permitted"*) fail_without_permission "$1" "$2" "$words" ;;
    *"No such device"*) fail "$EXIT_NO_USABLE_GPU" \
      "$1 found no GPU that it can drive; what it says stands above, and lspci -nnk -d 10de: shows what holds the GPUs" ;;
    *"Exec format error"* | *"Invalid module format"*) fail "$EXIT_MODULE_REFUSED" \
      "the kernel refused $1: it was compiled for another kernel than the one that runs, though the release is the same" ;;
    *"Unknown symbol"*) fail "$EXIT_MODULE_REFUSED" \
      "the kernel refused $1: it lacks a symbol that $1 needs, or does not know a parameter; what it says stands above" ;;
    *"Invalid argument"* | *"Invalid parameters"*) fail "$EXIT_MODULE_REFUSED" \
      "the kernel refused $1: a symbol has changed since $1 was compiled, or a parameter has a value that cannot be" ;;
    *) fail "$EXIT_MODULE_REFUSED" "the kernel refused $1; its reason stands above" ;;
  esac
}

fail_without_permission() { # MODULE FILE KERNEL-WORDS
  [[ -z $(signatures_required) && $3 != *[Ll]ockdown* && $3 != *"unsigned module"* ]] ||
    fail "$EXIT_SIGNATURE" "$(untrusted_key "$1" "$2")"
  fail "$EXIT_MODULE_REFUSED" "this container may not load $1; run it privileged, or with the capability SYS_MODULE"
}

untrusted_key() { # MODULE FILE
  local signer
  signer=$(modinfo -F signer "$2" 2>/dev/null) || true
  printf '%s' "the kernel takes signed modules only, and $1 is "
  if [[ -n $signer ]]; then
    printf '%s' "signed by '$signer', a key that it does not trust; enrol that certificate (as a MOK, or in the firmware's db)"
  else
    printf '%s' "not signed by a key that it trusts; build the image with a signing key, and enrol its certificate"
  fi
}

# What the kernel has said last that has to do with this. Reading it may be forbidden.
kernel_words() {
  dmesg 2>/dev/null | grep -iE 'nvidia|nvrm|lockdown|unsigned module|module verification' | tail -n 5 || true
}
