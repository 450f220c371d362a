"""Reports as a person reads them: a table of all, why some are not well, and their graphs where these are asked for."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from seldon_core.operator.rollout.turns import CONDITION as ROLLED_OUT

from .duration import spoken
from .report import Node, PredictorReport, Report, Verdict
from .table import WIDTH, paragraph, table

_INDENT = "  "


def text(reports: Sequence[Report], *, namespaces: bool, wide: bool, graphs: bool, now: datetime | None = None) -> str:
    """The whole text.

    Args:
        reports: At least one.
        namespaces: Whether a column says them.
        wide: Nothing is shortened.
        graphs: Each with its address, predictors and Deployments.
        now: For ages.
    """
    head = (*(("NAMESPACE",) if namespaces else ()), "NAME", "STATE", "REPLICAS", "OBSERVED", "AGE", "ADDRESS")
    rows = [_row(each, namespaces=namespaces, now=now or datetime.now(UTC)) for each in reports]
    parts = [table(head, rows, width=None if wide else WIDTH, shrink="ADDRESS")]
    for each in reports:
        lines = [*_why(each), *(_inside(each) if graphs else ())]
        if lines:
            parts.append("\n".join([f"{_title(each, namespaces=namespaces)}:", *lines]) + "\n")
    return "\n".join(parts)


def one_line(report: Report) -> str:
    """For progress: what there is to say now."""
    reason = f": {report.reason}" if report.reason else ""
    return f"{report.name} is {report.state or 'not looked at yet'}{reason}"


def _row(report: Report, *, namespaces: bool, now: datetime) -> tuple[str, ...]:
    observed = {True: "yes", False: "no", None: "-"}[report.observed]
    cells = (report.name, report.state or "-", report.replicas, observed, _age(report, now), report.address or "-")
    return (report.namespace, *cells) if namespaces else cells


def _title(report: Report, *, namespaces: bool) -> str:
    return f"{report.namespace}/{report.name}" if namespaces else report.name


def _age(report: Report, now: datetime) -> str:
    try:
        created = datetime.fromisoformat(report.created)
    except ValueError:
        return "-"
    return spoken((now - created).total_seconds())


def _why(report: Report) -> Iterator[str]:
    if report.verdict is Verdict.READY:
        held = (each for each in report.conditions if each.type == ROLLED_OUT and each.status != "True")
        yield from (paragraph(each.message, indent=_INDENT * 2, first=f"{_INDENT}rollout: ") for each in held)
        return
    yield paragraph(report.reason, indent=_INDENT * 2, first=f"{_INDENT}reason: ")
    told = report.reason
    for each in report.conditions:
        if each.status == "True" or each.type == "Ready":
            continue
        said = f": {each.message}" if each.message and each.message not in told else ""
        told += each.message
        words = f"{each.type} is {each.status}" + (f" ({each.reason})" if each.reason else "") + said
        yield paragraph(words, indent=_INDENT * 2, first=f"{_INDENT}condition: ")
    for pod in report.pods:
        # The status tells one pod's problem; it is not said twice.
        if pod.message.rstrip(".") not in told:
            told += pod.message
            yield paragraph(f"{pod.reason}: {pod.message}", indent=_INDENT * 2, first=f"{_INDENT}pod: ")


def _inside(report: Report) -> Iterator[str]:
    if report.address:
        yield f"{_INDENT}address: {report.address}"
    for each in report.deployments:
        wanted = "?" if each.wanted is None else each.wanted
        yield f"{_INDENT}deployment: {each.name}  {each.available}/{wanted} available"
    for predictor in report.predictors:
        yield f"{_INDENT}predictor: {predictor.name}{_share(predictor, len(report.predictors))}"
        yield from (_INDENT * 2 + line for line in tree(predictor.graph))


def _share(predictor: PredictorReport, count: int) -> str:
    if predictor.shadow:
        return f", shadow of {predictor.traffic or 100} % of the requests"
    return f", {predictor.traffic} % of the requests" if count > 1 or predictor.traffic else ""


def tree(root: Node) -> Iterator[str]:
    """A graph, one node a line."""
    yield _node(root)
    yield from _below(root, "")


def _below(node: Node, indent: str) -> Iterator[str]:
    for number, child in enumerate(node.children, start=1):
        last = number == len(node.children)
        yield f"{indent}{'└─ ' if last else '├─ '}{_node(child)}"
        yield from _below(child, indent + ("   " if last else "│  "))


def _node(node: Node) -> str:
    return "  ".join(part for part in (node.name, node.type, node.implementation, node.image, node.model_uri) if part)
