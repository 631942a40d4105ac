"""`python said.py FRAME...` in a tree: what its `decode` makes of frames, by name, as JSON. Run by test_golden_frames.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

from models.tables.channels import CHANNEL_NAMES, STATUSES
from streams.journal.frame import decode

for path in sys.argv[1:]:
    frame = decode(Path(path).read_bytes())
    samples = [
        {
            "origin": list(frame.origins[frame.origin[n]]),
            "at_us": int(frame.at_us[n]),
            "readings": {
                name: value
                for name, value in zip(CHANNEL_NAMES, frame.values[n].tolist(), strict=True)
                if value == value
            },
            "status": {
                name: STATUSES[code] for name, code in zip(CHANNEL_NAMES, frame.status[n].tolist(), strict=True) if code
            },
            "key": 0 if frame.keys is None else int(frame.keys[n]),
            "author": frame.authors.get(n),
        }
        for n in range(len(frame.at_us))
    ]
    events = [[position, record.model_dump(mode="json")] for position, record in frame.events]
    print(json.dumps({"samples": samples, "events": events, "unknown": frame.unknown}))
