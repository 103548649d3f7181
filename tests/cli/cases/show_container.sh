# SPDX-License-Identifier: Apache-2.0
# What NumPy has no types for: strings are quoted and harmless, packed elements are blocks in hex; stored slices.
container c.cairn
for name in words 'no words' variant packed sliced tied; do
	cairn show c.cairn "$name"
done 2>&1
cairn show c.cairn words --slice 0,1:-
cairn show c.cairn packed --slice 2,4 2>/dev/null
status cairn show c.cairn packed --slice 1,4 2>&1
echo "what is stored of an incomplete tensor can be shown, the whole cannot"
status cairn show c.cairn holes 2>&1
cairn show c.cairn holes --slice 1,2:-
