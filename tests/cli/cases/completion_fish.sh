# SPDX-License-Identifier: Apache-2.0
# In a real fish, which can say what it would offer.
command -v fish >/dev/null || skip "fish is not installed"
make m.safetensors h.0.w F32 1 h.1.bias F32 1 'two words' F32 1 a:b:c F32 1 k=v F32 1
ln -s "$CAIRN" cairn
export PATH=$PWD:$PATH HOME=$PWD XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD
while read -r line; do
	echo "-- $line"
	fish --no-config -c 'cairn completion fish | source; complete -C $argv[1]' -- "$line" 2>&1 | cut -f 1 | sort
done <<'END'
cairn verif
cairn ls --lo
cairn info m
cairn cat m.safetensors h.0
cairn cat m.safetensors h.
cairn cat m.safetensors tw
cairn cat m.safetensors 'tw
cairn cat m.safetensors a:
cairn show m.safetensors h.1.b
cairn ls m.safetensors --match h.1
cairn ls m.safetensors --match=h.1
cairn help stat
cairn completion f
END
