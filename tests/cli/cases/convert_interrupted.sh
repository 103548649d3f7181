# SPDX-License-Identifier: Apache-2.0
# Neither the file nor a temporary one is left, and nothing is said but that.
make m.safetensors --sparse w F32 2048,1048576
python3 - <<'END'
import os, signal, subprocess, time
for number in (signal.SIGINT, signal.SIGTERM):
    process = subprocess.Popen([os.environ["CAIRN"], "convert", "m.safetensors", "out.cairn"],
                               stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None and not any(n.startswith(".cairn-tmp-") for n in os.listdir()):
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    print(process.returncode, out, err, sorted(os.listdir()))
END
