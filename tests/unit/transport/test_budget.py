"""Who is let overtake whom where memory for large bodies is short."""

import asyncio

import pytest

from seldon_core.transport.budget import SMALL_BYTES, BodyBudget, Ticket

pytestmark = pytest.mark.asyncio

SIZE = 10 * SMALL_BYTES


def two(budget: BodyBudget) -> tuple[Ticket, Ticket, list[str]]:
    """One that holds all of it, and one that waits; the list tells when its turn has come."""
    turns: list[str] = []
    holds = budget.ask(SIZE, lambda: turns.append("first"))
    waits = budget.ask(SIZE, lambda: turns.append("second"))
    assert (holds.held, waits.held) == (True, False)
    return holds, waits, turns


def later(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_while_bodies_move_nobody_is_overtaken() -> None:
    """A starved machine moves little in a second, and has no memory to spare."""
    budget = BodyBudget(SIZE)
    holds, waits, turns = two(budget)
    for second in range(1, 60):
        holds.moved += SMALL_BYTES
        budget.tick(later(2.0 * second))
    assert not waits.held
    budget.give_back(holds)
    assert (waits.held, turns) == (True, ["second"])


@pytest.mark.parametrize("octets", [0, SMALL_BYTES - 1])
async def test_who_hardly_moves_is_overtaken(octets: int) -> None:
    budget = BodyBudget(SIZE)
    holds, waits, turns = two(budget)
    holds.moved += octets
    budget.tick(later(2.0))
    assert (holds.held, waits.held, turns) == (True, True, ["second"])


async def test_what_moved_counts_for_one_second() -> None:
    budget = BodyBudget(SIZE)
    holds, waits, _ = two(budget)
    holds.moved += SIZE
    budget.tick(later(2.0))
    assert not waits.held
    budget.tick(later(3.0))
    assert waits.held


async def test_overtaking_ends_at_four_times_the_budget() -> None:
    budget = BodyBudget(SIZE)
    tickets = [budget.ask(SIZE, lambda: None) for _ in range(6)]
    for second in range(1, 20):
        budget.tick(later(2.0 * second))
    assert [ticket.held for ticket in tickets] == [True] * 4 + [False] * 2
