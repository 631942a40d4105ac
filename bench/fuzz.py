"""What comes in, fuzzed: `python -m bench.fuzz --minutes 10`. Bytes of MLLP, segments of HL7, FHIR as JSON and CSV.

Whatever comes: nothing raises, every MLLP frame has one answer, what is accepted and what is set aside are all that there is, all
of it can be packed into a frame and read back, and memory stays within `GROWTH_MB` of where it was after the first round.
Examples are drawn by Hypothesis from texts that senders do send, cut, doubled and changed, and from anything; each way in has
the same time.
Bad at: what only a state shows, which is `tests/deploy/test_extremes.py`'s. Never here: a service.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from models.tables.channels import CHANNEL_NAMES
from models.wire.hl7 import BEGIN, END
from streams.intake.admission import Admission
from streams.intake.fhir.http import read_translated
from streams.intake.fhir.resources import translate
from streams.intake.files import read_file, recorded_frames
from streams.intake.hl7.fields import BadMessage, Fields
from streams.intake.hl7.message import read_message
from streams.intake.hl7.mllp import LARGEST_MESSAGE, MllpIntake, next_message
from streams.intake.json import Reading
from streams.intake.whole_lines import UnreadableFile
from streams.journal.frame import Packable, Sample, decode, frames_of, pack_frame

GROWTH_MB: Final = 64.0
"""How much larger the process may be in the end. Chosen by us: Hypothesis keeps some of what it drew."""
EXAMPLES: Final = 400
"""Of a round; the next one has another seed."""
HERE: Final = Admission("main")

# ---- what is drawn ---------------------------------------------------------------------------------------------------

_HEAD: Final = "MSH|^~\\&|GATEWAY^0011^EUI-64|WARD|||20261109090000+0000||{kind}|m-1|P|2.6|||AL|NE||UNICODE UTF-8"
_KINDS: Final = ("ORU^R01^ORU_R01", "ORU^R40^ORU_R40", "ADT^A01", "ADT^A08", "ADT^A40", "RGV^O15", "ACK", "", "ORU")
_SEGMENTS: Final = (
    "PID|||willow^^^CLINIC^PI||^^^^^^U||19840101|F", "PV1||O|^^3", "EVN||20261109090000", "DG1|1||I10^Hypertension",
    "OBR|1|1^X|1^X|182777000^monitoring^SCT|||20261109085958",
    "OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1.1.1|97|262688^MDC_DIM_PERCENT^MDC|||||R|||20261109085958||||m-3",
    "OBX|2|NM|150021^MDC_PRESS_BLD_NONINV_SYS^MDC|1.1.1.2|16.4|kPa|||||R|||20261109085958.123-0600||||m-3",
    "OBX|3|ST|196670^MDC_EVT_LO^MDC|1.3.1.1|Apnea|||PH~SP|||F", "OBX|4|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.3|end||||||F",
    "OBX|5|NM|150344^MDC_TEMP^MDC||8388607|268192^MDC_DIM_DEGC^MDC|||||X",
)  # fmt: skip
_ODD: Final = st.sampled_from(
    ["|", "^", "~", "\\", "&", "\\X0D\\", "\x00", "\x0b", "\x1c", "\ufeff", "é", "NaN", "1e999", "-100", "٣"]
)
_text = st.text(max_size=12) | _ODD


@st.composite
def hl7_messages(draw: st.DrawFn) -> bytes:
    """A message of segments that senders send, some of their parts changed, doubled, left out."""
    lines = [_HEAD.format(kind=draw(st.sampled_from(_KINDS))), *draw(st.lists(st.sampled_from(_SEGMENTS), max_size=6))]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        fields = lines[at].split("|")
        place = draw(st.integers(0, len(fields) - 1))
        match draw(st.sampled_from(["put", "cut", "double", "part"])):
            case "put":
                fields[place] = draw(_text)
            case "cut":
                del fields[place]
            case "double":
                fields[place] = "~".join([fields[place]] * draw(st.integers(2, 40)))
            case "part":
                fields[place] = "^".join([*fields[place].split("^"), draw(_text)])
        lines[at] = "|".join(fields)
    return draw(st.sampled_from(["\r", "\n", "\r\n"])).join(lines).encode("utf-8", "replace")


mllp_streams = st.lists(
    st.binary(max_size=60)
    | hl7_messages().map(lambda body: BEGIN + body + END)
    | st.sampled_from([BEGIN, END, b"\x0b\x0b", b"\x1c"]),
    max_size=6,
).map(b"".join)

_CODES: Final = (
    "59408-5",
    "8480-6",
    "44250-9",
    "44260-8",
    "44261-6",
    "85354-9",
    "29463-7",
    "8867-4",
    "MDC_PULS_OXIM_SAT_O2",
    "1",
)
_leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(
    (*_CODES, "2026-11-23T14:00:00Z", "2026-11-23", "Patient/willow", "%", "kPa", "http://loinc.org", "final", "POST", "transaction"),
)  # fmt: skip
_NAMES: Final = (
    "resourceType", "id", "status", "code", "coding", "system", "valueQuantity", "value", "unit", "component", "subject", "reference",
    "identifier", "effectiveDateTime", "authored", "item", "answer", "linkId", "valueInteger", "valueCoding", "entry", "resource", "request",
    "method", "type", "meta", "lastUpdated", "birthDate", "dataAbsentReason", "derivedFrom", "hasMember", "device", "questionnaire",
)  # fmt: skip
_json = st.recursive(
    _leaves,
    lambda parts: (
        st.lists(parts, max_size=4) | st.dictionaries(st.sampled_from(_NAMES) | st.text(max_size=6), parts, max_size=6)
    ),
    max_leaves=20,
)


@st.composite
def fhir_documents(draw: st.DrawFn) -> Any:
    """A resource or a Bundle with plausible names and any values."""
    coding = st.fixed_dictionaries(
        {"coding": st.lists(st.fixed_dictionaries({"code": st.sampled_from(_CODES)}), max_size=2)}
    )
    one = st.fixed_dictionaries(
        {"resourceType": st.sampled_from(["Observation", "QuestionnaireResponse", "Patient", "Device"])},
        optional={
            "id": st.text(max_size=8) | _json, "status": st.sampled_from(["final", "amended", "entered-in-error"]) | _json,
            "code": coding | _json, "subject": st.just({"reference": "Patient/willow"}) | _json,
            "effectiveDateTime": st.just("2026-11-23T14:00:00Z") | _json, "authored": st.just("2026-11-23T14:00:00Z") | _json,
            "valueQuantity": st.just({"value": 97, "unit": "%", "code": "%"}) | _json, "component": _json, "item": _json,
            "questionnaire": st.just("http://loinc.org/q/44249-1") | _json, "meta": _json, "birthDate": _json, "identifier": _json,
        },
    )  # fmt: skip
    entries = st.lists(st.fixed_dictionaries({"resource": one | _json}) | _json, max_size=4)
    bundle = st.fixed_dictionaries(
        {"resourceType": st.just("Bundle"), "type": st.sampled_from(["batch", "transaction"]), "entry": entries}
    )
    return draw(one | bundle | _json)


_cells = st.sampled_from(
    ["", "97", "97,5", "NA", "--", "1e9", "2026-11-23T14:00:00Z", "willow", '"', "'", "0x1", "inf", "8/9/2026"]
)
_rows = st.lists(st.lists(_cells | st.text(max_size=6), max_size=7), max_size=12)


@st.composite
def csv_files(draw: st.DrawFn) -> bytes:
    """A table with a header as it should be, or nearly, or none; and any rows."""
    names = ["patient", "at", "t_s", *CHANNEL_NAMES, "SpO2 (%)", "Time"]
    header = draw(
        st.just(["patient", "at", "spo2", "pulse"]) | st.lists(st.sampled_from(names) | st.text(max_size=6), max_size=7)
    )
    mark = draw(st.sampled_from([",", ";", "\t"]))
    good = [["willow", f"2026-11-23T14:00:{n:02d}Z", str(90 + n), "72"] for n in range(draw(st.integers(0, 6)))]
    lines = [mark.join(row) for row in (header, *good, *draw(_rows))]
    text = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines).encode("utf-8", "replace")
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text + draw(st.binary(max_size=20))


# ---- what must hold --------------------------------------------------------------------------------------------------


def packed_whole(records: Sequence[Packable]) -> None:
    """All records go into frames, and as many come out."""
    frames = [decode(pack_frame(frame)) for frame in frames_of(records)]
    assert sum(map(len, frames)) == len(records)


def all_accounted(reading: Reading[Sample], lines: int) -> None:
    """What was accepted and what was set aside are what came."""
    assert len(reading.records) == reading.accepted + len(reading.bad) == lines
    packed_whole(reading.records)


def mllp_holds(stream: bytes) -> None:
    """Each frame of a stream of bytes has one answer, and what it says is what was appended."""

    async def fed() -> None:
        appended: list[Packable] = []
        counts: list[tuple[int, int]] = []

        async def append(records: Sequence[Packable]) -> None:
            appended.extend(records)

        intake = MllpIntake(append, lambda taken, aside: counts.append((taken, aside)), HERE, UTC, lambda: 0, ())
        reader = asyncio.StreamReader(limit=LARGEST_MESSAGE)
        reader.feed_data(stream)
        reader.feed_eof()
        answers = 0
        try:
            while (body := await next_message(reader)) is not None:
                said = await intake.answer_to(body)
                assert not said or (said.startswith(b"MSH|") and b"\rMSA|A" in said)
                answers += bool(said)
        except asyncio.IncompleteReadError:
            pass
        assert answers == len(counts)
        assert sum(map(sum, counts)) == len(appended)
        packed_whole(appended)

    asyncio.run(fed())


def hl7_holds(body: bytes) -> None:
    """A message is read, or refused as one; each of its values is accepted or set aside."""
    try:
        reading = read_message(Fields(body), HERE, UTC)
    except BadMessage:
        return
    all_accounted(reading, len(reading.records))


def fhir_holds(document: Any) -> None:
    """A document is translated whatever it is: every line that it gives, and every issue, is accounted for."""
    try:
        as_sent = json.loads(json.dumps(document))
    except ValueError:
        return
    translated = translate(as_sent)
    all_accounted(read_translated(translated, HERE), len(translated.lines) + len(translated.issues))


def csv_holds(content: bytes) -> None:
    """A file is read, or is no recording; read many lines at once it holds as many as line by line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "day.csv"
        path.write_bytes(content)
        try:
            at_once = sum(map(len, recorded_frames([path], {}, arrange=False)))
        except UnreadableFile:
            return
        assert at_once == sum(1 for _ in read_file(path, {}))


@dataclass(frozen=True, slots=True)
class WayIn:
    """What is drawn for a way in, and what must hold of it."""

    name: str
    drawn: st.SearchStrategy[Any]
    holds: Callable[[Any], None]


WAYS_IN: Final = (
    WayIn("MLLP bytes", mllp_streams, mllp_holds),
    WayIn("HL7 segments", hl7_messages(), hl7_holds),
    WayIn("FHIR JSON", fhir_documents(), fhir_holds),
    WayIn("CSV", csv_files(), csv_holds),
)


def round_of(way: WayIn, number: int, examples: int = EXAMPLES) -> int:
    """One round of examples; how many were tried. Raises what the first that does not hold raises, as small as it can be made."""
    tried = 0

    @seed(number)
    @settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False,
        phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(way.drawn)
    def holds(each: Any) -> None:
        nonlocal tried
        tried += 1
        way.holds(each)

    holds()
    return tried


def resident_mb() -> float:
    """What this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def fuzz(minutes: float, say: Callable[[str], None]) -> dict[str, int]:
    """Rounds of each way in turn, until the time is over; how many examples of each held.

    Raises:
        MemoryError: the process has grown by more than `GROWTH_MB`.
    """
    until, tried = time.monotonic() + 60 * minutes, dict.fromkeys((way.name for way in WAYS_IN), 0)
    first_mb = 0.0
    for number in itertools.count():
        for way in WAYS_IN:
            began = time.monotonic()
            while time.monotonic() < began + min(15 * minutes, 15) / 4:
                tried[way.name] += round_of(way, number * 1000 + tried[way.name] % 1000)
        grown = resident_mb() - first_mb if first_mb else 0.0
        first_mb = first_mb or resident_mb()
        say(f"{tried}, {grown:+.0f} MB")
        if grown > GROWTH_MB:
            raise MemoryError(f"{grown:.0f} MB more than after the first round")
        if time.monotonic() > until:
            return tried
    raise AssertionError


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m bench.fuzz", description=(__doc__ or "").splitlines()[0])
    options.add_argument("--minutes", type=float, default=10.0)
    chosen = options.parse_args()
    tried = fuzz(chosen.minutes, lambda text: print(text, file=sys.stderr, flush=True))
    print(", ".join(f"{count:,} of {name}" for name, count in tried.items()), "held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
