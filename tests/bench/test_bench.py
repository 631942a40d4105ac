"""The benchmarks, tiny: what they count adds up. Never how fast."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.figures import BEGIN, END, Figure, table, write_into
from bench.speed import checkpoint, desk, edge, latency, memory, path, replay, ward
from bench.speed.load import bodies, frames, full_house, lines_of
from models.instants import MINUTE
from streams.clinic.clinic import OPENS_US
from streams.intake.files import recorded_frames
from streams.journal.frame import decode
from streams.shard import Shard
from streams.ward.rows import SESSION

SESSIONS = 5


def test_a_stream_is_the_same_samples_in_frames_of_any_size() -> None:
    lines = list(lines_of(full_house(SESSIONS, minutes=4)))[:600]
    one = [decode(stamped.payload) for stamped in frames(lines, 1)]
    hundred = [decode(stamped.payload) for stamped in frames(lines, 100)]

    assert sum(len(frame) for frame in one) == sum(len(frame) for frame in hundred) == 600
    assert [at for frame in one for at in frame.at_us.tolist()] == [
        at for frame in hundred for at in frame.at_us.tolist()
    ]


def test_every_session_of_a_full_house_is_announced_and_none_is_opened_by_a_sample() -> None:
    shard, _ = ward.prepare(SESSIONS, history_min=5, arrive_min=2)
    sessions = shard.ward.association.sessions.values()

    assert len(sessions) == SESSIONS
    assert all(session.announced and session.chair and session.device for session in sessions)
    assert shard.ward.counts["samples"] > 3 * 60 * SESSIONS


def test_alerts_live_and_close_beside_open_ones_and_leave_those_open() -> None:
    open_ones, clock_us = desk.desk_with(5)
    assert desk.lives(open_ones, clock_us, 3) == 3 * desk.EFFECTS
    assert len(open_ones.open) == 5


def test_the_desks_figures_count_what_came_of_the_lives_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many lives as are measured, so that what falls due beside them in that time is met here too."""
    monkeypatch.setattr(desk, "OPEN", (10, 100))
    assert [len(figure.values) for figure in desk.figures(repetitions=1)] == [1, 1]


def test_senders_keep_each_session_in_order_and_lose_no_whole_body() -> None:
    lines = list(lines_of(full_house(SESSIONS, minutes=3)))[:400]
    sent = bodies(lines, 10, senders=2)

    for mine in sent:
        texts = [text for body in mine for text in body.split(b"\n")]
        # A line that comes twice belongs to the same sender both times.
        assert texts == [line.text for line in lines if line.text in texts][: len(texts)]
    assert 400 - 2 * 9 <= sum(len(mine) for mine in sent) * 10 <= 400


def test_a_clinic_s_day_is_the_same_samples_as_tables_and_as_lines(tmp_path: Path) -> None:
    lines = list(lines_of(full_house(SESSIONS, minutes=4)))
    tables, day = replay.written(lines, tmp_path)
    assert len(tables) == SESSIONS

    def readings(paths: Sequence[Path]) -> list[tuple[int, bytes]]:
        read = list(recorded_frames(paths, {}))
        return sorted(
            (at, row.tobytes()) for frame in read for at, row in zip(frame.at_us.tolist(), frame.values, strict=True)
        )

    assert readings(tables) == readings([day])
    (processor, wall, reading) = replay.figures("a day", [day], {}, repetitions=1)
    assert f"{len(lines):,} lines" in processor.what
    assert min(processor.median, wall.median, reading.median) > 0


def test_the_passes_over_a_stream_see_every_sample_of_it() -> None:
    shard, after = ward.prepare(SESSIONS, history_min=4, arrive_min=2, further=200)
    stream = list(frames(after, 10))
    state = shard.snapshot()
    passes = ward.measure(state, stream, repetitions=2)
    again = Shard.restore(state)
    for stamped in stream:
        again.step(again.next_offset, stamped.received_us, stamped.payload)

    assert len(after) == 200
    assert passes.samples == sum(len(decode(stamped.payload).at_us) for stamped in stream)
    assert again.ward.counts["samples"] - shard.ward.counts["samples"] == passes.samples
    assert [len(each) for each in (passes.decode, passes.ward, passes.shard, passes.over_decode)] == [2, 2, 2, 2]
    assert all(value > 0 for value in (*passes.decode, *passes.ward, *passes.shard))


def test_the_ward_has_a_figure_for_every_frame_size() -> None:
    shard, after = ward.prepare(SESSIONS, history_min=4, arrive_min=2, further=60)
    found = ward.figures(shard, after, {1: 20, 20: 60}, repetitions=1, say=lambda text: None)

    assert {figure.what for figure in found if figure.part == "ward"} == {"frames of 1", "frames of 20"}


def test_a_checkpoint_is_measured_on_bytes_that_come_back_the_same() -> None:
    shard, _ = ward.prepare(SESSIONS, history_min=4, arrive_min=2)
    size, *_ = checkpoint.figures(shard, repetitions=1)

    assert size.median == len(shard.snapshot()) / SESSIONS


def test_memory_is_measured_of_all_sessions_and_is_at_least_their_rows() -> None:
    whole, each = memory.figures(sessions=300, minutes=2.1)
    assert "300 sessions" in each.what
    assert SESSION.itemsize <= each.values[0] <= whole.values[0] * 1e6 / 300


def test_what_is_posted_to_the_edge_is_accepted_and_in_its_journal() -> None:
    lines = list(lines_of(full_house(SESSIONS, minutes=3)))[:400]
    _, posted, held = edge.over_http(bodies(lines, 20, senders=2), size=20, repetitions=2)
    first = sum(min(2, len(mine)) * 20 for mine in bodies(lines, 20, senders=2))

    assert all(each.accepted == each.observations and each.set_aside == 0 for each in posted)
    assert held == first + sum(each.accepted for each in posted)


def test_the_whole_path_accepts_what_is_posted() -> None:
    lines = list(lines_of(full_house(SESSIONS, minutes=4)))
    opening = [line for line in lines if line.arrives_us < OPENS_US + 3 * MINUTE]
    rest = lines[len(opening) :]
    opened = [b"\n".join(line.text for line in opening)]
    found, posted = path.over_http(opened, bodies(rest, 20, senders=2), size=20, repetitions=2)

    assert sum(each.accepted for each in posted) == sum(len(mine) for mine in bodies(rest, 20, senders=2)) * 20
    assert [len(figure.values) for figure in found] == [2, 2, 2]


@pytest.mark.parametrize("senders", ["devices", "gateway"])
def test_every_desaturation_is_heard_on_the_feed_for_the_sample_that_completed_it(senders: latency.Senders) -> None:
    seconds = latency.LASTS + 10
    played = latency.run(senders, sessions=8, seconds=seconds, speed=25)

    assert played.due > 0
    assert len(played.from_send) == played.due
    assert played.elsewhere == 0
    assert played.accepted == 8 * seconds
    assert all(sent >= accepted for sent, accepted in zip(played.from_send, played.from_accepted, strict=True))


def test_a_table_says_the_median_and_the_range_and_goes_between_the_marks_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_into(page, table([Figure("ward", "frames of 10", [1000, 3000, 2000], "samples/s", "≥ 1")]))
    text = page.read_text()

    assert "|  2,000 |    1,000 – 3,000 |" in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text


def test_the_last_frame_of_a_stream_is_as_large_as_what_is_left() -> None:
    lines = list(lines_of(full_house(SESSIONS, minutes=3)))[:95]

    assert [len(decode(stamped.payload)) for stamped in frames(lines, 10)] == [10] * 9 + [5]
