# SPDX-License-Identifier: Apache-2.0
make a.safetensors --sparse w F32 1024,1048576
cp --sparse=always a.safetensors b.safetensors
python3 - <<'END'
import os, signal, subprocess, time
process = subprocess.Popen([os.environ["CAIRN"], "diff", "a.safetensors", "b.safetensors"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
time.sleep(0.3)
process.send_signal(signal.SIGINT)
out, err = process.communicate(timeout=60)
print(process.returncode, len(out), err.decode().strip())
END
