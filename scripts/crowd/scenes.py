"""Scenes of a minute: ordinary streets, and movements about as strong as the definitions of the cues."""

from collections.abc import Callable, Mapping

import numpy as np

from edge.domain.scene_observations import Cue
from scripts.crowd.walkers import RUN_M_S, WALK_M_S, WALK_SPREAD_M_S, Leg, Walker

LASTS_S = 60.0
# The street before the camera: right, ahead, metres.
LEFT, RIGHT, NEAR, FAR = -12.0, 12.0, 7.0, 26.0
Rng = np.random.Generator
Point = tuple[float, float]
Walkers = list[Walker]


def _walks(rng: Rng) -> float:
    return float(np.clip(rng.normal(WALK_M_S, WALK_SPREAD_M_S), 0.6, 2.2))


def _somewhere(rng: Rng, margin: float = 0.0) -> Point:
    return (
        float(rng.uniform(LEFT + margin, RIGHT - margin)),
        float(rng.uniform(NEAR + margin, FAR - margin)),
    )


def _beside(rng: Rng, place: Point, radius_m: float) -> Point:
    angle, far = rng.uniform(0, 2 * np.pi), radius_m * np.sqrt(rng.random())
    return place[0] + float(far * np.cos(angle)), place[1] + float(far * np.sin(angle))


def _outwards(place: Point, angle: float, far_m: float) -> Point:
    return place[0] + float(far_m * np.cos(angle)), place[1] + float(far_m * np.sin(angle))


def _passer(rng: Rng, heading: float, speed_m_s: float, near: float = NEAR, far: float = FAR) -> Walker:
    """Somebody who crosses the street along a heading, and is in view some time in this minute."""
    through = (float(rng.uniform(LEFT, RIGHT)), float(rng.uniform(near, far)))
    at_s = float(rng.uniform(0, LASTS_S))
    back_s = min(at_s, 20 / speed_m_s)
    start = _outwards(through, heading, -back_s * speed_m_s)
    legs = (Leg(_outwards(through, heading, 60), speed_m_s),)
    return Walker(start, legs, at_s - back_s, at_s + 20 / speed_m_s)


def _with_company(rng: Rng, one: Walker) -> Walkers:
    """A group of up to four who walk beside each other; most are alone or two."""
    size = int(rng.choice([1, 2, 3, 4], p=[0.5, 0.3, 0.12, 0.08]))
    goal, speed = one.legs[0].goal, one.legs[0].speed_m_s
    group = [one]
    for _ in range(size - 1):
        aside = rng.uniform(-1, 1, 2)
        start = (one.start[0] + float(aside[0]), one.start[1] + float(aside[1]))
        group.append(
            Walker(
                start,
                (Leg((goal[0] + float(aside[0]), goal[1] + float(aside[1])), speed),),
                one.from_s,
                one.until_s,
            )
        )
    return group


def _passers(rng: Rng, about: float) -> Walkers:
    """People along the street, both ways, and some across; `about` so many in view at a time."""
    people: Walkers = []
    main, back = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.5)
    # Each is in view for about a quarter of the minute.
    while len(people) < max(3 * about, 1):
        heading = main + np.pi * (rng.random() < back) + rng.normal(0, 0.12)
        if rng.random() < 0.15:
            heading = rng.uniform(0, 2 * np.pi)
        people += _with_company(rng, _passer(rng, heading, _walks(rng)))
    return people


def _few_passers(rng: Rng) -> Walkers:
    return _passers(rng, rng.uniform(0, 6))


def gathering(rng: Rng) -> Walkers:
    """Some come to one place and stay for about as long as the definition asks."""
    place, radius_m = _somewhere(rng, 5), float(rng.uniform(1.0, 4.5))
    number, stay_s = int(rng.integers(4, 16)), float(rng.uniform(12, 45))
    people = _few_passers(rng)
    for _ in range(number):
        spot = _beside(rng, place, radius_m)
        start = _outwards(spot, rng.uniform(0, 2 * np.pi), float(rng.uniform(1, 12)))
        away = _outwards(spot, rng.uniform(0, 2 * np.pi), 40)
        legs = (Leg(spot, _walks(rng), 10 + stay_s), Leg(away, _walks(rng)))
        people.append(Walker(start, legs, common=place))
    return people


def convergence(rng: Rng) -> Walkers:
    """Some walk to one place at about the same time, from about as far as the definition asks."""
    place, haste = _somewhere(rng, 6), float(rng.uniform(0.5, 2.0))
    far_m, begin_s = float(rng.uniform(5, 11)), float(rng.uniform(5, 40))
    people = _few_passers(rng)
    for _ in range(int(rng.integers(3, 14))):
        start = _outwards(place, rng.uniform(0, 2 * np.pi), far_m * float(rng.uniform(0.6, 1)))
        waits_s = begin_s + float(rng.exponential(1.0))
        goal = _beside(rng, place, 1.5)
        people.append(
            Walker(start, (Leg(start, 0, waits_s), Leg(goal, haste * _walks(rng))), 0, np.inf, place)
        )
    return people


def dispersal(rng: Rng) -> Walkers:
    """Some who stand together walk or run apart, most of them or few."""
    place, haste = _somewhere(rng, 6), float(rng.uniform(0.5, 2.8))
    leaves, begin_s = float(rng.uniform(0.4, 1)), float(rng.uniform(8, 45))
    people = _few_passers(rng)
    radius_m = float(rng.uniform(1.5, 5))
    for _ in range(int(rng.integers(4, 16))):
        spot = _beside(rng, place, radius_m)
        away = np.arctan2(spot[1] - place[1], spot[0] - place[0]) + rng.normal(0, 0.5)
        leg = Leg(_outwards(spot, float(away), 40), haste * _walks(rng))
        goes = rng.random() < leaves
        legs = (Leg(spot, 1, begin_s + float(rng.exponential(0.7))), leg) if goes else (Leg(spot, 1),)
        people.append(Walker(spot, legs, 0, np.inf, place if goes else None))
    return people


def running(rng: Rng) -> Walkers:
    """Some of the people run for a while, at about the speed from which on it is running."""
    runners, begin_s = int(rng.integers(3, 11)), float(rng.uniform(5, 45))
    lasts_s, speed_m_s = float(rng.uniform(3, 12)), float(rng.uniform(2.2, RUN_M_S[1]))
    heading = rng.uniform(0, 2 * np.pi)
    people = _passers(rng, rng.uniform(0, 9))
    middle = _somewhere(rng, 4)
    back_m = speed_m_s * lasts_s / 2
    for _ in range(runners):
        start = _outwards(_beside(rng, middle, 3), heading, -min(back_m, 10))
        own = speed_m_s * float(rng.normal(1, 0.08))
        goal = _outwards(start, heading + rng.normal(0, 0.1), 80)
        legs = (Leg(goal, _walks(rng), begin_s), Leg(goal, own, begin_s + lasts_s), Leg(goal, _walks(rng)))
        people.append(Walker(start, legs, begin_s - 2))
    return people


def counter_flow(rng: Rng) -> Walkers:
    """Two streams against each other, the smaller of any share."""
    smaller, heading = rng.uniform(0.05, 0.5), rng.uniform(0, 2 * np.pi)
    people: Walkers = []
    for _ in range(int(rng.integers(12, 90))):
        way = heading + np.pi * (rng.random() < smaller) + rng.normal(0, 0.15)
        people.append(_passer(rng, way, _walks(rng)))
    return people


def pavement(rng: Rng) -> Walkers:
    """People along a street, both ways, alone and in groups, few or many."""
    return _passers(rng, rng.uniform(1, 20))


def dense_stream(rng: Rng) -> Walkers:
    """A footway 4 m wide up to Level of Service D (0.7 people a square metre): all a quarter slower."""
    heading = float(rng.choice([0, np.pi]))
    near = float(rng.uniform(9, 18))
    per_m2 = rng.uniform(0.2, 0.7)
    back = rng.uniform(0, 0.4)
    people: Walkers = []
    for _ in range(int(per_m2 * 4 * (RIGHT - LEFT) * 2.2)):
        way = heading + np.pi * (rng.random() < back) + rng.normal(0, 0.05)
        people.append(_passer(rng, way, 0.75 * _walks(rng), near, near + 4))
    return people


def stop(rng: Rng) -> Walkers:
    """People queue, a bus comes and empties through one door, and those who queued get on."""
    door, comes_s = _somewhere(rng, 5), float(rng.uniform(10, 35))
    along = rng.uniform(0, 2 * np.pi)
    people = _few_passers(rng)
    for number in range(int(rng.integers(2, 12))):
        spot = _outwards(door, along, 2 + 0.8 * number)
        boards_s = comes_s + 8 + 1.8 * number
        people.append(
            Walker(spot, (Leg(spot, 0.5, boards_s), Leg(door, 1.2)), 0, boards_s + 3 + 0.8 * number, door)
        )
    for number in range(int(rng.integers(2, 16))):
        away = _outwards(door, rng.uniform(0, 2 * np.pi), 60)
        leaves_s = comes_s + 1.5 * number
        people.append(Walker(_beside(rng, door, 0.5), (Leg(away, _walks(rng)),), leaves_s, np.inf, door))
    return people


def play(rng: Rng) -> Walkers:
    """Children run to and fro while others stand by."""
    place = _somewhere(rng, 5)
    people = _few_passers(rng)
    for _ in range(int(rng.integers(3, 9))):
        legs, now_s = [], 0.0
        while now_s < LASTS_S:
            now_s += float(rng.uniform(1, 5))
            speed = float(rng.choice([0.0, 1.2, rng.uniform(1.5, 3.5)]))
            legs.append(Leg(_beside(rng, place, 5), speed, now_s))
        people.append(Walker(_beside(rng, place, 4), tuple(legs)))
    spots = [_beside(rng, place, 6) for _ in range(int(rng.integers(1, 5)))]
    return people + [Walker(spot, (Leg(spot, 0.5),)) for spot in spots]


def waiting(rng: Rng) -> Walkers:
    """People stand about, in ones to fours, come and go."""
    people = _few_passers(rng)
    for _ in range(int(rng.integers(2, 9))):
        spot, comes_s = _somewhere(rng, 2), float(rng.uniform(-60, 50))
        goes_s = comes_s + float(rng.exponential(60)) + 5
        angle, speed = rng.uniform(0, 2 * np.pi), _walks(rng)
        for _ in range(int(rng.choice([1, 2, 3, 4], p=[0.5, 0.3, 0.12, 0.08]))):
            own = _beside(rng, spot, 1.2)
            start = _outwards(own, angle, 18) if comes_s > 0 else own
            away = _outwards(own, rng.uniform(0, 2 * np.pi), 60)
            people.append(Walker(start, (Leg(own, speed, goes_s), Leg(away, speed)), max(comes_s, 0)))
    return people


def joggers(rng: Rng) -> Walkers:
    """One or two run past people who walk."""
    people = _passers(rng, rng.uniform(1, 8))
    for _ in range(int(rng.integers(1, 4))):
        people.append(_passer(rng, rng.uniform(0, 2 * np.pi), float(rng.uniform(*RUN_M_S))))
    return people


EVENTS: Mapping[Cue, Callable[[Rng], Walkers]] = {
    Cue.GATHERING: gathering,
    Cue.CONVERGENCE: convergence,
    Cue.DISPERSAL: dispersal,
    Cue.RUNNING: running,
    Cue.COUNTER_FLOW: counter_flow,
}
ORDINARY: Mapping[str, Callable[[Rng], Walkers]] = {
    "pavement": pavement,
    "dense stream": dense_stream,
    "stop where a bus empties": stop,
    "children at play": play,
    "people waiting": waiting,
    "joggers among walkers": joggers,
}
