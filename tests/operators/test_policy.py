"""The policy: what was buffered comes out as events, in one order, whatever happened on the way."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from config.plan import AlarmsPlan, FeaturePlan, JobPlan, ModelPlan, WindowPlan
from operators.decisions.outputs import Progress, Told
from operators.decisions.volumes import VOLUMES
from operators.policy import add, advance, next_time, open_episodes
from schemas.cloudevents import milliseconds, timestamp
from schemas.control import Acknowledge
from schemas.errors import StateVersionError
from schemas.events import Window, encode
from tests.operators.changes import MINUTE, change

JOB = JobPlan(name="churn-monitor", environment="prod")
PLAN = ModelPlan(
    name="churn",
    info={"owner": "growth"},
    window=WindowPlan(size_ms=10 * MINUTE, slide_ms=MINUTE, min_count=1, grow_to_ms=20 * MINUTE),
    alarms=AlarmsPlan(
        budget=1, period_ms=30 * 86_400_000, confirm=2, recover=3, min_effect="small", critical="large"
    ),
    features=(FeaturePlan(name="age", type="numeric"),),
)  # fmt: skip
END = 10**15
STATES = Path(__file__).parents[1] / "data" / "state"


def told(outputs, watermark_ms=END):
    return advance(PLAN, JOB, "sha256:2", add(b"", outputs), watermark_ms)[1]


def progress(minute):
    return Progress(time_ms=minute * MINUTE, model="churn", version="3", records=1000)


def test_the_event_of_an_opening():
    """Every byte of it."""
    (event,) = told([change(2_000, segment="country=DE,device=a%2Cb")])
    assert encode(event) == (
        b'{"specversion":"1.0","type":"io.tidemark.drift.opened","source":"tidemark/prod/churn-monitor",'
        b'"id":"f6716daa62c8cf8bde038213d25cfc7b","time":"1970-01-02T09:20:00.000Z","subject":"churn/3/country=DE,device=a%2Cb",'
        b'"datacontenttype":"application/json","dataschema":"urn:tidemark:drift:1","data":{"episode":"0f5f6eae9cb50018b8b71634b488c189",'
        b'"incident":"f4aca3bc5c1aa0ba76a5c3543014f7e2","model":"churn","version":"3","role":"champion",'
        b'"segment":{"country":"DE","device":"a,b"},"kind":"feature","severity":"critical",'
        b'"onset":"1970-01-02T09:15:00.000Z","detected":"1970-01-02T09:20:00.000Z",'
        b'"window":{"start":"1970-01-02T09:10:00.000Z","end":"1970-01-02T09:20:00.000Z","count":1000,"share":1.0},'
        b'"predicted":{"from":"1970-01-02T09:10:00.000Z","to":"1970-01-02T09:20:00.000Z"},'
        b'"affected":{"signals":1,"of":23},"signals":[{"signal":"feature.age","onset":"1970-01-02T09:15:00.000Z",'
        b'"detector":"psi","statistic":0.41,"threshold":0.03,"p_value":1e-40,'
        b'"effect":{"size":0.41,"level":"large","direction":"up"},"reference":{"mean":41.2},"current":{"mean":48.9}}],'
        b'"reference":{"id":"sha256:1","kind":"profile"},"configuration":"sha256:2","info":{"owner":"growth"},'
        b'"muted":false,"message":"feature.age moved up in country=DE,device=a%2Cb: PSI 0.41 (alarm at 0.03)"}}'
    )


def test_a_story_from_opening_to_resolution():
    """Types, times, severities, signals (strongest first) and messages of each event."""
    events = told(
        [
            change(20, "a", level="medium", size=0.2),
            change(21, "b", size=0.5),
            change(22, "c", size=0.6, level="medium"),
            change(23, "a", "recovered", level="medium"),
            change(24, "b", "recovered", size=0.1, level="small"),
            change(25, "c", "recovered", size=0.2, level="small"),
        ]
    )
    assert [
        (event.type.rpartition(".")[2], milliseconds(event.time) // MINUTE, event.data.severity,
         event.data.affected.signals, [item.signal for item in event.data.signals], event.data.why, event.data.message)
        for event in events
    ] == [
        ("opened", 20, "warning", 1, ["a"], None, "a moved up: PSI 0.2 (alarm at 0.03)"),
        ("updated", 21, "critical", 2, ["b", "a"], None,
         "still drifting: b moved up: PSI 0.5 (alarm at 0.03); also a; it is critical now"),
        ("updated", 22, "critical", 3, ["b", "c", "a"], None,
         "still drifting: b moved up: PSI 0.5 (alarm at 0.03); also c and a"),
        ("updated", 23, "critical", 2, ["b", "c"], None,
         "still drifting: b moved up: PSI 0.5 (alarm at 0.03); also c"),
        ("updated", 24, "warning", 1, ["c"], None, "still drifting: c moved up: PSI 0.6 (alarm at 0.03)"),
        ("resolved", 25, "critical", 0, ["a", "c", "b"], "recovered",
         "a, c and b are back to their reference after 10 min"),
    ]  # fmt: skip
    assert len({event.data.episode for event in events}) == 1
    assert len({event.id for event in events}) == 6
    assert [event.data.onset for event in events] == [timestamp(15 * MINUTE)] * 6
    assert [event.data.detected for event in events] == [timestamp(20 * MINUTE)] * 6


def test_nothing_is_taken_before_the_watermark():
    """A change at minute 20 comes out when the watermark is there, not a millisecond earlier."""
    state = add(b"", [change(20)])
    assert next_time(state) == 20 * MINUTE
    same, events = advance(PLAN, JOB, "", state, 20 * MINUTE - 1)
    assert (same, events) == (state, [])
    state, events = advance(PLAN, JOB, "", state, 20 * MINUTE)
    assert len(events) == 1
    assert next_time(state) is None


def test_any_order_of_arrival_gives_the_same_bytes():
    """Events and state, whatever the order in which outputs came."""
    outputs = [
        change(20, "a"),
        change(20, "b", onset=3),
        change(20, "a", segment="country=DE"),
        change(21, "a", "recovered", empty=True),
        progress(22),
    ]
    results = {
        (state, tuple(encode(event) for event in events))
        for order in permutations(outputs)
        for state, events in [advance(PLAN, JOB, "", add(b"", order), END)]
    }
    assert len(results) == 1


def test_open_episodes_are_counted():
    """Of a state: none before the first, one until it is over."""
    assert open_episodes(b"") == 0
    state, _ = advance(PLAN, JOB, "", add(b"", [change(20), progress(20)]), 20 * MINUTE)
    assert open_episodes(state) == 1
    state, _ = advance(PLAN, JOB, "", add(state, [change(25, state="recovered"), progress(25)]), 25 * MINUTE)
    assert open_episodes(state) == 0


def test_the_end_of_a_stream_resolves_nothing():
    """What was found in slides without records waits for records, and at the end of the stream for ever."""
    outputs = [change(20, "a"), change(30, "a", "recovered", empty=True)]
    state, events = advance(PLAN, JOB, "", add(b"", outputs), END)
    assert [event.type for event in events] == ["io.tidemark.drift.opened"]
    assert next_time(state) is None
    assert advance(PLAN, JOB, "", add(state, [progress(29)]), END)[1] == []
    state = add(state, [progress(30)])
    assert next_time(state) == 30 * MINUTE
    state, events = advance(PLAN, JOB, "", state, END)
    assert [event.type for event in events] == ["io.tidemark.drift.resolved"]
    assert next_time(state) is None


def test_records_of_another_segment_show_that_the_model_goes_on():
    """Any change found among records is as good as progress."""
    events = told([change(20, "a"), change(30, "a", "recovered", empty=True), change(31, "b", segment="country=DE")])
    assert [event.type.rpartition(".")[2] for event in events] == ["opened", "resolved", "opened"]


def test_jobs_and_environments_have_ids_of_their_own():
    """Nothing of one job is taken for another's."""
    state = add(b"", [change(20)])
    jobs = [JOB, JobPlan(name="churn-monitor", environment="test"), JobPlan(name="other", environment="prod")]
    events = [advance(PLAN, job, "", state, END)[1][0] for job in jobs]
    assert len({event.id for event in events}) == 3
    assert len({event.data.episode for event in events}) == 3
    assert len({event.data.incident for event in events}) == 3


def test_no_state_is_empty_state():
    """Nothing was buffered, so there is nothing to wait for and nothing to tell."""
    assert next_time(b"") is None
    assert advance(PLAN, JOB, "", b"", END) == (b"", [])


def test_state_of_another_format_is_refused():
    """It is never misread."""
    state = add(b"", [change(20)])
    with pytest.raises(StateVersionError) as raised:
        next_time(state[:2] + b"\0\2" + state[4:])
    assert str(raised.value) == (
        "state of the policy: format 2 is not one that this release reads (1); "
        "upgrade tidemark or restore an older savepoint"
    )
    with pytest.raises(StateVersionError) as raised:
        add(b"{}" + state[2:], [])
    assert str(raised.value) == ("state of the policy: begins with b'{}' (must be b'TP'); restore another savepoint")


@pytest.mark.parametrize("file", sorted(STATES.glob("policy-*.bin")), ids=lambda file: file.stem)
def test_state_of_every_release_is_read(file):
    """Two open episodes of one incident; one is resolved at once, the other when the model has records again."""
    state, events = advance(PLAN, JOB, "sha256:2", file.read_bytes(), END)
    assert [(event.type, event.subject) for event in events] == [("io.tidemark.drift.resolved", "churn/3/all")]
    state, more = advance(PLAN, JOB, "sha256:2", add(state, [progress(23)]), END)
    assert [(event.type, event.subject) for event in more] == [("io.tidemark.drift.resolved", "churn/3/country=DE")]
    assert events[0].data.incident == more[0].data.incident
    assert events[0].data.detected == more[0].data.detected == timestamp(20 * MINUTE)


class NaiveEpisode:
    def __init__(self, number, incident, first):
        self.number, self.incident, self.detected = number, incident, first.time_ms
        self.about = (first.version, first.segment, first.kind)
        self.onsets, self.members, self.critical = [first.onset_ms], {}, False

    @property
    def open(self):
        return {name: item for name, item in self.members.items() if item.state != "recovered"}


def naive(outputs, watermark_ms):
    """What the policy should have said, from all outputs so far, without any state."""
    window_ms, memory_ms = PLAN.window.size_ms, PLAN.window.size_ms + PLAN.window.grow_to_ms
    with_records = [item.time_ms for item in outputs if isinstance(item, Progress) or not item.empty]
    taken = [
        item
        for item in outputs
        if not isinstance(item, Progress)
        and item.time_ms <= watermark_ms
        and (not item.empty or any(item.time_ms <= time_ms for time_ms in with_records))
    ]
    all_episodes, incidents, forgotten, said = [], [], set(), []
    for about in sorted({(item.time_ms, item.version, item.segment, item.kind) for item in taken}):
        step = [item for item in taken if (item.time_ms, item.version, item.segment, item.kind) == about]
        before = {episode.number for episode in all_episodes}
        mine = [item for item in all_episodes if item.about == about[1:] and item.open]
        touched = []
        for item in sorted(step, key=lambda item: (item.state == "recovered", item.onset_ms, item.evidence.signal)):
            name = item.evidence.signal
            holding = [episode for episode in mine if name in episode.open]
            fitting = [
                episode
                for episode in mine
                if max([*episode.onsets, item.onset_ms]) - min([*episode.onsets, item.onset_ms]) <= window_ms
            ]
            if holding:
                episode = holding[0]
            elif item.state == "recovered":
                continue
            elif fitting:
                episode = fitting[0]
                episode.onsets.append(item.onset_ms)
            else:
                for number, onsets in enumerate(incidents):
                    if (
                        number not in forgotten
                        and max([*onsets, item.onset_ms]) - min([*onsets, item.onset_ms]) <= window_ms
                    ):
                        onsets.append(item.onset_ms)
                        break
                else:
                    number = len(incidents)
                    incidents.append([item.onset_ms])
                episode = NaiveEpisode(len(all_episodes), number, item)
                all_episodes.append(episode)
                mine.append(episode)
            episode.members[name] = item
            touched.append(episode)
        for episode in all_episodes:
            if episode in touched:
                critical = any(item.severity == "critical" for item in episode.open.values())
                episode.critical |= critical
                over = not episode.open
                said.append(
                    (
                        "resolved" if over else "updated" if episode.number in before else "opened",
                        about,
                        episode.number,
                        episode.incident,
                        min(episode.onsets),
                        episode.detected,
                        "critical" if (episode.critical if over else critical) else "warning",
                        sorted(episode.members if over else episode.open),
                        naive_share(outputs, step[0].window),
                    )
                )
        going_on = {episode.incident for episode in all_episodes if episode.open}
        forgotten |= {
            number
            for number, onsets in enumerate(incidents)
            if number not in going_on and max(onsets) < about[0] - memory_ms
        }
    return said


def naive_share(outputs, window):
    """Of the records of the model version in a window; 1 where there are none."""
    start_ms, end_ms = milliseconds(window.start), milliseconds(window.end)
    whole = sum(item.records for item in outputs if isinstance(item, Progress) and start_ms < item.time_ms <= end_ms)
    return min(1.0, window.count / whole) if whole else 1.0


class PolicyMachine(RuleBasedStateMachine):
    """Outputs in any order, watermarks in any steps, restarts anywhere: the events are those of the naive model."""

    def __init__(self):
        super().__init__()
        self.state, self.outputs, self.events, self.watermark = b"", [], [], 0

    @rule(
        outputs=st.lists(
            st.tuples(
                st.integers(1, 12),  # minutes after the watermark
                st.sampled_from(["a", "b", "c", None]),
                st.sampled_from(["opened", "opened", "changed", "recovered"]),
                st.sampled_from(["all", "country=DE"]),
                st.sampled_from(["feature", "prediction"]),
                st.sampled_from([0, 3, 9, 12, 25]),  # below the memory: an incident that is forgotten does not return
                st.sampled_from(["medium", "large"]),
                st.booleans(),
            ),
            min_size=1,
            max_size=6,
        )
    )
    def arrive(self, outputs):
        """Outputs of the future; a signal has one change at a time."""
        new = []
        for minutes, signal, state, segment, kind, age, level, empty in outputs:
            minute = self.watermark + minutes
            about = (minute * MINUTE, segment, kind, signal)
            if signal is None:
                new.append(progress(minute))
            elif all(self._about(item) != about for item in self.outputs + new):
                onset = minute - age
                more = {"segment": segment, "kind": kind, "onset": onset, "level": level, "empty": empty}
                new.append(change(minute, signal, state, **more))
        self.outputs += new
        self.state = add(self.state, new)

    @rule(minutes=st.integers(0, 15))
    def pass_time(self, minutes):
        """The watermark passes."""
        self.watermark += minutes
        self.state, events = advance(PLAN, JOB, "", self.state, self.watermark * MINUTE)
        self.events += events

    @rule()
    def restart(self):
        """State through bytes; with the timer that Flink restores there is nothing else."""
        self.state = bytes(bytearray(self.state))

    @invariant()
    def says_what_the_naive_model_says(self):
        """All events so far; progress that came after the last call may have more taken at the next."""
        _, more = advance(PLAN, JOB, "", self.state, self.watermark * MINUTE)
        events = self.events + more
        numbers: dict[str, int] = {}
        told = [
            (
                event.type.rpartition(".")[2],
                (milliseconds(event.time), event.data.version, event.subject.partition("/3/")[2], event.data.kind),
                numbers.setdefault(event.data.episode, len(numbers)),
                event.data.incident,
                milliseconds(event.data.onset),
                milliseconds(event.data.detected),
                event.data.severity,
                sorted(item.signal for item in event.data.signals),
                event.data.window.share,
            )
            for event in events
        ]
        said = naive(self.outputs, self.watermark * MINUTE)
        names = dict(zip((item[3] for item in said), (item[3] for item in told), strict=False))
        assert told == [(*item[:3], names[item[3]], *item[4:]) for item in said]
        assert len(set(names.values())) == len(names)
        assert len({event.id for event in events}) == len(events)

    @invariant()
    def waits_for_the_earliest_that_can_be_taken(self):
        """Never for something that was taken, nor for what cannot be taken yet."""
        with_records = [item.time_ms for item in self.outputs if isinstance(item, Progress) or not item.empty]
        newest = max(with_records, default=0)
        state, _ = advance(PLAN, JOB, "", self.state, self.watermark * MINUTE)
        waiting = [
            item.time_ms
            for item in self.outputs
            if item.time_ms > self.watermark * MINUTE
            and (isinstance(item, Progress) or not item.empty or item.time_ms <= newest)
        ]
        assert next_time(state) == min(waiting, default=None)

    @staticmethod
    def _about(item):
        return None if isinstance(item, Progress) else (item.time_ms, item.segment, item.kind, item.evidence.signal)


TestPolicy = PolicyMachine.TestCase
TestPolicy.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_state_is_small_when_all_is_over():
    """Episodes that are over leave nothing, incidents only for a while."""
    state = add(b"", [change(20), change(21, state="recovered"), change(200), change(201, state="recovered")])
    state, events = advance(PLAN, JOB, "", state, END)
    assert len(events) == 4
    assert len(state) < 220


def test_a_window_has_a_share_of_the_version_s_records():
    """400 of the 1,000 records in ten minutes; other versions, earlier and later slides do not count."""
    window = Window(start=timestamp(10 * MINUTE), end=timestamp(20 * MINUTE), count=400, share=None)
    others = [
        Progress(time_ms=minute * MINUTE, model="churn", version=version, records=records, role=role)
        for minute, version, records, role in [
            (10, "3", 70, "champion"),
            (11, "3", 600, "champion"),
            (20, "3", 400, "champion"),
            (20, "4", 50, "shadow"),
            (21, "3", 80, "champion"),
        ]
    ]
    events = told([change(20, segment="country=DE", window=window), *others])
    assert [event.data.window.share for event in events] == [0.4]
    events = told([change(20, segment="country=DE", window=window, unfinished=100), *others])
    assert [event.data.window.share for event in events] == [0.3]  # of a slide not over yet the others are not known


def test_of_very_many_slides_the_older_are_taken_as_equally_busy():
    """A window that grew over twice as many slides as are remembered has half of what it would have of those."""
    plan = msgspec.structs.replace(PLAN, window=msgspec.structs.replace(PLAN.window, grow_to_ms=10_000 * MINUTE))
    window = Window(start=timestamp(0), end=timestamp(2 * VOLUMES * MINUTE), count=500, share=None)
    slides = [progress(minute) for minute in range(1, 2 * VOLUMES + 1)]
    new = [*slides, change(2 * VOLUMES, segment="country=DE", window=window)]
    state, events = advance(plan, JOB, "", add(b"", new), END)
    assert events[0].data.window.share == pytest.approx(500 / 1000 / (2 * VOLUMES), rel=0.01)
    assert len(state) < 20 * VOLUMES


def test_a_new_configuration_ends_an_episode():
    """What it was compared with is gone: the reason is not that it recovered."""
    events = told([change(20), change(25, state="recovered", why="configuration")])
    assert (events[1].type, events[1].data.why, events[1].data.message) == (
        "io.tidemark.drift.resolved",
        "configuration",
        "feature.age: watched anew, by another profile or configuration, after 10 min",
    )


def test_events_are_decoded_as_they_were_encoded():
    """Nothing in an event is lost on the wire."""
    (event,) = told([change(20)])
    assert msgspec.json.decode(encode(event), type=type(event)) == event


def escalations(outputs):
    return [
        (milliseconds(event.time) // MINUTE, event.data.escalated)
        for event in told(outputs)
        if event.type.endswith("updated")
    ]


def test_what_gets_worse_escalates():
    """Once when it is critical, and when twice as many signals are open as when people were told."""
    outputs = [
        change(20, "a", level="medium"),
        change(21, "b", level="medium"),
        change(22, "c", level="medium"),
        change(23, "c", "changed"),
        change(24, "c", "changed", level="medium"),
        change(25, "d", level="medium"),
        change(26, "d", "changed"),
    ]
    assert escalations(outputs) == [
        (21, "signals"),
        (22, None),
        (23, "severity"),
        (24, None),
        (25, None),
        (26, None),
    ]


def test_what_lasts_escalates_unless_somebody_has_acknowledged_it():
    """After 24 windows, at the end of a slide with records; once, and not of shadows."""
    outputs = [change(20), change(20, version="4", role="shadow"), *map(progress, range(21, 500))]
    assert escalations(outputs) == [(260, "duration")]
    (event,) = (event for event in told(outputs) if event.type.endswith("updated"))
    assert event.data.message == (
        "still drifting: feature.age moved up: PSI 0.41 (alarm at 0.03); nobody has acknowledged it for 4 h"
    )
    command = Acknowledge(model="churn", episode=event.data.episode, as_="real")
    said = Told(time_ms=30 * MINUTE, id="m", command=command)
    assert escalations([*outputs, said]) == [(30, None)]
