# shellcheck shell=bash
# Paths of the host, as the host itself resolves them. In the container, an absolute link of the host leads elsewhere.

readonly MAX_LINKS=40 # as the kernel (MAXSYMLINKS in its include/linux/namei.h)

# Prints the path below HOST_ROOT that a path of the host leads to. No part of the result that exists is a link. Fails with a
# message if the path leads through too many links.
resolve_on_host() { # ABSOLUTE-PATH
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
    ((links <= MAX_LINKS)) || { printf '%s\n' "$1 leads through more than $MAX_LINKS links" && return 1; }
    target=$(readlink -- "$root$found")
    found=${found%/*}
    [[ $target != /* ]] || found=
    rest=$target/$rest
  done
  found=$root$found
  printf '%s' "${found:-/}"
}

# Prints the path below HOST_ROOT of a file that may be a link itself. A path through too many links stays as it is; its use fails.
host_file() { # ABSOLUTE-PATH
  local folder
  folder=$(resolve_on_host "${1%/*}/") || folder=${HOST_ROOT%/}${1%/*}
  printf '%s' "${folder%/}/${1##*/}"
}
