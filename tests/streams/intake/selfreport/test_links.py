"""A patient's link: for one thing, for as long as it says, and never for another's."""

from __future__ import annotations

import pytest

from alerts.answer_links import AnswerLinks, BadLink
from models.instants import DAY, HOUR, from_iso
from streams.intake.selfreport.links import ANSWERS_AFTER, NoLink, PatientLinks

NOW = from_iso("2026-11-23T10:00:00Z")


class Clock:
    us = NOW

    def __call__(self) -> int:
        return self.us


def test_a_link_says_whose_it_is_until_it_is_too_old() -> None:
    clock = Clock()
    links = PatientLinks(lambda: ["k"], clock)
    token = links.checkin("main", "willow", "phq-9", "de", NOW + DAY)
    found = links.read_checkin(token)
    assert (found.site, found.patient, found.form, found.language) == ("main", "willow", "phq-9", "de")
    clock.us = NOW + DAY + HOUR
    with pytest.raises(NoLink):
        links.read_checkin(token)
    assert links.read_checkin(token, ANSWERS_AFTER).patient == "willow", "what was answered in time may come late"
    clock.us = NOW + DAY + ANSWERS_AFTER + HOUR
    with pytest.raises(NoLink):
        links.read_checkin(token, ANSWERS_AFTER)


def test_two_links_of_one_patient_are_two_occasions() -> None:
    links = PatientLinks(lambda: ["k"], Clock())
    tokens = [links.checkin("main", "willow", "phq-9", "de", NOW + DAY) for _ in range(2)]
    assert len({links.read_checkin(token).occasion for token in tokens}) == 2


def test_a_link_is_never_taken_for_one_of_another_kind() -> None:
    keys = ["k"]
    links = PatientLinks(lambda: keys, Clock())
    checkin, tablet = links.checkin("main", "willow", "phq-9", "de", NOW + DAY), links.tablet("main", "s1", "de")
    for wrong in (checkin, "", "x.y", checkin[:-2], f"{checkin}x"):
        with pytest.raises(NoLink):
            links.read_tablet(wrong)
    with pytest.raises(NoLink):
        links.read_checkin(tablet)
    with pytest.raises(BadLink):
        AnswerLinks(lambda: keys, lambda site: "https://x").read(checkin)
    with pytest.raises(NoLink):
        PatientLinks(lambda: ["another"], Clock()).read_checkin(checkin)


def test_a_key_is_replaced_while_links_are_out() -> None:
    token = PatientLinks(lambda: ["old"], Clock()).tablet("main", "s1", "en")
    assert PatientLinks(lambda: ["new", "old"], Clock()).read_tablet(token).session == "s1"
