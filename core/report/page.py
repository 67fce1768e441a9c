"""The account of an exported file as one page of HTML for people: nothing is loaded, nothing runs.

What was measured stands as it is, with its sample count and interval; what was only estimated is dashed
and in italics. Every name goes through `Words`, which escapes it.
"""

from __future__ import annotations

import html
import json
import platform
from collections.abc import Sequence
from pathlib import Path

import msgspec
import onnxruntime

from core.report.account import Account
from core.report.changed import changed_section
from core.report.layers import layer_section
from core.report.pictures import Stop, course, ranges
from core.report.snippet import snippet
from core.report.style import STYLE
from core.report.words import Words, points, size
from core.steps import STEPS
from core.values import Measurement, Origin, Outcome, Preprocess, RunPoint, Text, text

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Whatever got in: nothing is loaded or run by who opens the page."""
WORTH_NAMING = 0.05
"""Points that a layer must lose to be called the costliest."""


def report_html(account: Account) -> bytes:
    """The page in `account.told.language`, UTF-8."""
    words = Words(account.told.language)
    title = words(text("{name}, compressed", name=account.name[:200]))
    body = "\n".join(
        part
        for part in (
            _header(account, words),
            _tiles(account, words),
            _cost(account, words),
            _course(account, words),
            changed_section(account.told.comparison, words),
            layer_section(account, words),
            _data(account, words),
            _running(account, words),
            _origin(account, words),
        )
        if part
    )
    language = words.language.replace("_", "-")
    return (
        f'<!DOCTYPE html>\n<html lang="{html.escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        "</body>\n</html>\n"
    ).encode("utf-8", "replace")


def _header(account: Account, words: Words) -> str:
    card = account.card
    made = words(text("Made by Secateur {version} on {date} from", version=card.version, date=card.made[:10]))
    return (
        f'<header><h1>{words.name(account.name)}</h1><p class="muted">{made} {words.name(card.source)}</p>'
        "</header>"
    )


# ---------------------------------------------------------------- the three figures


def _tiles(account: Account, words: Words) -> str:
    before, after = account.result.before, account.result.after
    tiles = [
        _tile(
            words(text("Size on disk")),
            size(before.size_bytes),
            size(after.size_bytes),
            _times(before.size_bytes, after.size_bytes, words, "smaller"),
            words(
                text(
                    "zipped {before}, then {after}",
                    before=size(before.zipped_bytes),
                    after=size(after.zipped_bytes),
                )
            )
            if after.zipped_bytes
            else "",
        )
    ]
    if before.latency is not None and after.latency is not None:
        one, other = before.latency, after.latency
        tiles.append(
            _tile(
                words(text("Time of one run")),
                f"{one.median_ms:.3g} ms",
                f"{other.median_ms:.3g} ms",
                _times(one.median_ms, other.median_ms, words, "faster"),
                words(
                    text(
                        "median of {runs} runs, {threads} threads; 90 % lie between {low} and {high} ms",
                        runs=other.runs,
                        threads=other.threads,
                        low=f"{other.low_ms:.3g}",
                        high=f"{other.high_ms:.3g}",
                    )
                ),
            )
        )
    first, last = before.primary, after.primary
    if first is not None and last is not None:
        tiles.append(
            _tile(words.metric(last.metric), words.figure(first), words.figure(last), "", words.sure(last))
        )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _tile(name: str, was: str, now: str, badge: str, below: str) -> str:
    return (
        f'<section class="tile"><div class="muted">{name}</div><div><span class="was">{was} →</span> '
        f'<b>{now}</b> {badge}</div><div class="muted">{below}</div></section>'
    )


def _times(before: float, after: float, words: Words, what: str) -> str:
    """How many times smaller or faster, as a badge; where it is not, that is said."""
    if before <= 0 or after <= 0:
        return ""
    ratio = before / after
    factor = f"{max(ratio, 1 / ratio):.2f}"
    if what == "smaller":
        better, worse = text("{n}× smaller", n=factor), text("{n}× larger", n=factor)
    else:
        better, worse = text("{n}× faster", n=factor), text("{n}× slower", n=factor)
    if ratio >= 1:
        return f'<span class="badge">{words(better)}</span>'
    return f'<span class="badge worse">{words(worse)}</span>'


# ---------------------------------------------------------------- what it cost


def _cost(account: Account, words: Words) -> str:
    result = account.result
    parts = [f"<h2>{words(text('What it cost, and how sure that is'))}</h2>"]
    first, last = result.before.primary, result.after.primary
    if first is None or last is None:
        parts.append(f"<p>{words(text('The accuracy was not measured: there is no data.'))}</p>")
    else:
        rows = [(words(text("original")), first), (words(text("compressed")), last)]
        expected = _expected(account.told.expected)
        if expected is not None and expected.metric == last.metric:
            rows.append((words(text("estimated before")), expected))
        parts.append(f"<figure>{ranges(rows)}<figcaption>{_caption(account, words)}</figcaption></figure>")
        parts.append(_lost(account, words))
        parts.append(_others(result.before, result.after, words))
    remarks = [(note, note in result.slower) for note in result.notes]
    remarks += [(note, True) for note in result.slower if note not in result.notes]
    if remarks:
        items = "".join(
            f'<li class="attention">{words(note)}</li>' if urgent else f"<li>{words(note)}</li>"
            for note, urgent in remarks
        )
        parts.append(f"<ul>{items}</ul>")
    return f"<section>{''.join(parts)}</section>"


def _expected(outcome: Outcome | None) -> Measurement | None:
    return outcome.primary if outcome is not None and outcome.estimate else None


def _caption(account: Account, words: Words) -> str:
    last = account.result.after.primary
    assert last is not None
    measured = words.sentence(words.metric(last.metric), words.sure(last))
    if _expected(account.told.expected) is None:
        return measured
    return measured + " " + words.estimate(words(text("What is dashed was estimated, not measured.")))


def _lost(account: Account, words: Words) -> str:
    result = account.result
    last = result.after.primary
    if result.loss is None or last is None:
        return ""
    if result.loss_low is None or result.loss_high is None:
        sentence = text("Lost on the same samples: {loss} points.", loss=points(result.loss))
    else:
        sentence = text(
            "Lost on the same {count} samples: {loss} points, with 95 % certainty between {low} and {high}.",
            count=f"{last.count:,}",
            loss=points(result.loss),
            low=points(result.loss_low),
            high=points(result.loss_high),
        )
    return f"<p><strong>{words(sentence)}</strong></p>"


def _others(before: Outcome, after: Outcome, words: Words) -> str:
    """All metrics, where there are more than the one that counts."""
    if len(after.measurements) < 2:
        return ""
    known = {one.metric: one for one in before.measurements}
    rows = "".join(
        f"<tr><td>{words.metric(one.metric)}</td>"
        f'<td class="number">{words.figure(known[one.metric]) if one.metric in known else "–"}</td>'
        f'<td class="number">{words.figure(one)}</td><td class="muted">{words.sure(one)}</td></tr>'
        for one in after.measurements
    )
    heads = "".join(
        f'<th class="number">{words(name)}</th>' for name in (text("original"), text("compressed"))
    )
    return f'<div class="wide"><table><tr><th></th>{heads}<th></th></tr>{rows}</table></div><p></p>'


def _course(account: Account, words: Words) -> str:
    taken = account.told.points or account.result.course
    stops: list[Stop] = []
    lost = 0.0
    for point in taken:
        stops.append(Stop(_stop_name(account, point, words), point.measurement, point.loss - lost))
        lost = point.loss
    if len(stops) < 2:
        return ""
    costliest = max(stops, key=lambda stop: stop.cost)
    worst = ""
    if costliest.cost >= WORTH_NAMING:
        cost = words(text("cost most: {cost}", cost=f"{costliest.cost:.2f}"))
        worst = f"{costliest.label} {cost}"
    original = account.result.before.primary
    picture = course(stops, original, words(text("original")), worst)
    first = taken[-1].measurement
    caption = words.sentence(words.metric(first.metric), words.sure(first))
    heading = words(text("The run, step by step"))
    return (
        f"<section><h2>{heading}</h2><figure>{picture}<figcaption>{caption}</figcaption></figure></section>"
    )


def _stop_name(account: Account, point: RunPoint, words: Words) -> str:
    if point.stage:
        return words(STEPS[point.stage].info.label) if point.stage in STEPS else words.label(point.stage)
    known = {layer.layer_id: layer.label for layer in account.layers}
    return words.label(known.get(point.layer_id, point.layer_id))


# ---------------------------------------------------------------- data, running, origin


def _data(account: Account, words: Words) -> str:
    data = account.data
    heading = f"<h2>{words(text('On which data'))}</h2>"
    if data is None:
        return f"<section>{heading}<p>{words(text('None: nothing was measured on samples.'))}</p></section>"
    rows = [
        (text("Samples"), words.name(Path(data.spec.path).name)),
        (text("in the source"), f"{data.sample_count:,}"),
        (text("judged on"), f"{data.judge_count:,}"),
        (text("calibrated on, never judged on"), f"{data.calibration_count:,}"),
        (text("chosen by seed"), str(data.spec.seed)),
        (text("SHA-256 of the list of files"), words.name(data.sha256)),
    ]
    if data.class_names:
        shown = words.listed([words.name(name) for name in data.class_names[:20]])
        more = " …" if len(data.class_names) > 20 else ""
        rows.insert(1, (text("classes"), f"{len(data.class_names)}: {shown}{more}"))
    if data.spec.preprocess is not None:
        rows.append((text("prepared as"), words.name(_prepared(data.spec.preprocess))))
    return f"<section>{heading}{_list(rows, words)}</section>"


def _prepared(preprocess: Preprocess) -> str:
    known = {
        name: value for name, value in msgspec.to_builtins(preprocess).items() if value not in (None, "", ())
    }
    return ", ".join(f"{name} {_plain(value)}" for name, value in known.items())


def _plain(value: object) -> str:
    """A setting as a person writes it: one number without the brackets of a list."""
    if isinstance(value, list | tuple):
        shown = ", ".join(f"{number:g}" for number in value)
        return shown if len(value) == 1 else f"({shown})"
    return str(value)


def _running(account: Account, words: Words) -> str:
    code = snippet(account.name, account.opened.info, account.data)
    heading = words(text("How to run the file"))
    needs = words(text("With Python and the package onnxruntime, in the folder of the file:"))
    return f"<section><h2>{heading}</h2><p>{needs}</p><pre><code>{html.escape(code)}</code></pre></section>"


def _converted(origin: Origin | None, words: Words) -> list[tuple[Text, str]]:
    """Of an original that was no ONNX file: `card.source` is then the ONNX file that was made of it."""
    if origin is None:
        return []
    rows = [
        (
            text("Converted from"),
            f"{words.name(origin.name)} ({words(origin.label)}), {size(origin.size_bytes)}",
        ),
        (text("its SHA-256"), words.name(origin.sha256)),
        (text("Answers differ by at most"), f"{origin.difference:.2g}"),
    ]
    if origin.written_by:
        rows.append((text("Written by"), words.name(origin.written_by)))
    if origin.frameworks:
        rows.append((text("Converted with"), words.name(origin.frameworks)))
    return rows


def _origin(account: Account, words: Words) -> str:
    result, card = account.result, account.card
    rows = [
        (text("Original"), f"{words.name(card.source)}, {size(card.source_bytes)}"),
        (text("its SHA-256"), words.name(card.source_sha256)),
        *_converted(account.opened.info.origin, words),
        (text("This file"), f"{words.name(account.name)}, {size(result.after.size_bytes)}"),
        (text("its SHA-256"), words.name(account.sha256)),
        (text("Exported"), words.name(_moment(card.made))),
        (text("The run took"), words(_duration(result.seconds))),
        (text("Made with"), words.name(f"Secateur {card.version}, onnxruntime {onnxruntime.__version__}")),
        (text("Timed on"), words.name(f"{platform.system()} {platform.machine()}")),
    ]
    # in ASCII: names of layers may hold marks that turn the text around
    plan = html.escape(json.dumps(msgspec.to_builtins(result.plan), indent=2))
    summary = words(text("All settings (the plan)"))
    shown = f"<details><summary>{summary}</summary><pre><code>{plan}</code></pre></details>"
    own = words(text("The file carries the most important of this in its metadata, under secateur.*"))
    heading = words(text("Where it comes from"))
    return (
        f'<section><h2>{heading}</h2>{_list(rows, words)}<p></p>{shown}<p class="muted">{own}</p></section>'
    )


def _moment(made: str) -> str:
    """'2026-11-26 17:43 UTC' of a card's time, which is in UTC."""
    return f"{made[:16].replace('T', ' ')} UTC" if made.endswith("+00:00") else made


def _duration(seconds: float) -> Text:
    whole = round(seconds)
    if whole < 60:
        return text("{n} s", n=f"{seconds:.1f}")
    return text("{minutes} min {seconds} s", minutes=f"{whole // 60:,}", seconds=f"{whole % 60}")


def _list(rows: Sequence[tuple[Text, str]], words: Words) -> str:
    """Names and what stands behind them, HTML already."""
    return "<dl>" + "".join(f"<dt>{words(name)}</dt><dd>{value}</dd>" for name, value in rows) + "</dl>"
