# SPDX-License-Identifier: Apache-2.0
# Values, in exactly the text that NumPy printed for them (tests/data/make_show.py).
cat >compare.py <<'END'
import base64, json, os, pathlib, struct, subprocess, zlib
table = json.loads((pathlib.Path(os.environ["CAIRN_CLI_TESTS"]).parent / "data/show.json").read_text())
header, data = {}, b""
for number, case in enumerate(table):
    content = zlib.decompress(base64.b64decode(case["data"]))
    header[str(number)] = {"dtype": case["dtype"], "shape": case["shape"], "data_offsets": [len(data), len(data) + len(content)]}
    data += content
text = json.dumps(header).encode()
open("m.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
for number, case in enumerate(table):
    words = ["--slice", case["slice"]] if "slice" in case else []
    shown = subprocess.run([os.environ["CAIRN"], "show", "m.safetensors", str(number), *words], capture_output=True, text=True)
    if (shown.stdout, shown.stderr, shown.returncode) != (case["text"] + "\n", "", 0):
        print(case["name"], case["text"], "instead:", shown.stdout, shown.stderr, sep="\n")
print(len(table), "cases")
END
python3 compare.py
