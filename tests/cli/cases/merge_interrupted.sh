# SPDX-License-Identifier: Apache-2.0
# While it copies, a merge can be interrupted: nothing is left, and nothing is said but that.
make m.safetensors --sparse w F32 2048,1048576
python3 - <<'PYTHON'
import os, signal, subprocess, time
for number, target in ((signal.SIGINT, "out"), (signal.SIGTERM, "out.cairn")):
    process = subprocess.Popen([os.environ["CAIRN"], "merge", target, "m.safetensors"],
                               stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None and not any(n.startswith(".cairn-tmp-") for n in os.listdir()):
        time.sleep(0.01)
    time.sleep(0.2)
    if target == "out":
        # What a living writer holds is no garbage.
        said = subprocess.run([os.environ["CAIRN"], "gc", "."], capture_output=True).stdout
        print(b"a living writer is at work" in said, said.split(b"\n")[-2])
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    print(process.returncode, out, err, sorted(os.listdir()))
PYTHON
