"""What a patient's pages and messages say, by language: one TOML file a language, checked whole; a missing name is said at the
start.

A language is added by a file: here, or in a folder that a site names, whose files also add the texts of forms that a site has the
licence for to the languages that are here. An instrument whose texts are in no file is asked by the numbers of its paper form.
Never here: which instruments are asked, and when.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.tables.instruments import INSTRUMENTS

SHIPPED: Final = Path(__file__).parent / "languages"
FALLBACK: Final = "en"


class _Whole(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Phrase = Annotated[str, Field(min_length=1, max_length=1000)]


class PageWords(_Whole):
    """The check-in page. In braces: what is put in."""

    title: Phrase
    intro: Phrase
    begin: Phrase
    go_on: Phrase
    back: Phrase
    progress: Phrase
    language: Phrase
    sending: Phrase
    sent: Phrase
    not_sent: Phrase
    thanks: Phrase
    change: Phrase
    already: Phrase
    expired: Phrase
    refused: Phrase
    curve: Phrase
    curve_about: Phrase
    curve_table: Phrase
    told: Phrase
    telling: Phrase
    not_told: Phrase
    positive_title: Phrase
    positive: Phrase
    if_alone: Phrase
    emergency: Phrase
    clinic: Phrase
    not_watched: Phrase
    best: Phrase
    worst: Phrase
    numbered: Phrase
    numbered_about: Phrase


class MessageWords(_Whole):
    """What a link comes in."""

    link_title: Phrase
    link: Phrase
    reminder: Phrase


class TabletWords(_Whole):
    """The tablet at the chair. `much`: CADSS's five answers; `about`: what its six items ask about, in our words."""

    title: Phrase
    waiting: Phrase
    next: Phrase
    prompt: Phrase
    help: Phrase
    help_sending: Phrase
    help_sent: Phrase
    help_seen: Phrase
    help_failed: Phrase
    help_again: Phrase
    thanks: Phrase
    over: Phrase
    lost: Phrase
    distress: Phrase
    distress_ends: tuple[Phrase, Phrase]
    mood: Phrase
    changed: Phrase
    much: Annotated[tuple[Phrase, ...], Field(min_length=5, max_length=5)]
    about: Annotated[tuple[Phrase, ...], Field(min_length=6, max_length=6)]


class FormWords(_Whole):
    """A form's texts. `answers`: of all its items; `answers_of`: of each its own; neither: a scale of numbers."""

    stem: Annotated[str, Field(max_length=1000)] = ""
    items: Annotated[tuple[Phrase, ...], Field(min_length=1, max_length=30)]
    answers: tuple[Phrase, ...] = ()
    answers_of: tuple[tuple[Phrase, ...], ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.answers and self.answers_of:
            raise ValueError("give answers or answers_of")
        if self.answers_of and len(self.answers_of) != len(self.items):
            raise ValueError("answers_of has a list for each item")
        return self


class Words(_Whole):
    """One language."""

    name: Phrase
    page: PageWords
    message: MessageWords
    tablet: TabletWords
    forms: Mapping[str, FormWords] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_forms(self) -> Self:
        for name, form in self.forms.items():
            scale = INSTRUMENTS.get(name)
            if scale is None:
                raise ValueError(f"forms.{name}: no instrument of this name; there are {', '.join(INSTRUMENTS)}")
            values = scale.item_range[1] - scale.item_range[0] + 1
            lists = [form.answers, *form.answers_of]
            if len(form.items) != scale.items or any(each and len(each) != values for each in lists):
                raise ValueError(f"forms.{name}: {scale.title} has {scale.items} items with {values} answers each")
        return self


class BadLanguage(ValueError):
    """A language's file that cannot be used; the text names file, field and reason."""


@lru_cache(maxsize=16)
def languages(folder: Path | None = None) -> Mapping[str, Words]:
    """Every language by its code (``de``), from the files here and those of a site's folder.

    Raises:
        BadLanguage: a file of either cannot be used.
    """
    documents = {path.stem: _document(path) for path in sorted(SHIPPED.glob("*.toml"))}
    paths = {code: SHIPPED / f"{code}.toml" for code in documents}
    for path in [] if folder is None else sorted(folder.glob("*.toml")):
        more, before = _document(path), documents.get(path.stem, {})
        merged = {**before, **more}
        for part in ("page", "message", "tablet", "forms"):
            if isinstance(more.get(part), dict):
                merged[part] = {**before.get(part, {}), **more[part]}
        documents[path.stem], paths[path.stem] = merged, path
    return {code: _checked(paths[code], document) for code, document in documents.items()}


def _document(path: Path) -> dict[str, dict[str, object]]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as wrong:
        raise BadLanguage(f"{path}: {wrong}") from wrong


def _checked(path: Path, document: Mapping[str, object]) -> Words:
    try:
        return Words.model_validate(document)
    except ValidationError as wrong:
        error = wrong.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, error["loc"]))
        raise BadLanguage(f"{path}: {where}: {error['msg'].removeprefix('Value error, ')}") from wrong


def words_in(code: str | None, folder: Path | None = None) -> tuple[str, Words]:
    """The words of a language and its code; of one that is not there, English."""
    known = languages(folder)
    plain = (code or FALLBACK).partition("-")[0].lower()
    chosen = plain if plain in known else FALLBACK
    return chosen, known[chosen]
