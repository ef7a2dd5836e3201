"""Episodes and incidents, step by step."""

from __future__ import annotations

from operators.decisions import episodes
from operators.decisions.episodes import Story, step
from tests.operators.changes import MINUTE, change

WINDOW = 10 * MINUTE
MEMORY = 30 * MINUTE


def steps(*batches, story=None):
    """The turns of each batch as (type, earliest onset, open signals), and the story after them."""
    story = Story() if story is None else story
    told = []
    for batch in batches:
        turns = step(story, list(batch), ("prod", "job"), WINDOW, MEMORY)
        signals = [sorted(item.evidence.signal for item in turn.episode.open) for turn in turns]
        told.append(
            [(turn.type, turn.episode.first_ms // MINUTE, names) for turn, names in zip(turns, signals, strict=True)]
        )
    return told, story


def test_signals_that_begin_within_a_window_are_one_episode():
    """Onsets at 100, 105 and 110 with a window of 10: one episode."""
    batch = [change(120, "a", onset=105), change(120, "b", onset=100), change(120, "c", onset=110)]
    assert steps(batch)[0] == [[("opened", 100, ["a", "b", "c"])]]


def test_a_signal_that_begins_more_than_a_window_away_opens_another():
    """Onsets are compared with the farthest, so episodes do not creep along."""
    batch = [change(120, "a", onset=100), change(120, "b", onset=110), change(120, "c", onset=111)]
    assert steps(batch)[0] == [[("opened", 100, ["a", "b"]), ("opened", 111, ["c"])]]


def test_a_signal_joins_an_open_episode_and_its_onset_counts():
    """An earlier onset makes the episode begin earlier; its id stays."""
    told, story = steps([change(120, "a", onset=100)])
    before = story.episodes[0].id
    told, story = steps([change(121, "b", onset=95)], story=story)
    assert told == [[("updated", 95, ["a", "b"])]]
    assert story.episodes[0].id == before


def test_what_was_known_and_has_not_changed_is_not_told():
    """A step tells only of the episodes it touches."""
    told, _ = steps([change(120, "a", onset=80)], [change(121, "b", onset=111)], [change(125, "b", "changed")])
    assert told == [[("opened", 80, ["a"])], [("opened", 111, ["b"])], [("updated", 111, ["b"])]]


def test_an_episode_is_over_when_its_last_signal_has_recovered():
    """The first recovery is an update, the last resolves."""
    told, story = steps(
        [change(120, "a"), change(120, "b")],
        [change(121, "a", "recovered")],
        [change(122, "b", "recovered")],
        [change(123, "b", "recovered")],
    )
    assert told == [
        [("opened", 115, ["a", "b"])],
        [("updated", 115, ["b"])],
        [("resolved", 115, [])],
        [],
    ]
    assert story.episodes == []


def test_an_episode_goes_on_when_one_signal_leaves_as_another_joins():
    """In one step joining comes before leaving."""
    told, _ = steps([change(120, "a", onset=115)], [change(121, "a", "recovered"), change(121, "b", onset=116)])
    assert told == [[("opened", 115, ["a"])], [("updated", 115, ["b"])]]


def test_a_signal_is_in_one_open_episode_at_most():
    """A second change of an open signal updates its episode, however late it began."""
    told, story = steps([change(120, "a", onset=100)], [change(140, "a", "opened", onset=139)])
    assert told == [[("opened", 100, ["a"])], [("updated", 100, ["a"])]]
    assert len(story.episodes) == 1


def test_a_recovered_signal_may_open_another_episode_while_the_first_goes_on():
    """What it did in the first episode stays there."""
    told, story = steps(
        [change(120, "a", onset=115), change(120, "b", onset=115)],
        [change(121, "a", "recovered")],
        [change(140, "a", onset=138)],
    )
    assert told == [[("opened", 115, ["a", "b"])], [("updated", 115, ["b"])], [("opened", 138, ["a"])]]
    assert [sorted(episode.members) for episode in story.episodes] == [["a", "b"], ["a"]]


def test_versions_segments_and_kinds_are_episodes_of_their_own_in_one_incident():
    """People are called once for what began together."""
    _, story = steps(
        [change(120, "a")],
        [change(120, "a", version="4")],
        [change(120, "a", segment="country=DE")],
        [change(120, "prediction", kind="prediction")],
        [change(140, "a", kind="quality")],
    )
    assert len({episode.id for episode in story.episodes}) == 5
    assert [episode.incident == story.episodes[0].incident for episode in story.episodes] == [True] * 4 + [False]


def test_an_incident_outlives_its_episodes_for_a_while():
    """An episode with an onset near those of an incident that is over belongs to it until that is forgotten."""
    _, story = steps([change(120, "a")], [change(121, "a", "recovered")])
    (incident,) = story.incidents
    _, later = steps([change(140, "b", onset=116)], story=story)
    assert later.episodes[0].incident == incident.id
    for minute, remembered in ((145, [115, 144]), (146, [144])):
        _, story = steps([change(120, "a")], [change(121, "a", "recovered")], [change(minute, "b", onset=144)])
        assert [item.first_ms // MINUTE for item in story.incidents] == remembered


def test_the_memory_of_incidents_is_limited(monkeypatch):
    """The oldest without open episodes go first."""
    monkeypatch.setattr(episodes, "INCIDENTS", 2)
    story = Story()
    for onset in (100, 120, 140, 160):
        steps([change(161, "a", onset=onset)], [change(162, "a", "recovered")], story=story)
    steps([change(163, "a", onset=200)], story=story)
    assert [item.first_ms // MINUTE for item in story.incidents] == [140, 160, 200]


def test_an_episode_after_another_with_the_same_onset_has_another_id():
    """The time of detection is part of an episode's id."""
    _, story = steps([change(120, "a", onset=110)])
    first = story.episodes[0]
    _, story = steps([change(121, "a", "recovered")], [change(122, "b", onset=110)], story=story)
    assert story.episodes[0].id != first.id
    assert story.episodes[0].incident == first.incident


def test_the_peak_of_severity_stays():
    """What was critical once is resolved as critical."""
    _, story = steps([change(120, "a", level="medium")])
    (episode,) = story.episodes
    assert episode.peak == "warning"
    steps([change(121, "a", "changed")], [change(122, "a", "changed", level="medium")], story=story)
    assert episode.peak == "critical"
