"""The embedded service: edge, journal, ward, desk, store, pager and boards in one process with one SQLite file.

Wiring only: each part does its work elsewhere, here they are tied together, started in order and stopped in order. At the
start the shard recovers before anything is taken; at the end what was accepted is durable, decided, and checkpointed.
What boards and queries ask is answered by `board_views.py`.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from alerts.answer_links import AnswerLinks
from alerts.api.live import Feed
from alerts.effects import FrameEffects
from alerts.inbound.lines import AnswerLine
from alerts.inbound.routes import Inbound
from alerts.notify.address import keys_in
from alerts.notify.pager import Pager
from alerts.store.destinations import DestinationState, destination_document, state_record
from alerts.store.store import Store
from deploy.audit.trail import Trail
from deploy.auditor import Auditor
from deploy.board_views import ShardViews
from deploy.calendar_links import CALENDAR_LINKS_FILE, CalendarLinks
from deploy.clock_watch import ClockWatch
from deploy.compiling import compile_ward
from deploy.configuration import Refused, WatchedSettings
from deploy.disk_watch import DiskWatch, disk_room
from deploy.logs import log_decisions
from deploy.metrics import Metrics
from deploy.privacy.names import Names
from deploy.settings import Settings
from deploy.sign_in import open_access
from deploy.supervisor import Supervisor, reason_of
from deploy.synthetic import SyntheticPatient
from deploy.upkeep.losses import in_place_of, told_at_start
from deploy.upkeep.retention import FORGET_EVERY_S, delete_old_frames
from models.instants import SECOND
from models.synthetic import SYNTHETIC_SITE
from models.wire.observations import ClockApart, Command, Conflicted, DiskLow, Fault, FrameSetAside
from streams.forecasts.scheduler import Forecaster
from streams.forecasts.worker import Worker
from streams.hosts.embedded import UNWRITABLE, Owner, alerts_in, forecasts_in, owes_pages
from streams.intake.admission import Admission
from streams.intake.append import Intake, Overloaded, Records
from streams.intake.folder import FolderIntake
from streams.intake.hl7.mllp import MllpIntake
from streams.intake.mqtt import MqttIntake
from streams.intake.selfreport.http import SelfReports
from streams.intake.selfreport.links import PatientLinks
from streams.intake.selfreport.sender import CheckInSender, SenderSettings
from streams.journal.appender_clock import AppenderClock
from streams.journal.head import HEAD_FILE, HeadFile
from streams.journal.journal import SqliteJournal
from streams.journal.trouble import trouble_in_words
from streams.ward.home.rows import AtHome
from streams.ward.state import Clock

log = logging.getLogger(__name__)

ANSWER_KEY_FILE: Final = "answer-links.key"
PATIENT_KEY_FILE: Final = "patient-links.key"
STALLED_AFTER_S = 5.0
"""A tick comes every second; five without one done means that nobody is being watched."""
CHAIRS_EVERY_S = 1.0
LOOK_EVERY_S = 1.0
"""How often the configuration file is looked at: an editor's save is in force before anybody wonders. Chosen by us."""
AGAIN_S = 1.0
"""How long to wait before telling the journal again what it could not take. Chosen by us."""


class DataInUse(RuntimeError):
    """Another process runs on this data directory."""


def wall_us() -> int:
    """The wall clock, in microseconds."""
    return time.time_ns() // 1000


def _passed_us() -> int:
    """A clock that never jumps, in microseconds; time in which the machine slept counts where the system can say so."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock) // 1000


_STARTED_US: Final = wall_us() - _passed_us()


def steady_us() -> int:
    """The wall clock as it was at the start and the time since then, in microseconds: no jump of the wall's moves it."""
    return _STARTED_US + _passed_us()


def machine_clock() -> AppenderClock:
    """The clock of this machine."""
    return AppenderClock(wall_us, steady_us)


def link_keys(data: Path, name: str) -> Callable[[], Sequence[str]]:
    """The keys of this data directory's links; one is made at its first start, for its owner's eyes alone."""
    path = data / name
    if not path.exists():
        made = path.with_suffix(".new")
        made.touch(mode=0o600)
        made.write_text(secrets.token_urlsafe(32), "utf-8")
        made.replace(path)
    return keys_in(path, path.name)


class Service:
    """One clinic's Chairside, recovered from its data directory; it runs inside `running`. `app.py` puts it behind HTTP.

    Raises:
        DataInUse: another process has the directory.
        JournalRefused, UnknownState, UnknownFrame, OffsetGap, DatabaseTooNew: what is in it cannot be gone on with. With
            `accept_loss` frames that are missing or damaged are no reason: they are an alert.
    """

    def __init__(
        self, data: Path, settings: Settings, clock: Clock = "received", now_us: AppenderClock | None = None,
        watched: WatchedSettings | None = None, forecasting: bool = True, accept_loss: bool = False,
    ) -> None:  # fmt: skip
        data.mkdir(parents=True, exist_ok=True)
        self._lock = (data / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as held:
            raise DataInUse(f"{data} is in use by another chairside: stop it, or use another --data") from held
        path = data / "chairside.sqlite"
        self.settings = settings
        #: What a demonstration says to look at now.
        self.lesson: str | None = None
        self._watched = watched
        self.metrics = Metrics()
        self.now_us = now_us = now_us or machine_clock()
        self.store = Store(f"sqlite:///{path}")
        head = HeadFile(data / HEAD_FILE)
        self.journal = SqliteJournal(path, now_us, clock, head=head, accept_loss=accept_loss)
        now_us.go_on_from(self.journal.last_us)
        self.owner = Owner(self.journal, self.store, clock, self._told, self._fault)
        # Before the store is migrated: who is refused here goes back to the version that wrote it, and must be able to.
        self.owner.restore()
        self.journal.expect(max(self.owner.next_offset, self.store.next_offset(self.owner.number)), "the store")
        self.journal.check(self.owner.next_offset, partial(in_place_of, settings.site.name))
        self.store.migrate()
        self.intake = Intake(self.journal, self.owner.deliver)
        self.hl7 = MllpIntake(
            self.append, self.counted, Admission(settings.site.name), ZoneInfo(settings.site.timezone), now_us,
            settings.hl7.networks(), settings.hl7.tls(),
        )  # fmt: skip
        self.folder = FolderIntake(
            settings.folder, data / "folder.json", self.append, self.counted, Admission(settings.site.name),
            ZoneInfo(settings.site.timezone),
        )  # fmt: skip
        self.mqtt = MqttIntake(settings.mqtt, self.append, self.counted, Admission(settings.site.name))
        self.worker = Worker()
        self.views = ShardViews(self.owner, self.journal, self.store, self.worker, now_us, clock)
        self.feed = Feed(self.store, self.views)
        self.selfreports = SelfReports(
            PatientLinks(link_keys(data, PATIENT_KEY_FILE), wall_us), self.store, self.views, self.append, self.counted,
            lambda: self.settings.home, lambda: self.settings.site.timezone, lambda: self.settings.pages.link,
        )  # fmt: skip
        self.checkin_sender = CheckInSender(
            data / "checkins-asked.json", self.selfreports.links, self._asks, self._known_at_home, wall_us
        )
        destinations, schedulers = settings.opened()
        self.links = AnswerLinks(link_keys(data, ANSWER_KEY_FILE), lambda site: self.settings.pages.link)
        self.synthetic = SyntheticPatient(self.append, now_us, self.store.forget_pages)
        self.pager = Pager(
            self.store, [*destinations, self.synthetic.phone], now_us, steady_us,
            recipients=self.synthetic.beside(settings.recipients(destinations, schedulers)),
            report=self._report_destination, answer_link=self.links.link, base=lambda site: self.settings.pages.link,
        )  # fmt: skip
        # Destinations of its own: nothing that hangs in the pager's can be in its way.
        self.auditor = Auditor(
            settings.site.name, settings.opened()[0], self.store, lambda: self.owner.written_offset,
            lambda: self.pager.states, wall_us, settings.pages.heartbeat, why=self._why_still, overdue=lambda: self.overdue_s,
            unheard=lambda: self.synthetic.unheard_s,
        )  # fmt: skip
        self.inbound = Inbound(
            self.store, self.command, self.views, self.lines, steady_us, now_us, self.pager.wake
        )  # fmt: skip
        self.trail = Trail(self.store, settings.site.name, now_us)
        self.access = open_access(data, lambda: self.settings, self.metrics, self.trail, now_us)
        self.calendar_links = CalendarLinks(data / CALENDAR_LINKS_FILE)
        self.names = None if settings.names.key is None else Names(data, settings.names.key)
        if self.names is not None and (why := self.names.trouble()):
            # A board without names still watches.
            log.error("%s", why)
        self.forecaster = Forecaster(self.store, self.views, self.append, self.worker) if forecasting else None
        self._progress_at = time.monotonic()
        self._progress_offset = -1
        self.ready = asyncio.Event()
        self.overdue_s: list[float] = []
        """Of each open alert that something is due of and not done, how many seconds it is past, as last looked."""
        self.turns = 0
        """Seconds in which this process's loop has come round: it hangs where they stand still (deploy/http.py)."""
        self.tasks = Supervisor()
        self._faults: asyncio.Queue[Conflicted | Fault | ClockApart | FrameSetAside | DiskLow] = asyncio.Queue()
        """What went wrong with store, state or clock, to be told through the journal like everything else."""
        self._unshown = ""
        """Why the chairs' values cannot be shown; empty: they can."""
        if self.refused is not None:
            log.error("the configuration is refused, going on with the last good one: %s", self.refused)
        compile_ward(log.warning)
        again = self.owner.recover()
        for told in told_at_start(settings.site.name, self.journal.losses, self.owner.unreadable):
            self._faults.put_nowait(told)
        self._watched_clock = ClockWatch(now_us, settings.site.name, standing=self.views.is_open("host-clock"))
        self._watched_disk = DiskWatch(
            partial(disk_room, data), settings.site.name, standing=self.views.is_open("disk-full")
        )
        if again:
            log.info("recovered: %d frames read again", again)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        """Run, and stop in order. A task that fails is in `tasks.failure`: whoever runs this must then leave, with its reason.

        Raises:
            ServiceFailed: a task failed before the service was ready.
        """
        tasks = self.tasks
        tasks.start("owner", self.owner.run())
        tasks.start("intake", self.intake.run())
        hl7 = self.settings.hl7
        if hl7.port is not None:
            tasks.start("hl7", self.hl7.run(hl7.host, hl7.port))
        if self.settings.folder.path is not None:
            tasks.start("folder", self.folder.run())
        if self.settings.mqtt.broker is not None:
            tasks.start("mqtt", self.mqtt.run())
        tasks.start("boards", self._show())
        tasks.start("configuration", self._follow_configuration())
        tasks.start("faults", self._tell_faults())
        tasks.start("machine", self._watch_machine())
        tasks.start("retention", self._forget_frames())
        tasks.start("audit", self.trail.run())
        tasks.start("pager", self.pager.run())
        tasks.start("check-ins", self.checkin_sender.run())
        if self.forecaster is not None:
            tasks.start("forecaster", self.forecaster.run())
        try:
            try:
                await tasks.unless_failed(self._configure())
            except Exception as wrong:
                if tasks.failure is None:
                    tasks.fail("start", reason_of(wrong))
                raise
            self.ready.set()
            if self.journal.clock == "received":  # an observed clock would take its time for the senders'
                tasks.start("synthetic", self.synthetic.run())
            self.auditor.start()
            tasks.start("auditor", self._watch_auditor())
            yield self
        finally:
            self.auditor.stop()
            self.feed.close()
            for name in (
                "boards", "configuration", "faults", "machine", "retention", "synthetic", "auditor", "check-ins", "folder",
                "mqtt",
            ):  # fmt: skip
                if name in tasks.names:
                    await tasks.stopped(name, cancel=True)
            if self.forecaster is not None:
                # It begins nothing new, and what it was making is made after the next start.
                self.forecaster.stop()
                await tasks.stopped("forecaster", cancel=True)
            if hl7.port is not None:
                await tasks.stopped("hl7", cancel=True)
            self.intake.stop()
            await tasks.stopped("intake")
            self.owner.stop()
            await tasks.stopped("owner")
            await self.worker.close()
            await self.pager.drain(tasks.stopping("pager"))
            self.trail.stop()
            await tasks.stopped("audit")
            self.journal.close()
            self.store.close()
            if self.access is not None:
                self.access.accounts.close()
            self._lock.close()

    @property
    def refused(self) -> Refused | None:
        """Why the configuration file cannot be used now, so that an earlier one is in force; None: it can."""
        return None if self._watched is None else self._watched.refused

    async def _configure(self) -> None:
        """Append the configuration if it is not the one in force."""
        if self._watched is not None:
            self._watched.keep()
        record = self.settings.record()
        if self.views.configuration(record.site) != record.hash:
            # Its place makes it new: a file that was changed and changed back must not pass for a repeat.
            place = f"configuration-{record.hash}-{self.journal.next_offset}"
            await self.intake.append([record.model_copy(update={"id": place})])

    async def _follow_configuration(self) -> None:
        """Put a configuration file in force that was changed while we run; a bad one changes nothing and is told of."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            settings = self._changed()
            if settings is None:
                continue
            before, self.settings = self.settings, settings
            if settings.addresses != before.addresses:
                await self._send_to(settings)
            while True:
                try:
                    await self._configure()
                    break
                except Overloaded as wait:
                    log.error("the new configuration is not in force yet, trying again: %s", wait)
                    await asyncio.sleep(LOOK_EVERY_S)
            self.checkin_sender.wake()
            log.info("configuration %s is in force", settings.record().hash)

    async def _send_to(self, settings: Settings) -> None:
        """Send pages to the destinations of these settings from now on. Tries under way go on to their end."""
        destinations, schedulers = settings.opened()
        self.auditor.use(settings.opened()[0], settings.pages.heartbeat)
        recipients = self.synthetic.beside(settings.recipients(destinations, schedulers))
        await self.pager.change([*destinations, self.synthetic.phone], recipients)
        log.info("pages go to %s", ", ".join(each.name for each in destinations) or "nobody")

    def _changed(self) -> Settings | None:
        """The changed settings, as far as they may change while we run; None: as before, or bad."""
        if self._watched is None:
            return None
        before = self.refused
        settings = self._watched.changed()
        if self.refused is not None and self.refused != before:
            log.error("the configuration in force stays: %s", self.refused)
        if settings is None:
            return None
        if settings.site.name != self.settings.site.name:
            log.warning("the site's name changes with the next start")
            site = settings.site.model_copy(update={"name": self.settings.site.name})
            settings = settings.model_copy(update={"site": site})
        return settings

    def _asks(self) -> SenderSettings:
        """How patients at home are asked, as it is now."""
        settings = self.settings
        return SenderSettings(
            settings.site.name, settings.site.timezone, settings.pages.link, settings.home, settings.checkins
        )

    def _known_at_home(self, patient: str) -> AtHome | None:
        rows = self.views.at_home({(self.settings.site.name, patient)})
        return rows[0] if rows else None

    # ---- what comes in ------------------------------------------------------------------------------------------

    def counted(self, accepted: int, set_aside: int) -> None:
        """Count what an edge took, and what it set aside."""
        self.metrics.accepted.inc(accepted)
        self.metrics.set_aside.inc(set_aside)

    async def append(self, records: Records) -> None:
        """Durable when it returns."""
        await self.intake.append(records)

    async def command(self, command: Command) -> None:
        """A person's answer to an alert, durable when it returns."""
        await self.intake.append([command])  # type: ignore[list-item]  # a union's list does not take a part of the union

    def is_away(self, person: str) -> bool:
        """Whether somebody's account is disabled."""
        people = [] if self.access is None else self.access.accounts.people()
        return any(each.name == person and each.disabled for each in people)

    def lines(self) -> list[AnswerLine]:
        """The destinations by which somebody may answer, as they are configured now."""
        settings = self.settings
        people = settings.pagerduty_people()
        return [AnswerLine(settings.site.name, each, settings.pages.link, people) for each in self.pager.destinations]

    async def _report_destination(self, state: DestinationState, well: Sequence[str]) -> None:
        """Into the journal, so that a replay has it: a destination fails, or no longer does."""
        record = state_record(state, state.name, len(well), self.settings.site.name, self.now_us())
        await self.intake.append([record])

    # ---- what the owner tells -----------------------------------------------------------------------------------

    def _told(self, effects: FrameEffects) -> None:
        self.synthetic.note(effects)
        if owes_pages(effects):
            self.pager.wake()
        effects = replace(effects, effects=tuple(each for each in effects.effects if each.site != SYNTHETIC_SITE))
        log_decisions(effects)
        if self.forecaster is not None:
            self.forecaster.note_effects(effects)
        for transition in alerts_in(effects):
            self.feed.publish("alert", transition["site"], transition)
            self.metrics.transitions.labels(transition["transition"], transition["rule"], transition["priority"]).inc()
            if transition["transition"] == "raised":
                self.metrics.latency.observe(max(0.0, (self.now_us() - self.owner.received_us) / SECOND))
        for site, made in forecasts_in(effects).items():
            self.feed.publish("forecast", site, {"site": site, "forecasts": made})

    def _fault(self, fault: Conflicted | Fault) -> None:
        if isinstance(fault, Conflicted):
            self.metrics.conflicts.inc()
        self._faults.put_nowait(fault)

    async def _tell_faults(self) -> None:
        while True:
            fault = await self._faults.get()
            while True:
                try:
                    await self.intake.append([fault])
                    if isinstance(fault, FrameSetAside):
                        self.journal.losses_told()
                    break
                except Overloaded:
                    await asyncio.sleep(AGAIN_S)

    async def _watch_machine(self) -> None:
        """Tell the journal of a machine's clock that is wrong and a disk that is nearly full, and when that is over. An observed
        clock is not the machine's.
        """
        while True:
            if (news := self._watched_clock.look()) is not None and self.journal.clock == "received":
                self._faults.put_nowait(news)
            if (low := self._watched_disk.look()) is not None:
                self._faults.put_nowait(low)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _forget_frames(self) -> None:
        """Delete the journal's frames that are kept no longer."""
        while True:
            try:
                gone = await asyncio.to_thread(
                    delete_old_frames,
                    self.journal,
                    self.store,
                    self.owner.number,
                    self.now_us(),
                    self.settings.data.raw_days,
                )
            except UNWRITABLE as failed:
                log.error("old frames cannot be deleted, trying again: %s", trouble_in_words(failed))
            else:
                if gone:
                    log.info("%d frames older than %d days were deleted", gone, self.settings.data.raw_days)
            await asyncio.sleep(FORGET_EVERY_S)

    async def _watch_auditor(self) -> None:
        """Fail when nobody audits any more.

        Raises:
            RuntimeError: with the reason.
        """
        while True:
            if why := self.auditor.failed():
                raise RuntimeError(why)
            await asyncio.sleep(LOOK_EVERY_S)

    def _why_still(self) -> str:
        """What is known of why nothing is decided."""
        return self.intake.refused or self.owner.unwritten

    async def _show(self) -> None:
        """The chairs' values to whoever listens, each second. What cannot be shown must not end what is watched: it is said in
        the log and by `health`, and the board says that nothing comes.
        """
        while True:
            try:
                for site in self.feed.sites:
                    self.feed.publish("chairs", site, await self.views.chairs(site))
                self._unshown = ""
            except Exception as wrong:
                if self._unshown != (reason := reason_of(wrong)):
                    log.error("the chairs cannot be shown: %s", reason, exc_info=wrong)
                self._unshown = reason
            self.health()
            self.overdue_s = self.views.overdue_s()
            self.turns += 1
            await asyncio.sleep(CHAIRS_EVERY_S)

    # ---- how it is ----------------------------------------------------------------------------------------------

    def health(self) -> dict[str, Any]:
        """Whether all is well: every task runs, the chairs can be shown, journal and store can be written, a frame was decided
        within `STALLED_AFTER_S`; `stands_still` says why not.
        """
        offset = self.owner.written_offset
        if offset != self._progress_offset:
            self._progress_offset, self._progress_at = offset, time.monotonic()
        idle_s = time.monotonic() - self._progress_at
        tasks = self.tasks.health()
        if self._unshown and tasks["boards"] == "running":
            tasks["boards"] = f"nothing can be shown: {self._unshown}"
        why = self._why_still()
        if idle_s >= STALLED_AFTER_S:
            why = f"nothing was decided for {idle_s:.0f} s" + (f": {why}" if why else "")
        return {
            "ok": not why and set(tasks.values()) <= {"running"},
            "stands_still": why,
            "tasks": tasks,
            "last_progress_s": round(idle_s, 1),
            "clock_apart_s": round(self.now_us.gap_us / SECOND, 1),
            "frames_behind": self.owner.behind,
            "next_offset": offset,
            "checkpoint": self.owner.checkpointed_offset,
            "open_sessions": self.views.open_sessions(),
            "destinations": {each.name: destination_document(each)["state"] for each in self.pager.states},
            "mqtt": None if self.settings.mqtt.broker is None else self.mqtt.trouble or "connected",
            "configuration_refused": None if self.refused is None else self.refused.document(),
            "forecasts": None if self.forecaster is None else self.forecaster.health(),
        }

    async def measure(self) -> None:
        """Bring the gauges up to date, just before they are read."""
        pages = await asyncio.to_thread(self.store.page_counts, self.now_us())
        health, counts, metrics = self.health(), await self.views.counts(), self.metrics
        metrics.behind.set(health["frames_behind"])
        metrics.progress.set(time.time() - health["last_progress_s"])
        metrics.clock_apart.set(health["clock_apart_s"])
        metrics.mqtt.set(self.settings.mqtt.broker is not None and not self.mqtt.trouble)
        metrics.sessions.set(counts.open_sessions)
        metrics.listeners.set(self.feed.listeners)
        metrics.faults.set(self.owner.faults)
        metrics.unpacked.set(self.owner.unpacked)
        for fate, count in counts.observations.items():
            metrics.processed.labels(fate).set(count)
        for priority in ("high", "medium", "low", "info"):
            metrics.open_alerts.labels(priority).set(counts.open_alerts.get(priority, 0))
        metrics.pages_owed.set(pages.owed)
        metrics.oldest_page.set(pages.oldest_unsent_s)
        if self.forecaster is not None:
            metrics.forecasts_made.set(self.forecaster.maker.made)
            metrics.forecasts_failed.set(self.forecaster.maker.failed)
            metrics.forecasts_waiting.set(self.forecaster.maker.waiting)
        metrics.pages_abandoned.set(pages.abandoned)
        metrics.show_refused([] if self.refused is None else [self.refused])
        metrics.show_audit(await asyncio.to_thread(self.store.audit_heads), self.trail.waiting)
        metrics.show_destinations(await asyncio.to_thread(self.store.destinations))
