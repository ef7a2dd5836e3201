from __future__ import annotations

import msgspec
import pytest

from consumers.samples import profile_event, refused_event
from dashboard.pages.episode import episode
from dashboard.pages.episodes import ROWS, episodes
from dashboard.shown import Chart, Controls, Html, Missing, Query
from schemas.cloudevents import timestamp
from schemas.evaluations import Evaluation
from schemas.events import Accepted, Acknowledged, CategoryChange, Histogram, SliceEvidence, encode
from store import Message
from tests.store.messages import MINUTE, START_MS, asked, drift, window

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


def changed(sent, signal=(), **data):
    """The message with other data of its event, and of its strongest signal."""
    event = sent.read
    first = msgspec.structs.replace(event.data.signals[0], **dict(signal))
    told = msgspec.structs.replace(event.data, signals=(first, *event.data.signals[1:]), **data)
    event = msgspec.structs.replace(event, data=told)
    return Message(encode(event), event)


def told(event):
    return Message(encode(event), event)


def evaluated(minute, statistic, signal="feature.age"):
    """A window with one evaluation."""
    found = Evaluation(
        time=timestamp(START_MS + (minute + 5) * MINUTE), model="churn", version="3", segment="all", signal=signal,
        detector="psi", count=100, statistic=statistic, threshold=0.03, p_value=0.5, effect=statistic,
        alarm=statistic is not None and statistic > 0.03,
    )  # fmt: skip
    return window(minute, evaluations=(found,))


def shown(findings, id):
    return episode(findings, Query({"id": id}))


def text(page):
    return "".join(block.markup for block in page.blocks if isinstance(block, Html))


def test_an_episode_from_its_beginning_to_its_end(shop):
    """What changed, since when, and what was said and done, in the order of time."""
    writer, findings = shop
    opened = drift("opened", 0)
    judged = Acknowledged(as_="harmless", time=timestamp(START_MS + 3 * MINUTE), by="ada", why="campaign")
    writer.write([opened, changed(drift("updated", 5), acknowledged=judged, severity="warning")])
    writer.write([changed(drift("resolved", 9), acknowledged=judged)])
    page = shown(findings, opened.read.data.episode)
    markup = text(page)
    assert page.title == "churn: feature.age moved up: PSI 0.41"
    assert "Feature drift of churn 3" in markup
    assert markup.index("<b>Opened, critical</b>") < markup.index("<b>Acknowledged as harmless</b>")
    assert markup.index("by ada</span>") < markup.index("<b>Changed, warning</b>") < markup.index("<b>Recovered</b>")
    assert "34 min" in markup  # from the onset to the end


def test_evidence_is_drawn(shop):
    """Then and now, and the statistic against its threshold with the onset."""
    writer, findings = shop
    histogram = Histogram(edges=(1.0, 2.0), reference=(0.2, 0.5, 0.3), current=(0.1, 0.2, 0.7))
    opened = changed(drift("opened", 0), signal={"histogram": histogram})
    writer.write([opened, *(evaluated(minute, 0.01 * minute) for minute in (-5, 0, 5, 10))])
    charts = [block for block in shown(findings, opened.read.data.episode).blocks if isinstance(block, Chart)]
    assert [len(chart.figure.data) for chart in charts] == [2, 3]
    assert list(charts[0].figure.data[1].y) == [0.1, 0.2, 0.7]
    assert charts[1].figure.data[2].y == (0.05, 0.1)
    assert charts[1].figure.layout.shapes[1].x0 == START_MS - 25 * MINUTE


def test_what_goes_with_it(shop):
    """Slices, episodes of the same incident, similar ones before, requests, and what the job answered."""
    writer, findings = shop
    part = SliceEvidence(segment={"country": "DE"}, count=77, signal="feature.age", detector="psi", statistic=0.5,
                         threshold=0.1, effect=drift().read.data.signals[0].effect)  # fmt: skip
    opened = changed(drift("opened", 60), slices=(part,), onset=timestamp(START_MS + 55 * MINUTE), incident="now")
    id = opened.read.data.episode
    before = changed(drift("opened", -60, segment={"country": "FR"}), incident="then")
    with_it = changed(drift("opened", 61, kind="quality"), incident="now")
    request = asked("requested", 70)
    reason = msgspec.structs.replace(request.read.data.reasons[0], episode=id)
    request = told(
        msgspec.structs.replace(request.read, data=msgspec.structs.replace(request.read.data, reasons=(reason,)))
    )
    rebased = profile_event(time=timestamp(START_MS + 80 * MINUTE))
    accepted = Accepted(episode=id, signals=("feature.age",), by="bob", why="prices")
    rebased = msgspec.structs.replace(
        rebased, type="io.tidemark.profile.rebased", data=msgspec.structs.replace(rebased.data, accepted=accepted)
    )
    refused = refused_event(time=timestamp(START_MS + 75 * MINUTE))
    refused = msgspec.structs.replace(refused, data=msgspec.structs.replace(refused.data, about=id))
    writer.write([opened, before, with_it, request, told(rebased), told(refused)])
    markup = text(shown(findings, id))
    assert "country=DE" in markup.partition("Where it changed most")[2]
    steps = markup.partition("What was said and done")[2].partition("Began together")[0]
    assert steps.index("Retraining requested") < steps.index("Refused") < steps.index("Accepted as the new normal")
    assert "by bob" in steps
    assert with_it.read.data.episode in markup.partition("Began together")[2].partition("Similar episodes")[0]
    similar = markup.partition("Similar episodes")[2]
    assert before.read.data.episode in similar
    assert "100 %" in similar


@pytest.mark.parametrize("id", ["", "nobody's", "../../etc/passwd", HOSTILE])
def test_an_unknown_episode(shop, id):
    """Is told, with why that may be."""
    with pytest.raises(Missing, match=r"there is no episode '.*' in the store; it may have been deleted since"):
        shown(shop[1], id)


def test_hostile_names_stay_text(shop):
    """Models, signals, segments, categories, messages and people."""
    writer, findings = shop
    judged = Acknowledged(as_="real", time=timestamp(START_MS), by=HOSTILE, why=HOSTILE)
    changes = (CategoryChange(category=HOSTILE, reference=0.1, current=0.2),)
    opened = changed(
        drift("opened", 0, model=HOSTILE, segment={"c": HOSTILE}, signal=HOSTILE),
        signal={"categories": changes},
        acknowledged=judged,
        message=HOSTILE,
    )
    writer.write([opened, window(0, model=HOSTILE)])
    page = shown(findings, opened.read.data.episode)
    for markup in (text(page), text(episodes(findings, Query({"search": HOSTILE})))):
        assert "<script" not in markup
        assert "<img" not in markup
        assert "alert(1)" in markup
    (chart,) = [block for block in page.blocks if isinstance(block, Chart)]
    assert "<script" not in chart.figure.layout.xaxis.ticktext[0]


def test_nothing_can_be_done_where_nobody_listens(shop):
    """Without a control topic there is no form."""
    writer, findings = shop
    opened = drift()
    writer.write([opened])
    assert not [block for block in shown(findings, opened.read.data.episode).blocks if isinstance(block, Controls)]


def test_a_list_of_episodes(shop):
    """Searched, filtered, in pages; over or not they say what changed."""
    writer, findings = shop
    writer.write([drift("opened", 0), drift("resolved", 9), drift("opened", 5, model="fraud", severity="warning")])
    writer.write([drift("opened", 0, model=f"m{number:03}") for number in range(2 * ROWS)])

    def rows(**query):
        return text(episodes(findings, Query({name: str(value) for name, value in query.items()}))).count("<tr><td")

    assert rows() == ROWS
    assert rows(page=3) == rows(page=99) == 2
    assert rows(search="CHURN") == rows(state="over") == 1
    assert rows(model="fraud") == rows(severity="warning") == 1
    assert rows(kind="quality") == 0
    assert rows(search="%") == 0
    over = text(episodes(findings, Query({"state": "over"})))
    assert "moved up" in over
    assert "recovered" in over
    assert "No episode is like that" in text(episodes(findings, Query({"search": "nope"})))


def test_no_episode(shop):
    """Nothing has changed, and that is said."""
    assert "nothing that is watched has really changed" in text(episodes(shop[1], Query({})))
