# SPDX-License-Identifier: Apache-2.0
# In a real bash: keys are typed, TAB is pressed, and then the line is made an argument list.
make m.safetensors h.0.w F32 1 h.1.bias F32 1 'two words' F32 1 a:b:c F32 1 "it's" F32 1 k=v F32 1
mkdir folder
cp m.safetensors folder/n.safetensors
ln -s "$CAIRN" cairn
cat >keys.py <<'END'
import os, pty, re, select, sys
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(PS1="> ", PATH=os.getcwd() + ":" + os.environ["PATH"], INPUTRC="/dev/null", TERM="dumb", COLUMNS="200")
    os.environ.pop("BASH_ENV", None)
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
def until(marker):
    data = b""
    while marker not in data:
        if not select.select([fd], [], [], 60)[0]:
            sys.exit(f"no {marker} after {data}")
        data += os.read(fd, 65536)
    return data
os.write(fd, b"bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; source <(cairn completion bash); echo rea''dy\n")
until(b"ready\r\n")
for line in open("lines").read().splitlines():
    # TAB, then to the beginning of the line: the words become arguments of printf.
    os.write(fd, line.encode() + b"\t\x01printf '<%s>' \x05; echo; echo do''ne\n")
    print(line, "->", re.findall(rb"<cairn>.*", until(b"done\r\n"))[-1].decode().strip())
os.write(fd, b"exit\n")
os.waitpid(pid, 0)
END
cat >lines <<'END'
cairn verif
cairn ls --lo
cairn inf
cairn info fold
cairn info folder/n
cairn cat m.safetensors h.0
cairn cat m.safetensors h.
cairn cat m.safetensors tw
cairn cat m.safetensors 'tw
cairn cat m.safetensors a:
cairn cat m.safetensors a:b:
cairn cat m.safetensors it
cairn cat m.safetensors k
cairn cat m.safetensors k=
cairn show m.safetensors h.1.b
cairn ls m.safetensors --match h.1
cairn ls m.safetensors --match=h.1
cairn help stat
cairn completion f
END
python3 keys.py
