# SPDX-License-Identifier: Apache-2.0
# Whatever it is at: a pipe that nobody reads.
make m.safetensors --sparse w F32 64,1048576
python3 - <<'END'
import os, signal, subprocess, time
process = subprocess.Popen([os.environ["CAIRN"], "cat", "m.safetensors", "w"], stdout=subprocess.PIPE)
process.stdout.read(1000)
process.send_signal(signal.SIGINT)
print(process.wait(timeout=30))
END
