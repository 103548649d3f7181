# SPDX-License-Identifier: Apache-2.0
# On a terminal of 50 columns no line is longer, and the middle of a name gives way.
make m.safetensors transformer.h.11.attention.self.query.projection.weight F32 768,768 b F32 1
cat >terminal.py <<'END'
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
    os.execv(os.environ["CAIRN"], ["cairn", *sys.argv[2:]])
data = b""
while True:
    try:
        part = os.read(fd, 65536)
    except OSError:
        break
    if not part:
        break
    data += part
    if b"converting" in data and b"/s" in data:
        os.write(fd, b"\x03") # as if Ctrl-C was pressed
print(data.decode().replace("\r\n", "\n").split("\r")[0].rstrip("\n"))
print("bar" if b"\rconverting [" in data and b" of " in data else "no bar")
print("exit", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
python3 terminal.py 50 ls m.safetensors
# The bar comes after half a second, Ctrl-C ends the work, and nothing is left behind.
rm m.safetensors
make m.safetensors --sparse w F32 4096,1048576
python3 terminal.py 100 convert m.safetensors out.cairn
ls -A
