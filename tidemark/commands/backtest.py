"""`tidemark backtest`: the job's own operators over files, without Flink."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from config import Configuration, load
from config.plan import ControlPlan, Plan, SourcePlan
from jobs.slice_search import Sliced, search_slices
from operators.decisions.outputs import Output
from operators.decisions.policies import Outcome
from operators.decisions.policies import compare as compare_policies
from operators.monitoring.state import Key
from operators.profiles.references import JobReferences
from schemas import cloudevents, summaries
from schemas.errors import UsageError
from schemas.evaluations import COLUMNS
from schemas.events import Event
from schemas.profile import Profile
from schemas.summaries import Summary
from tidemark.letters import reasons
from tidemark.options import AsJson, Config
from tidemark.printing import columns, tell
from tidemark.slice_lines import lines


def backtest(
    config: Config,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    data: Annotated[
        str | None, typer.Option(metavar="DATA", help="File or glob to read instead of the predictions source.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="DATA", help="File or glob to read instead of the labels source.")
    ] = None,
    control: Annotated[
        str | None, typer.Option(metavar="FILE", help="What was told the job, one message a line, by their times.")
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Drift times or row numbers, one a line: prints found and missed."),
    ] = None,
    events: Annotated[Path | None, typer.Option(metavar="OUT", help="Write the drift events here, one a line.")] = None,
    scores: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Write every evaluation here: .csv or .parquet; or .jsonl, as the job does."),
    ] = None,
    profiles: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write references that versions learned here, as MODEL-VERSION.json."),
    ] = None,
    slices: Annotated[
        bool, typer.Option("--slices", help="Search the slices of the records that lost or changed most.")
    ] = False,
    reference: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Of --slices: file or glob to compare with, not what was before the drift."),
    ] = None,
    policy: Annotated[
        bool, typer.Option("--policy", help="Compare policies: retrain never, periodically, on drift, by cost.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the monitors of a configuration over files; the same events come out as from the job.

    Example: tidemark backtest monitors.yaml --data 'history/*.jsonl.gz' --events events.jsonl --scores scores.csv
    """
    from jobs.backtest import Backtest
    from jobs.sinks import write_sorted
    from jobs.truth import compare, read_truth
    from operators.profiles.profile_files import load_references
    from schemas import events as drift_events

    loaded = load(config)
    plan = loaded.plan
    if model is not None:
        plan = msgspec.structs.replace(plan, models=(plan.model(model),))
    plan = _with_labels(plan, data, labels)
    if control is not None:
        if not Path(control).is_file():
            message = f"--control {control}: is not there"
            raise UsageError(message)
        plan = msgspec.structs.replace(plan, control=ControlPlan(path=control))
    known = read_truth(truth, plan) if truth is not None else None
    for line in loaded.unavailable:
        tell(line)
    told: dict[str, list[Output]] = {}
    keep = (lambda model, outputs: told.setdefault(model, []).extend(outputs)) if policy else None
    with _scores(scores, plan) as write:
        job = load_references(plan)
        result = Backtest(job, write, _progress(), _saver(plan, profiles), keep).run()
    sliced = list(_sliced(loaded, job, result.events, reference)) if slices else []
    outcomes = [one for m in plan.models for one in compare_policies(m, plan.job, told.get(m.name, []))]
    if policy and not outcomes:
        message = "--policy: no model asks for retraining; give it a section 'retrain'"
        raise UsageError(message)
    encoded = [drift_events.encode(event) for event in result.events]
    if events is not None:
        write_sorted(str(events), encoded)
    counts: dict[str, int] = {}
    for event in result.events:
        counts[event.type] = counts.get(event.type, 0) + 1
    compared = compare(known, result.events) if known is not None else None
    records, label_counts = msgspec.to_builtins(result.records), msgspec.to_builtins(result.labels)
    if as_json:
        from jobs.totals import Totals

        more = {"slices": msgspec.to_builtins(sliced)} if slices else {}
        totals = msgspec.json.decode(Totals(records=records, labels=label_counts, events=counts).as_json())
        more |= {"policies": msgspec.to_builtins(outcomes)} if policy else {}
        print(msgspec.json.encode(totals | ({"truth": compared.as_dict()} if compared else {}) | more).decode())
        return
    from tidemark.commands.run import describe

    for event in sorted(result.events, key=lambda e: e.time):  # of each moment in their order: reasons, then requests
        print(f"{event.time}  {event.type.removeprefix('io.tidemark.'):15} {event.data.message}")
    print(describe(records, counts, label_counts))
    for line in reasons(result.letters):
        print(line)
    if compared is not None:
        print(compared)
    for one in sliced:
        print("\n".join(lines(one)))
    for line in _table(outcomes) if policy else ():
        print(line)


def _sliced(loaded: Configuration, job: JobReferences, events: list[Event], reference: str | None) -> Iterator[Sliced]:
    """Slices of the records that were run."""
    sources = {source.kind: source for source in job.plan.sources}
    if "predictions" not in sources:
        message = "--slices: the configuration has no predictions source"
        raise UsageError(message)
    data, labels = sources["predictions"].path, sources.get("labels")
    assert data is not None, "a backtest reads files"
    yield from search_slices(loaded, job, events, data, labels.path if labels else None, reference)


def _table(outcomes: Sequence[Outcome]) -> Iterable[str]:
    """Policies side by side."""
    head = ("model", "policy", "retrainings", "samples", "correct lost", "cost")
    rows = [
        (
            one.model,
            one.policy,
            f"{one.retrainings:,}",
            f"{one.samples:,}",
            "-" if one.lost is None else f"{one.lost:,.0f}",
            "-" if one.cost is None else f"{one.cost:,.0f}",
        )
        for one in outcomes
    ]
    return columns([head, *rows], right=range(2, len(head)))


def _with_labels(plan: Plan, data: str | None, labels: str | None) -> Plan:
    """The plan with the data and labels that were given; given data have the given labels alone."""
    source = next((s for s in plan.sources if s.kind == "labels"), None)
    if labels is not None and source is None:
        message = "--labels: the configuration has no labels source whose shape they could have"
        raise UsageError(message)
    if data is not None:
        plan = from_data(plan, data)
    if labels is not None and source is not None:
        others = tuple(s for s in plan.sources if s.kind != "labels")
        plan = msgspec.structs.replace(plan, sources=(*others, _reading(source, labels)))
    return plan


def from_data(plan: Plan, data: str, option: str = "--data") -> Plan:
    """The plan with its predictions source reading other files."""
    source = next((s for s in plan.sources if s.kind == "predictions"), None)
    if source is None:
        message = f"{option}: the configuration has no predictions source whose shape the data could have"
        raise UsageError(message)
    return msgspec.structs.replace(plan, sources=(_reading(source, data),))


def _reading(source: SourcePlan, path: str) -> SourcePlan:
    """A source that reads other files."""
    from operators.reading.files import guess_format

    format_ = guess_format(path) or source.format
    time = source.time if source.time.kind == "every" else msgspec.structs.replace(source.time, kind="payload")
    return msgspec.structs.replace(source, topic=None, path=path, format=format_, time=time)


@contextmanager
def _scores(path: Path | None, plan: Plan) -> Iterator[Callable[[Summary], None] | None]:
    """Gives what writes summaries' evaluations to a file, or None."""
    if path is None:
        yield None
        return
    rows: list[tuple[object, ...]] = []

    def keep(summary: Summary) -> None:
        rows.extend(msgspec.structs.astuple(evaluation) for evaluation in summary.evaluations)

    if path.suffix == ".parquet":
        yield keep
        import pyarrow as pa
        import pyarrow.parquet

        columns = {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}
        pyarrow.parquet.write_table(pa.table(columns), path)
    elif path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)

            def write(summary: Summary) -> None:
                for evaluation in summary.evaluations:
                    row = msgspec.structs.astuple(evaluation)
                    writer.writerow([str(v).lower() if isinstance(v, bool) else v for v in row])

            yield write
    elif path.suffix == ".jsonl":
        source = cloudevents.source(plan.job.environment, plan.job.name)
        with path.open("wb") as out:

            def send(summary: Summary) -> None:
                out.write(summaries.encode(source, summary) + b"\n")

            yield send
    else:
        message = f"--scores: '{path}' is none of .csv, .parquet, .jsonl"
        raise UsageError(message)


def _saver(plan: Plan, folder: Path | None) -> Callable[[Key, Profile], None] | None:
    """Writes what was learned of the whole traffic of versions."""
    if folder is None:
        return None
    from jobs.profiles import save

    place = str(folder / "{model}-{version}.json")
    models = {
        model.name: msgspec.structs.replace(model, learn=msgspec.structs.replace(model.learn, save=place))
        for model in plan.models
        if model.learn is not None
    }
    return lambda key, profile: save(models[key.model], key, profile)


def _progress() -> Callable[[int], None] | None:
    """Shows on a terminal how many records were read."""
    if not sys.stderr.isatty():
        return None

    def show(records: int) -> None:
        print(f"\r{records:,} records", end="", file=sys.stderr, flush=True)

    return show
