"""How often a page reports a change in a quiet week, and how often it sees a real drop.

    python benchmarks/false_alarms.py [--worlds 500] [--weeks 8 16 26]

A page has twenty figures: the daily active people of the headline (500 a day), four more of its size, five counts of 2
to 40 a week, the sizes of five segments that people enter and leave, and five shares of 40 to 2 000 things. In a null
world nothing happens to any of them but what its name says; a page with any figure outside its limits is a false alarm.
Then the daily active people of the last week fall by 10, 20 and 30 %. Beside it stands the rule that was used before:
the mean of the seven differences from the week before, with a t interval.
"""

import argparse
import math
from statistics import mean, stdev

import numpy as np

from usertrack.core.ordinary import ordinary_level, ordinary_week
from usertrack.core.stats import student

LARGE, SMALL = (500, 500, 300, 200, 120), (2, 4, 8, 15, 40)  # a day; a week
LEVELS = ((20, 2), (60, 5), (150, 15), (400, 40), (900, 60))  # people, and how many come and go in a week
SIZES = (40, 150, 400, 1000, 2000)  # things of which a share is taken, a week
SHARES = (0.9, 0.03, 0.3, 0.75, 0.12)
WEEKDAYS = np.array([1.15, 1.2, 1.2, 1.15, 1.05, 0.65, 0.6])
NULLS = ("independent", "weeks differ by 5 %", "AR(1) 0.5", "AR(1) 0.8", "weekdays", "holidays", "growth", "decline")


def wander(rng: np.random.Generator, shape: tuple[int, ...], memory: float) -> np.ndarray:
    """An autoregressive series of unit variance along the last axis."""
    steps = rng.standard_normal(shape)
    for at in range(1, shape[-1]):
        steps[..., at] = memory * steps[..., at - 1] + math.sqrt(1 - memory * memory) * steps[..., at]
    return steps


def level(rng: np.random.Generator, world: str, figures: int, weeks: int) -> np.ndarray:
    """What each figure's usual value is multiplied by, per figure and day."""
    days = 7 * weeks
    ones = np.ones((figures, days))
    match world:
        case "weeks differ by 5 %":
            return ones * np.exp(0.05 * rng.standard_normal((figures, weeks))).repeat(7, axis=1)
        case "AR(1) 0.5" | "AR(1) 0.8":  # from day to day, by 10 %
            return ones * np.exp(0.1 * wander(rng, (figures, days), float(world[-3:])))
        case "weekdays":
            return ones * np.tile(WEEKDAYS, weeks)
        case "holidays":  # eight single days and one whole week in a year, the same for everything
            single = (rng.random(weeks) < 8 / 52).repeat(7) & (np.arange(days) % 7 == 0)
            return ones * np.where(single, 0.4, 1) * np.where(rng.random(weeks) < 1 / 52, 0.5, 1).repeat(7)
        case "growth" | "decline":  # by 3 % a week
            return ones * np.exp((1 if world == "growth" else -1) * math.log(1.03) / 7 * np.arange(days))
    return ones


def pages(rng: np.random.Generator, world: str, worlds: int, weeks: int) -> tuple[float, dict[int, float], float]:
    """Shares: of pages with a false alarm, of drops seen by percent, and of false alarms by the former rule."""
    false, former, seen = 0, 0, dict.fromkeys((10, 20, 30), 0)
    figures = len(LARGE) + len(SMALL) + len(SIZES) + len(LEVELS)
    for _ in range(worlds):
        factor = level(rng, world, figures, weeks + 1)
        a_week = [*SMALL, *SIZES, *(moved for _, moved in LEVELS)]
        daily = np.array([*LARGE, *(count / 7 for count in a_week)])
        counts = rng.poisson(daily[:, None] * factor)
        weekly = counts.reshape(figures, weeks + 1, 7).sum(axis=2)
        alarm = False
        for row in weekly[: len(LARGE) + len(SMALL)]:
            alarm |= ordinary_week(row[:-1].tolist(), "count", figures=figures).side(row[-1]) != "within"
        for row, (people, _) in zip(weekly[-len(LEVELS) :], LEVELS, strict=True):
            came = row - rng.poisson(row.mean(), len(row))  # and others left
            sizes = np.maximum(people + came.cumsum(), 0).tolist()
            alarm |= ordinary_level(sizes[:-1], figures=figures).side(sizes[-1]) in ("above", "below")
        for row, share in zip(weekly[len(LARGE) + len(SMALL) : -len(LEVELS)], SHARES, strict=True):
            sizes = np.maximum(row, 1)
            past = (rng.binomial(sizes, share) / sizes).tolist()
            chart = ordinary_week(past[:-1], "share", figures=figures, sizes=sizes[:-1].tolist(), size=float(sizes[-1]))
            alarm |= chart.side(past[-1]) != "within"
        false += alarm
        headline = weekly[0].tolist()
        chart = ordinary_week(headline[:-1], "count", figures=figures)
        for percent in seen:
            seen[percent] += chart.side(float(rng.binomial(headline[-1], 1 - percent / 100))) == "below"
        changes = (counts[0, -7:] - counts[0, -14:-7]).tolist()
        interval = student(mean(changes), stdev(changes), 7)
        former += not (interval.low or 0) <= 0 <= (interval.high or 0)
    return false / worlds, {percent: hits / worlds for percent, hits in seen.items()}, former / worlds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=500)
    parser.add_argument("--weeks", type=int, nargs="+", default=[8, 16, 26])
    options = parser.parse_args()
    print("| world | past weeks | false alarms of a page | of visits by the former rule | −10 % seen | −20 % | −30 % |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for world in NULLS:
        for weeks in options.weeks:
            false, seen, former = pages(np.random.default_rng(weeks), world, options.worlds, weeks)
            cells = [f"{100 * value:.0f} %" for value in (false, former, *seen.values())]
            print(f"| {world} | {weeks} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
