# SPDX-License-Identifier: Apache-2.0
# The bar comes after half a second on a terminal, Ctrl-C ends the work with 130, and nothing is printed.
make m.safetensors --sparse w F32 40960,1048576
python3 - <<'END'
import os, pty
pid, fd = pty.fork()
if pid == 0:
    os.execv(os.environ["CAIRN"], ["cairn", "stats", "m.safetensors"])
data, pressed = b"", False
while True:
    try:
        part = os.read(fd, 65536)
    except OSError:
        break
    if not part:
        break
    data += part
    if b"reading" in data and not pressed:
        os.write(fd, b"\x03")
        pressed = True
print("exit", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print(data.decode().replace("\r\n", "\n").split("\x1b[K")[-1].strip())
END
