# SPDX-License-Identifier: Apache-2.0
# Colours on a terminal; none where there is no terminal, with NO_COLOR, or on a dumb one. An empty NO_COLOR is none.
make m.safetensors w F32 2,2 z F32 1 n F32 2
cairn convert m.safetensors c.cairn >/dev/null
cat >terminal.py <<'END'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(os.environ["CAIRN"], ["cairn", *sys.argv[1:]])
data = b""
while True:
    try:
        part = os.read(fd, 65536)
    except OSError:
        break
    if not part:
        break
    data += part
os.waitpid(pid, 0)
print(data.decode().replace("\r\n", "\n").replace("\033", "ESC"), end="")
END
export TERM=xterm
for words in 'verify c.cairn m.safetensors' 'stats c.cairn' 'ls nothing' 'info c.cairn'; do
	# shellcheck disable=SC2086
	{
		python3 terminal.py $words | head -4
		NO_COLOR=1 python3 terminal.py $words | grep ESC
		TERM=dumb python3 terminal.py $words | grep ESC
		cairn $words 2>&1 | grep $'\033'
		NO_COLOR='' python3 terminal.py $words | grep -c ESC
	}
done
