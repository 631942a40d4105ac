"""The metrics for Prometheus: names, help and buckets, in one place; each host sets the values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from alerts.store.chain import AuditHead
from alerts.store.destinations import DestinationState
from deploy.configuration import Refused
from models.instants import SECOND


class Metrics:
    """One process's metrics, in a registry of their own so that two services can live in one process of a test."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.accepted: Final = Counter(
            "chairside_observations_accepted", "Observations accepted, that is durable", registry=registry
        )
        self.set_aside: Final = Counter(
            "chairside_observations_set_aside",
            "Observations set aside with their reason at the edge",
            registry=registry,
        )
        self.transitions: Final = Counter(
            "chairside_transitions", "Alert transitions", ["transition", "rule", "priority"], registry=registry
        )
        self.processed: Final = Gauge(
            "chairside_ward_observations",
            "What became of what came in, since the journal began",
            ["fate"],
            registry=registry,
        )
        self.behind: Final = Gauge(
            "chairside_frames_behind", "Frames in the journal not processed yet", registry=registry
        )
        self.progress: Final = Gauge(
            "chairside_last_progress_timestamp_seconds",
            "When the shard's owner last finished a frame",
            registry=registry,
        )
        self.clock_apart: Final = Gauge(
            "chairside_clock_apart_seconds",
            "How far the machine's clock is ahead of the journal's time; below 0: behind",
            registry=registry,
        )
        self.mqtt: Final = Gauge(
            "chairside_mqtt_connected", "1 while messages can come from the MQTT broker", registry=registry
        )
        self.sessions: Final = Gauge("chairside_open_sessions", "Sessions open now", registry=registry)
        self.open_alerts: Final = Gauge("chairside_open_alerts", "Alerts open now", ["priority"], registry=registry)
        self.pages_owed: Final = Gauge(
            "chairside_pages_owed", "Pages that no destination has taken yet", registry=registry
        )
        self.oldest_page: Final = Gauge(
            "chairside_oldest_unsent_page_seconds",
            "Age of the oldest page that no destination has taken",
            registry=registry,
        )
        self.pages_abandoned: Final = Gauge(
            "chairside_pages_abandoned", "Pages given up (never high ones)", registry=registry
        )
        self.destination_failing: Final = Gauge(
            "chairside_destination_failing", "1 while a destination takes no pages", ["destination"], registry=registry
        )
        self.destination_owed: Final = Gauge(
            "chairside_destination_pages_owed", "Pages still to go to a destination", ["destination"], registry=registry
        )
        self.destination_success: Final = Gauge(
            "chairside_destination_last_success_timestamp_seconds",
            "When a destination last took a page",
            ["destination"],
            registry=registry,
        )
        self.configuration_refused: Final = Gauge(
            "chairside_configuration_refused_since_timestamp_seconds",
            "Since when a configuration file cannot be used, so that an earlier one is in force; absent while all are good",
            ["file"],
            registry=registry,
        )
        self.listeners: Final = Gauge(
            "chairside_live_listeners", "Boards connected to the live feed", registry=registry
        )
        self.conflicts: Final = Counter(
            "chairside_effect_conflicts",
            "Effects that disagree with the store; anything but 0 is a defect",
            registry=registry,
        )
        self.faults: Final = Gauge(
            "chairside_core_faults",
            "Records and due things that raised and were left out, since the start; anything but 0 is a defect",
            registry=registry,
        )
        self.unpacked: Final = Gauge(
            "chairside_checkpoints_failed",
            "Checkpoints that could not be made of the state, since the start; anything but 0 is a defect",
            registry=registry,
        )
        self.forecasts_made: Final = Gauge(
            "chairside_forecasts_made", "Forecasts made since the start", registry=registry
        )
        self.forecasts_failed: Final = Gauge(
            "chairside_forecasts_failed", "Forecasts that could not be made, since the start", registry=registry
        )
        self.forecasts_waiting: Final = Gauge(
            "chairside_forecasts_waiting", "Forecasts that are wanted and not made yet", registry=registry
        )
        self.sign_ins: Final = Counter(
            "chairside_sign_ins", "Tries to sign in, by what became of them", ["outcome"], registry=registry
        )
        self.refused: Final = Counter(
            "chairside_requests_refused", "Requests that their sender may not make", ["reason"], registry=registry
        )
        self.slow_connections: Final = Counter(
            "chairside_slow_connections_ended",
            "Connections that were ended because they were half open, slow, or did not read their answer",
            ["reason"],
            registry=registry,
        )
        self.audit_entries: Final = Gauge(
            "chairside_audit_entries", "Entries of a site's audit chain", ["site"], registry=registry
        )
        self.audit_head: Final = Gauge(
            "chairside_audit_head",
            "The first 48 bits of the hash of the last entry of a site's audit chain, as a number",
            ["site"],
            registry=registry,
        )
        self.audit_waiting: Final = Gauge(
            "chairside_audit_waiting", "What is to be audited and is not written yet", registry=registry
        )
        self.latency: Final = Histogram(
            "chairside_alert_latency_seconds",
            "From the journal's stamp of a frame to its alerts on the live feed",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=registry,
        )

    def show_destinations(self, states: Iterable[DestinationState]) -> None:
        """Set the gauges of destinations."""
        for each in states:
            self.destination_failing.labels(each.name).set(each.failing_since_us is not None)
            self.destination_owed.labels(each.name).set(each.owed)
            if each.last_success_us is not None:
                self.destination_success.labels(each.name).set(each.last_success_us / SECOND)

    def show_audit(self, heads: Iterable[AuditHead], waiting: int) -> None:
        """Set the gauges of the audit. A number holds 48 bits exactly; as a label each hash would be a series of its own."""
        for each in heads:
            self.audit_entries.labels(each.site).set(each.number)
            self.audit_head.labels(each.site).set(int(each.hash[:12], 16))
        self.audit_waiting.set(waiting)

    def show_refused(self, refused: Iterable[Refused]) -> None:
        """Set the gauge of configuration files that cannot be used."""
        self.configuration_refused.clear()
        for each in refused:
            self.configuration_refused.labels(each.file).set(each.since_us / SECOND)
