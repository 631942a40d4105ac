"""An alert as a message of IHE PCD-04 (HL7 v2.6, ORU^R40): the alert as it stands in, the bytes of a message out.

The message has the observations that the profile asks for: the event with the value that it is about, its phase, the state of the
alarm, whether somebody inactivated it, priority and type. The event has the code of ISO/IEEE 11073 where the alert has one, and
ours beside it. The same alert as it stood at the same time makes the same message, control id too, so that a receiver can drop a
repeat. What is about no alert (a test page) is a message of its own, in training mode.
Never here: sockets, when a message is due.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Literal

from alerts.effects import Page
from alerts.store.alert_list import AlertNow
from models.instants import from_iso
from models.tables.channels import CHANNELS, Channel
from models.tables.nomenclature import ALARM_PRIORITIES, EVENTS, MDC_UNITS, MdcEvent, mdc_number
from models.wire.hl7 import escaped, hl7_time
from models.wire.live import AlertPhase, AlertState

EventPhase = Literal["start", "continue", "escalate", "end"]
PROFILE: Final = "IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.4.4.1^ISO"
"""MSH-21, as in IHE's sample message."""
APPLICATION: Final = "CHAIRSIDE"
_ALARM: Final = MdcEvent(196616, "MDC_EVT_ALARM", "", None)
_INACTIVATED: Final = {AlertPhase.ACKNOWLEDGED: "alert-acknowledged", AlertPhase.SNOOZED: "audio-paused"}
_STATES: Final = {AlertPhase.CLOSED: "inactive", AlertPhase.LATCHED: "latched"}
_CHANNELS: Final[dict[str, Channel]] = {channel.name: channel for channel in CHANNELS}


@dataclass(frozen=True, slots=True)
class Receiver:
    """What an alarm manager calls itself: application and facility (MSH-5, MSH-6)."""

    application: str = ""
    facility: str = ""


@dataclass(frozen=True, slots=True)
class Built:
    """A message and its control id, which the answer must name."""

    control_id: str
    body: bytes


def phase_of(page: Page, alert: AlertNow) -> EventPhase:
    """What a page says of an alert, as the alert stands now: so a page that comes late does not begin what is over."""
    if alert.state["phase"] == AlertPhase.CLOSED or page.kind == "over":
        return "end"
    if page.kind == "answered" or alert.state["phase"] == AlertPhase.LATCHED:
        return "continue"
    if page.key == alert.first_page:
        return "start"
    return "escalate" if page.rung > 1 or page.priority != alert.first_priority else "continue"


def alert_message(page: Page, alert: AlertNow, receiver: Receiver) -> Built:
    """The message about one alert of a page."""
    state, phase = alert.state, phase_of(page, alert)
    stands = state["phase"]
    event = EVENTS.get(state["rule"], _ALARM)
    over = phase == "end"
    kind = "ST" if state["category"] in {"technical", "protocol"} else "SP"
    priority = ALARM_PRIORITIES[state["priority"]]
    changed, onset = hl7_time(from_iso(state["changed_at"])), hl7_time(from_iso(state["onset_at"]))
    source = _channel_of(state, event)
    place = f"1.0.0.{0 if source is None else mdc_number(source.name)}"
    flags = "~".join(filter(None, (event.abnormal, priority, kind)))
    code = f"{event.number}^{event.name}^MDC^{escaped(state['rule'])}^{escaped(state['title'])}^99{APPLICATION}"
    observations = [
        f"ST|{code}|{place}.1|{escaped(state['text'])}|||{flags}|||F|||{changed}",
        _source(state, event, source, place, changed),
        _attribute(68481, "EVENT_PHASE", f"{place}.3", phase),
        _attribute(68482, "ALARM_STATE", f"{place}.4", "inactive" if over else _STATES.get(AlertPhase(stands), "active")),
        _attribute(
            68483, "ALARM_INACTIVATION_STATE", f"{place}.5",
            "enabled" if over else _INACTIVATED.get(AlertPhase(stands), "enabled"),
        ),
        _attribute(68484, "ALARM_PRIORITY", f"{place}.6", priority),
        _attribute(68485, "ALERT_TYPE", f"{place}.7", kind),
    ]  # fmt: skip
    identity = f"{state['alert']}-{state['seq']}-{phase}"
    return _message(page, receiver, identity, state["alert"], "P", onset, state["chair"], observations, changed)


def trial_message(page: Page, phase: EventPhase, receiver: Receiver) -> Built:
    """The message of a page about no alert, as a test page is: in training mode, so that nobody runs."""
    at = hl7_time(from_iso(page.at))
    observations = [
        f"ST|{_ALARM.number}^{_ALARM.name}^MDC^page^{escaped(page.title)}^99{APPLICATION}|1.0.0.0.1|{escaped(page.body)}|||PN~ST|||F|||{at}",
        f"ST|68480^MDC_ATTR_ALERT_SOURCE^MDC|1.0.0.0.2|{escaped(page.site)}||||||F|||{at}",
        _attribute(68481, "EVENT_PHASE", "1.0.0.0.3", phase),
        _attribute(68482, "ALARM_STATE", "1.0.0.0.4", "inactive" if phase == "end" else "active"),
        _attribute(68483, "ALARM_INACTIVATION_STATE", "1.0.0.0.5", "enabled"),
        _attribute(68484, "ALARM_PRIORITY", "1.0.0.0.6", "PN"),
        _attribute(68485, "ALERT_TYPE", "1.0.0.0.7", "ST"),
    ]  # fmt: skip
    return _message(page, receiver, f"{page.key}-{phase}", page.key, "T", at, None, observations, at)


def _message(
    page: Page, receiver: Receiver, identity: str, alert: str, mode: str, onset: str, chair: Any, observations: list[str],
    changed: str,
) -> Built:  # fmt: skip
    # Twenty characters, as MSH-10 may have in this version.
    control_id = blake2b(f"{page.site}\x1f{identity}\x1f{changed}".encode(), digest_size=10).hexdigest()
    alias = f"{escaped(page.patient)}^^^{APPLICATION}^PI"
    where = f"^^{escaped(str(chair))}" if chair else ""
    named = f"{escaped(alert)}^{APPLICATION}"
    route = f"{APPLICATION}|{escaped(page.site)}|{escaped(receiver.application)}|{escaped(receiver.facility)}"
    segments = [
        f"MSH|^~\\&|{route}|{changed}||ORU^R40^ORU_R40|{control_id}|{mode}|2.6|||AL|NE||UNICODE UTF-8|||{PROFILE}",
        f"PID|||{alias}||^^^^^^U",
        f"PV1||O|{where}",
        f"OBR|1|{escaped(identity)}^{APPLICATION}|{escaped(identity)}^{APPLICATION}|{_ALARM.number}^{_ALARM.name}^MDC|||{onset}{'|' * 22}^{named.replace('^', '&')}",
        *(f"OBX|{number}|{each}" for number, each in enumerate(observations, 1)),
    ]
    return Built(control_id, "".join(f"{segment}\r" for segment in segments).encode())


def _channel_of(state: AlertState, event: MdcEvent) -> Channel | None:
    """The channel whose value an alert is about, as far as it can be sent by number."""
    channel = _CHANNELS.get(str(state["evidence"].get("channel"))) or _CHANNELS.get(str(event.channel))
    return channel if channel is not None and mdc_number(channel.name) is not None else None


def _source(state: AlertState, event: MdcEvent, channel: Channel | None, place: str, changed: str) -> str:
    """The value that the alert is about, with its limit; without one, what the alert is about in words."""
    evidence = state["evidence"]
    value = evidence.get("value")
    if channel is None or not isinstance(value, int | float):
        return f"ST|68480^MDC_ATTR_ALERT_SOURCE^MDC|{place}.2|{escaped(state['title'])}||||||F|||{changed}"
    limit = evidence.get("limit")
    bound = "" if not isinstance(limit, int | float) else f">{limit:g}" if event.abnormal == "L" else f"<{limit:g}"
    unit = MDC_UNITS[channel.unit]
    return f"NM|{mdc_number(channel.name)}^{channel.mdc}^MDC|{place}.2|{value:g}|{unit}|{bound}|{event.abnormal}|||F|||{changed}"


def _attribute(number: int, name: str, place: str, value: str) -> str:
    return f"ST|{number}^MDC_ATTR_{name}^MDC|{place}|{value}||||||F"
