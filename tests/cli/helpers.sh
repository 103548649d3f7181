# SPDX-License-Identifier: Apache-2.0
# What the cases of the command line share. Every case's bash reads this first.

# The tool under test.
cairn() {
	"$CAIRN" "$@"
}

python3() {
	"$PYTHON" "$@"
}

# make OUT [OPTIONS] [NAME DTYPE SHAPE]...: a safetensors file; see make_safetensors.py.
make() {
	python3 "$CAIRN_CLI_TESTS/make_safetensors.py" "$@"
}

# bundle PREFIX SHARDS [NAME:SHARD:TEXT]...: a TensorFlow checkpoint; see make_bundle.py.
bundle() {
	python3 "$CAIRN_CLI_TESTS/make_bundle.py" "$@"
}

# model OUT: the file that most cases look at.
model() {
	make "$1" --metadata format=pt --metadata 'note=grüße' \
		h.10.weight F32 2,3 h.2.weight F32 4,5 h.2.bias I16 5 scale F64 '' empty F32 0,4
}

# container OUT [RANK RANKS]: what no other format can hold, or one rank's part; see make_container.c.
container() {
	[ -x "${MAKE_CONTAINER:-}" ] || skip "no program make_container: set MAKE_CONTAINER"
	"$MAKE_CONTAINER" "$@"
}

# check JSON-FILE PYTHON: an expression over the document d that has to be true.
check() {
	python3 - "$1" "$2" <<'END'
import json, sys
d = json.loads(open(sys.argv[1], encoding="utf-8").read())
if not eval(sys.argv[2]):
    print("not true:", sys.argv[2], "in", json.dumps(d)[:2000])
END
}

# status COMMAND...: runs it, and prints its exit status.
status() {
	local status=0
	"$@" || status=$?
	echo "exit $status"
}

# quiet COMMAND...: the same without its output; of stderr only the number of lines.
quiet() {
	local status=0 lines
	"$@" >/dev/null 2>quiet.stderr || status=$?
	lines=$(wc -l <quiet.stderr)
	rm -f quiet.stderr
	echo "exit $status, $lines on stderr"
}

# says PATTERN COMMAND...: exit status, whether stdout is empty, and whether the one line on stderr matches.
says() {
	local pattern=$1 status=0
	shift
	"$@" >says.stdout 2>says.stderr || status=$?
	echo "exit $status, $(wc -c <says.stdout) bytes, $(wc -l <says.stderr) line"
	grep -Eq -- "$pattern" says.stderr || { echo "does not say: $pattern"; cat says.stderr; }
	rm -f says.stdout says.stderr
}

# flip FILE OFFSET: inverts a bit of a read-only file, in a new file that replaces it.
flip() {
	python3 - "$1" "$2" <<'END'
import os, sys
data = bytearray(open(sys.argv[1], "rb").read())
data[int(sys.argv[2])] ^= 1
os.unlink(sys.argv[1])
open(sys.argv[1], "wb").write(data)
END
}

skip() {
	echo "$*"
	exit 77
}

# as_nobody COMMAND...: without the right to read and write everything, which root has.
as_nobody() {
	if [ -n "${nobody_is_someone_else:-}" ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all "$@"
	else
		"$@"
	fi
}

# Skips the case where as_nobody cannot be arranged.
need_nobody() {
	local probe=probe.$$
	touch $probe
	chmod 000 $probe
	if cat $probe >/dev/null 2>&1; then
		nobody_is_someone_else=1
		as_nobody "$CAIRN" --version >/dev/null 2>&1 || skip "who runs this may read everything, and nobody else can run the tool"
		! as_nobody cat $probe >/dev/null 2>&1 || skip "file permissions do not bind anybody here"
	fi
	rm -f $probe
}
