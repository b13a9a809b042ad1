# shellcheck shell=bash
# Paths of the host, as the host itself resolves them. In the container, an absolute link of the host leads elsewhere.

readonly MAX_LINKS=40 # as the kernel (MAXSYMLINKS in its include/linux/namei.h)

# Prints the path below HOST_ROOT that a path of the host leads to. No part of the result that exists is a link. Fails with a
# message if the path leads through too many links.
resolve_on_host() { # ABSOLUTE-PATH
  resolve_path "$1" || { printf '%s\n' "$1 leads through more than $MAX_LINKS links" && return 1; }
  printf '%s' "$RESOLVED"
}

RESOLVED=

# Sets RESOLVED to that path; without a link on the way, it starts no program. For a path through too many links, RESOLVED is the
# path as the container sees it, whose use fails.
resolve_path() { # ABSOLUTE-PATH
  local -r root=${HOST_ROOT%/}
  local rest=$1 found='' part target
  local -i links=0
  while [[ -n $rest ]]; do
    part=${rest%%/*}
    rest=${rest:${#part}}
    rest=${rest#/}
    case $part in
      '' | .) continue ;;
      ..)
        found=${found%/*}
        continue
        ;;
    esac
    found+=/$part
    [[ -L $root$found ]] || continue
    links+=1
    if ((links > MAX_LINKS)); then
      RESOLVED=$root$1
      return 1
    fi
    target=$(readlink -- "$root$found")
    found=${found%/*}
    [[ $target != /* ]] || found=
    rest=$target/$rest
  done
  found=$root$found
  RESOLVED=${found:-/}
}

# Prints the path below HOST_ROOT of a file that may be a link itself. A path through too many links stays as it is; its use fails.
host_file() { # ABSOLUTE-PATH
  resolve_path "${1%/*}/" || true
  printf '%s' "${RESOLVED%/}/${1##*/}"
}
