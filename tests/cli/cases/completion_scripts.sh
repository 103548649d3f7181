# SPDX-License-Identifier: Apache-2.0
# A script for each shell, and no other.
for shell in bash zsh fish; do
	cairn completion $shell | head -1
done
cairn completion bash | bash -n && echo fine
status cairn completion tcsh 2>&1
status cairn completion 2>&1
