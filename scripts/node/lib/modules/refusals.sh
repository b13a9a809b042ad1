# shellcheck shell=bash
# Explains in one sentence and one exit code why the kernel refused a module. modprobe prints the text of the error number.

# The last bytes of a signed module (include/linux/module_signature.h).
readonly SIGNATURE_MARK="~Module signature appended~"

# Succeeds if a switch of the kernel is on.
is_on() { # FILE
  local value=
  { read -r value <"$1"; } 2>/dev/null || true
  [[ $value == [1Y] ]]
}

check_modules_allowed() {
  ! is_on "$PROC_ROOT/sys/kernel/modules_disabled" || fail "$EXIT_MODULE_REFUSED" \
    "kernel.modules_disabled is 1, so the kernel loads no module until the next boot; unset it in the node's sysctls, and reboot"
}

# Prints the setting that makes the kernel refuse unsigned modules; nothing if it loads them.
signatures_required() {
  local value=
  if is_on "$SYSFS_ROOT/module/module/parameters/sig_enforce"; then
    printf 'module.sig_enforce'
    return 0
  fi
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
    *"Permission denied"*) fail_without_access "$1" "$words" ;;
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

# EPERM. The kernel checks in this order (may_init_module in its kernel/module/main.c, then LoadPin, then lockdown).
fail_without_permission() { # MODULE FILE KERNEL-MESSAGES
  check_modules_allowed
  ! lacks_module_capability || fail "$EXIT_MODULE_REFUSED" \
    "this container may not load $1; run it privileged, or with the capability SYS_MODULE"
  in_first_user_namespace || fail "$EXIT_MODULE_REFUSED" \
    "this container may not load $1, because it runs in a user namespace; run it with hostUsers: true"
  [[ $3 != *LoadPin:*denied* ]] || fail_for_loadpin "$1"
  [[ -z $(signatures_required) && $3 != *[Ll]ockdown* && $3 != *"unsigned module"* ]] ||
    fail "$EXIT_SIGNATURE" "$(untrusted_key_message "$1" "$2")"
  # Older kernels call it enabled.
  if is_on "$PROC_ROOT/sys/kernel/loadpin/enforce" || is_on "$PROC_ROOT/sys/kernel/loadpin/enabled"; then
    fail_for_loadpin "$1"
  fi
  fail "$EXIT_MODULE_REFUSED" \
    "a seccomp profile or a security module of the node forbids this container to load $1; run it privileged, or allow it there"
}

# Succeeds if CAP_SYS_MODULE (bit 16) is not effective.
lacks_module_capability() {
  local mask
  mask=$(sed -n 's/^CapEff:[[:space:]]*//p' "$PROC_ROOT/self/status" 2>/dev/null) || true
  [[ -n $mask ]] && (((16#$mask >> 16 & 1) == 0))
}

# Capabilities in another user namespace do not count for modules.
in_first_user_namespace() {
  local inside=0 outside=0 count=4294967295
  { read -r inside outside count <"$PROC_ROOT/self/uid_map"; } 2>/dev/null || true
  [[ "$inside $outside $count" == "0 0 4294967295" ]]
}

fail_for_loadpin() { # MODULE
  fail "$EXIT_MODULE_REFUSED" "LoadPin refused $1: the node loads modules from one file system only; \
choose an INSTALL_ROOT on it, or boot with loadpin.enforce=0 (older kernels: loadpin.enabled=0)"
}

# EACCES, from a security module with a policy.
fail_without_access() { # MODULE KERNEL-MESSAGES
  if [[ $2 == *avc:*denied*module_load* ]] || is_on "$SYSFS_ROOT/fs/selinux/enforce"; then
    fail "$EXIT_MODULE_REFUSED" "SELinux refused $1; run this container privileged (type spc_t), and label the modules for \
loading: chcon -R -t modules_object_t $INSTALL_ROOT"
  fi
  fail "$EXIT_MODULE_REFUSED" "a security module of the node refused $1; allow this container to load modules in its policy"
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

readonly ABOUT_MODULES='nvidia|nvrm|lockdown|unsigned module|module verification|LoadPin: .*denied|avc: .*denied.*module_load'

# Prints the last kernel messages about the driver; nothing if the container may not read them.
kernel_messages() {
  dmesg 2>/dev/null | grep -iE "$ABOUT_MODULES" | tail -n 5 || true
}
