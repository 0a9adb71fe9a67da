"""The notice for residents: what this lamppost may send, from the policy and the settings, as one HTML page.

Self-contained: no script, no picture, no font, nothing fetched. Whoever reads it gives nothing away.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from html import escape
from importlib.resources import files

from edge.domain.report_base import Purpose
from edge.privacy.budget import HOUR_BITS, HOUR_S, SHORT_BITS, SHORT_S
from edge.privacy.contract import CONTRACT
from edge.privacy.notice_words import DUTCH, ENGLISH, Words
from edge.privacy.policy import Policy
from edge.privacy.policy_file import Ground

LANGUAGES: Mapping[str, Words] = {"nl": DUTCH, "en": ENGLISH}
_YEAR_DAYS = 365
_NAMES = {"nl": "Nederlands", "en": "English"}


@dataclass(frozen=True, slots=True)
class Post:
    """What the page says of the lamppost itself.

    Attributes:
        sensors: how many of each kind of sensor.
        network: key of the sentence about the network of the process that hears and sees.
        silent: no policy is in force.
    """

    city: str
    node: str
    today: date
    signed: bool
    silent: bool = False
    network: str = "no_network"
    sensors: Mapping[str, int] = field(default_factory=dict)


def notice(policy: Policy, post: Post, languages: Sequence[str] = tuple(LANGUAGES)) -> str:
    """Return the page.

    Args:
        policy: in force.
        post: the lamppost.
        languages: of `LANGUAGES`, in this order on the page.
    """
    words = [LANGUAGES[language] for language in languages]
    return "\n".join(_page(policy, post, words)) + "\n"


def _page(policy: Policy, post: Post, words: Sequence[Words]) -> Iterator[str]:
    style = files("edge.privacy").joinpath("notice.css").read_text(encoding="utf-8")
    yield "<!DOCTYPE html>"
    yield f'<html lang="{words[0].language}">'
    yield '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(words[0].text['title'])}: {escape(post.node)}</title>"
    yield f"<style>\n{style}</style></head>"
    yield "<body>"
    if len(words) > 1:
        links = (f'<a href="#{w.language}" lang="{w.language}">{_NAMES[w.language]}</a>' for w in words)
        yield f"<nav>{' · '.join(links)}</nav>"
    yield "<main>"
    for each in words:
        yield f'<section id="{each.language}" lang="{each.language}" aria-labelledby="title-{each.language}">'
        yield from _section(policy, post, each)
        yield "</section>"
    yield "</main></body></html>"


def _section(policy: Policy, post: Post, words: Words) -> Iterator[str]:
    text = words.text
    yield f'<h1 id="title-{words.language}">{escape(text["title"])}</h1>'
    yield f'<p class="lead">{escape(text["lead"])}</p>'
    if post.silent:
        yield f'<p class="warning"><strong>{escape(text["silent"])}</strong></p>'
    yield from _facts(policy, post, words)
    yield f'<div class="never"><h2>{escape(text["never"])}</h2>'
    yield from _items(text["never_items"].split("|"))
    yield "</div>"
    yield f"<h2>{escape(text['what'])}</h2>"
    yield from _reports(policy, words)
    yield f"<h2>{escape(text['limits'])}</h2>"
    said = text["limit_items"].format(
        hour=HOUR_BITS // HOUR_S, short=SHORT_BITS // SHORT_S, k=policy.k, network=text[post.network]
    )
    yield from _items(said.split("|"))
    yield f"<h2>{escape(text['rights'])}</h2><p>{escape(text['rights_text'])}</p>"
    yield f"<footer>{escape(text['made'].format(today=post.today))}</footer>"


def _facts(policy: Policy, post: Post, words: Words) -> Iterator[str]:
    text = words.text
    days = text["days"].format(first=policy.not_before or "...", last=policy.expires)
    facts = text["policy_facts"].format(
        number=policy.number,
        days=days if policy.expires else text["no_days"],
        signed=text["signed"] if post.signed else text["unsigned"],
    )
    rows = {
        text["who"]: policy.notice.controller or text["controller"].format(city=post.city),
        text["contact"]: policy.notice.contact or text["no_contact"],
        text["node"]: f"{post.node}, {post.city}",
        text["sensors"]: _sensors(post, words),
    }
    if not post.silent:
        rows[text["policy"]] = facts
    yield "<dl>"
    yield from (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows.items())
    yield "</dl>"


def _sensors(post: Post, words: Words) -> str:
    named = (
        f"{count} {words.sensors[kind][count != 1]}"
        for kind, count in post.sensors.items()
        if count and kind in words.sensors
    )
    return ", ".join(named) or words.text["no_sensors"]


def _items(items: Sequence[str]) -> Iterator[str]:
    yield "<ul>"
    yield from (f"<li>{_code(escape(item))}</li>" for item in items)
    yield "</ul>"


def _code(text: str) -> str:
    parts = text.split("`")
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))


def _reports(policy: Policy, words: Words) -> Iterator[str]:
    if not policy.grounds:
        yield f"<p>{escape(words.text['nothing'])}</p>"
    for purpose in Purpose:
        groups: dict[tuple[str, str], list[str]] = defaultdict(list)
        for kind, ground in policy.grounds.items():
            if ground.purpose is purpose:
                groups[words.bases[ground.legal_basis], _recipients(policy, ground, words)].append(kind)
        if groups:
            yield f"<h3>{escape(words.purposes[purpose])}</h3>"
        for (basis, recipients), kinds in groups.items():
            said = f"{words.text['basis']}: {basis}. {words.text['for']}: {recipients}."
            yield f'<p class="ground">{escape(said)}</p>'
            yield from _table(policy, kinds, words)


def _recipients(policy: Policy, ground: Ground, words: Words) -> str:
    named = [policy.notice.recipients.get(r, words.recipients[r]) for r in ground.recipients]
    return ", ".join(named) or words.text["nobody"]


def _table(policy: Policy, kinds: Sequence[str], words: Words) -> Iterator[str]:
    text = words.text
    heads = "".join(f'<th scope="col">{escape(text[name])}</th>' for name in ("tells", "precision", "kept"))
    yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
    for kind in kinds:
        tells = words.kinds.get(kind) or CONTRACT[kind].meaning.partition("\n")[0]
        cells = (tells, _precision(kind, words), _kept(policy.grounds[kind].retention_days, words))
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
    yield "</tbody></table>"


def _precision(kind: str, words: Words) -> str:
    resolution_s = next(f.resolution for f in CONTRACT[kind].fields if f.name == "phenomenon_time") or 0.0
    value, unit = resolution_s * 1000, "ms"
    if resolution_s >= 1:
        value, unit = (resolution_s, "s") if resolution_s < 60 else (resolution_s / 60, "min")
    return f"{value:g} {unit}".replace(".", words.text["decimal"])


def _kept(days: int, words: Words) -> str:
    if days == 0:
        return words.text["not_kept"]
    if days >= 2 * _YEAR_DAYS and days % _YEAR_DAYS == 0:
        return words.text["years_kept"].format(years=days // _YEAR_DAYS)
    return words.text["day_kept"] if days == 1 else words.text["days_kept"].format(days=days)
