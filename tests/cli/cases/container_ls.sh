# SPDX-License-Identifier: Apache-2.0
container m.cairn
cairn ls m.cairn
cairn ls --json m.cairn >a
check a '[t["name"] for t in d] == ["holes", "no words", "packed", "sliced", "tied", "variant", "whole", "words"]'
check a '{t["name"]: t["dtype"] for t in d} == {"holes": "i32", "no words": "string", "packed": "f4_e2m1", "sliced": "i32", "tied": "f32", "variant": "variant", "whole": "f32", "words": "string"}'
check a '{t["name"]: t["nbytes"] for t in d} == {"holes": 96, "no words": 0, "packed": 4, "sliced": 96, "tied": 32, "variant": 3, "whole": 32, "words": 10}'
check a '[t["name"] for t in d if t["incomplete"]] == ["holes"] and [t["name"] for t in d if t["slices"]] == ["holes", "sliced"]'
check a '[(s["spec"], s["nbytes"], s["file"]) for s in d[3]["slices"]] == [("6 4 0,2:-", 32, "m.cairn"), ("6 4 2,4:-", 64, "m.cairn")] and all(s["digest"].startswith("xxh3-128:") and s["offset"] > 0 for s in d[3]["slices"])'
check a '[(s["spec"], s["nbytes"]) for s in d[0]["slices"]] == [("6 4 1,2:-", 32)] and d[0]["offset"] is None and d[3]["offset"] is None'
check a 'd[4]["offset"] == d[6]["offset"] and d[4]["digest"] == d[6]["digest"]'
cairn ls --long m.cairn | sed -E 's/[0-9a-f]{32}/X/; s/at [0-9]+/at N/'
