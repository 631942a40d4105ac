"""The forecasters of a network share the work, and one that is killed leaves nothing undone."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.store.forecast_queue import TRIES, QueuedForecast
from alerts.store.store import Store
from models.wire.observations import CheckIn, Dose, Event, PatientRegistered
from streams.journal.topics import operators_site, shard_of
from tests.support.network import SITES, Network, Processes, appending, until

pytest_plugins = ("tests.support.servers",)
pytestmark = pytest.mark.xdist_group("network")

PATIENTS = 14
"""Of each site: in all more than two jobs of 64."""


def course(site: str, patient: str) -> list[Event]:
    """A month at home: one dose, three scores."""
    now = datetime.now(UTC)
    scores = [
        CheckIn(at=now - timedelta(days=ago), site=site, patient=patient, instrument="phq-9", items=[level] * 9)
        for ago, level in ((30, 2), (20, 1), (2, 1))
    ]
    dose = Dose(
        at=now - timedelta(days=28), site=site, patient=patient, drug="esketamine", route="intranasal", amount_mg=56.0
    )
    return [PatientRegistered(at=now - timedelta(days=31), site=site, patient=patient), scores[0], dose, *scores[1:]]


async def test_forecasters_share_the_night_and_one_that_is_killed_leaves_nothing_undone(
    network: Network, tmp_path: Path
) -> None:
    store = Store(network.url)
    patients = {(site, f"{site}-{number}") for site in SITES for number in range(PATIENTS)}

    def forecast() -> set[tuple[str, str]]:
        return {(site, each["patient"]) for site in SITES for each in store.forecasts(site)}

    with closing(Processes(network, tmp_path)) as processes:
        processes.start("worker", "worker")
        async with appending(network) as appender:
            for site, patient in sorted(patients):
                await appender.append(course(site, patient))
        await until(lambda: store.forecasts_waiting() == len(patients), "every patient is asked for")
        for name in ("one", "two"):
            processes.start(name, "forecaster")
        await until(lambda: bool(forecast()), "a forecast")
        processes.kill("one")
        await until(lambda: forecast() == patients, "everybody is forecast")
        await until(lambda: store.forecasts_waiting() == 0, "nothing is asked for any more")
        assert processes.end("two") == 0

        # A request that ends whoever makes it: once all its tries are spent, those who run the network are told.
        store.ask_forecasts([QueuedForecast(SITES[0], "spent", 1, 1, "{}")], 0)
        with_lease = [store.claim_forecasts(turn, 1, 1) for turn in range(TRIES)]
        assert [each.patient for claimed in with_lease for each in claimed] == ["spent"] * TRIES
        processes.start("three", "forecaster")
        operators = operators_site(shard_of(SITES[0], network.shards))
        await until(lambda: bool(store.alerts(operators, limit=1)), "an alert of those who run the network")
        assert store.forecasts_given_up() == 1
        assert processes.end("three") == 0
        assert processes.end("worker") == 0
    store.close()
