# SPDX-License-Identifier: Apache-2.0
# In a real zsh: keys are typed, TAB is pressed, and then the line is made an argument list.
command -v zsh >/dev/null || skip "zsh is not installed"
make m.safetensors h.0.w F32 1 h.1.bias F32 1 'two words' F32 1 a:b:c F32 1 "it's" F32 1 k=v F32 1
mkdir folder
cp m.safetensors folder/n.safetensors
ln -s "$CAIRN" cairn
cat >keys.py <<'END'
import os, pty, re, select, sys
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(PATH=os.getcwd() + ":" + os.environ["PATH"], TERM="dumb", COLUMNS="200", ZDOTDIR=os.getcwd())
    os.execvp("zsh", ["zsh", "-f", "-i"])
def until(marker):
    data = b""
    while marker not in data:
        if not select.select([fd], [], [], 60)[0]:
            sys.exit(f"no {marker} after {data}")
        data += os.read(fd, 65536)
    return data
os.write(fd, b"PS1='> '; unsetopt zle_bracketed_paste; unset zle_bracketed_paste; bindkey -e; autoload -Uz compinit; compinit -u -D; source <(cairn completion zsh); echo rea''dy\n")
until(b"ready\r\n")
for line in open("lines").read().splitlines():
    os.write(fd, line.encode() + b"\t\x01printf '<%s>' \x05; echo; echo do''ne\n")
    print(line, "->", re.findall(rb"<cairn>[^\r\n]*", until(b"done\r\n"))[-1].decode().strip())
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
cairn cat m.safetensors a:
cairn cat m.safetensors it
cairn cat m.safetensors k=
cairn show m.safetensors h.1.b
cairn ls m.safetensors --match h.1
cairn ls m.safetensors --match=h.1
cairn help stat
cairn completion f
END
python3 keys.py
