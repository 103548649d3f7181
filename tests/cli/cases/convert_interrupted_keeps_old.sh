# SPDX-License-Identifier: Apache-2.0
make m.safetensors --sparse w F32 2048,1048576
model out.cairn
python3 - <<'END'
import os, signal, subprocess, time
process = subprocess.Popen([os.environ["CAIRN"], "convert", "--force", "m.safetensors", "out.cairn"], stderr=subprocess.DEVNULL)
end = time.monotonic() + 30
while time.monotonic() < end and process.poll() is None and not any(n.startswith(".cairn-tmp-") for n in os.listdir()):
    time.sleep(0.01)
process.send_signal(signal.SIGINT)
print(process.wait(timeout=60), sorted(os.listdir()))
END
cairn info --json out.cairn >a
check a 'd["format"] == "safetensors" and d["tensors"] == 5'
