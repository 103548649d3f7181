# SPDX-License-Identifier: Apache-2.0
# What the hidden command answers to the words before the cursor; nothing ever goes to stderr.
make m.safetensors h.0.w F32 1 h.1.w F32 1 h.10.w F32 1 'two words' F32 1 -dash F32 1 'a\nb' F32 1 ключ:0 F32 1 wte F32 1
ask() {
	echo "-- $*"
	cairn __complete "$@" 2>&1
}
ask s
ask m.saf
ask ls --ma
ask cat --sl
ask cat m.safetensors h.
ask cat m.safetensors h.1
ask cat m.safetensors wte --slice 0,1 t
ask cat m.safetensors --slice ''
ask cat m.safetensors -- -
ask cat m.safetensors ''
ask show m.safetensors к
ask show m.safetensors wte ''
ask ls m.safetensors --match h.0
ask stats m.safetensors --match=h.1
ask ls --match h
ask cat nothing.cairn h
ask cat ''
ask convert m.saf
ask help m
ask completion ''
ask nonsense ''
ask
