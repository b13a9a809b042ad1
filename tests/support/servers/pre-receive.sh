#!/usr/bin/env bash
# A hook of a repository, as a forge has one for protected branches (githooks(5), "pre-receive"): refuses pushes to the branch
# of the repository's own configuration, with the words that stand there.
set -euo pipefail

protected=refs/heads/$(git config protected.branch)
while read -r _ _ ref; do
  if [[ $ref == "$protected" ]]; then
    git config protected.words >&2
    exit 1
  fi
done
