"""What a policy tells rules and actuators: levels, odds, hours, limits, scenes; a mistake has its line."""

from datetime import date, time

import pytest

from edge.domain.city import LampScene, LevelName, PermittedLevel, Prior, Span
from edge.domain.health import Reason
from edge.domain.observations import Sound
from edge.privacy.policy import PolicyError, parse_policy

GROUND = """
[reports.sound_level]
purpose = "noise_monitoring"
legal_basis = "public_task"
retention_days = 30
recipients = ["city_platform", "public"]
"""
HEADING = """
[policy]
city = "demo-city"
number = 3
not_before = 2026-01-01
expires = 2027-01-01
timezone = "Europe/Amsterdam"
"""
LEVEL = """
[[permitted_levels]]
quantity = "lafmax_db"
level_db = 70.5
distance_m = 10
first = 2026-04-01
last = 2026-09-30
start = 07:00:00
end = 23:00:00
"""
PRIOR = """
[[priors]]
sound = "firework"
odds = 20
first = 2000-12-31
last = 2000-01-01
every_year = true
"""


def mistake(text: str) -> str:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, where="policy.toml")
    return str(caught.value)


def test_rules_and_actuators_get_what_the_file_says() -> None:
    rest = (
        "[counts]\nk = 8\n[[quiet_hours]]\nstart = 22:00:00\nend = 07:00:00\n"
        '[air_limits.eu]\nno2_1h = 200\npm10_24h = 45.5\n[scenes]\nimpulse = "bright"\n'
    )
    policy = parse_policy(GROUND + HEADING + LEVEL + PRIOR + rest, where="policy.toml")
    assert policy.k == 8
    city = policy.city
    assert city.timezone == "Europe/Amsterdam"
    assert city.permitted_levels == (
        PermittedLevel(
            0, LevelName.LAFMAX_DB, 70.5, 10, Span(date(2026, 4, 1), date(2026, 9, 30), time(7), time(23))
        ),
    )
    assert city.priors == (
        Prior(0, Sound.FIREWORK, 20, Span(date(2000, 12, 31), date(2000, 1, 1), every_year=True)),
    )
    assert city.quiet_hours == (Span(start=time(22), end=time(7)),)
    assert city.air_limits == {"eu": {"no2_1h": 200, "pm10_24h": 45.5}}
    assert city.scenes == {"impulse": LampScene.BRIGHT}


def test_a_policy_that_says_nothing_of_it_limits_nothing_and_keeps_small_counts_small() -> None:
    policy = parse_policy(GROUND, where="policy.toml")
    assert policy.k == 5
    assert (policy.city.permitted_levels, policy.city.priors, policy.city.quiet_hours) == ((), (), ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            LEVEL.replace('"lafmax_db"', '"lafmax"'),
            "policy.toml:9: 'permitted_levels.0.quantity' is 'lafmax', which does not exist; did you mean",
        ),
        (
            LEVEL.replace("level_db", "level"),
            "unknown key 'permitted_levels.0.level'; did you mean 'level_db'?",
        ),
        (LEVEL.replace("70.5", "nan"), "'permitted_levels.0.level_db': input should be a finite number"),
        (LEVEL.replace("70.5", '"70"'), "'permitted_levels.0.level_db': input should be a valid number"),
        (LEVEL.replace("70.5", "201"), "'permitted_levels.0.level_db': input should be less than or equal"),
        (LEVEL.replace("= 10", "= 0"), "'permitted_levels.0.distance_m': input should be greater than 0"),
        (LEVEL.replace("2026-04-01", "5"), "'permitted_levels.0.first': input should be a valid date"),
        (LEVEL.replace("07:00:00", "7"), "'permitted_levels.0.start': input should be a valid time"),
        (LEVEL.replace("2026-09-30", "2026-03-30"), "'permitted_levels.0': last is before first"),
        (PRIOR.replace("last = 2000-01-01\n", ""), "'priors.0': every_year needs first and last"),
        (PRIOR.replace("firework", "fireworks"), "'priors.0.sound' is 'fireworks', which does not exist"),
        (PRIOR.replace("20\n", "0\n"), "'priors.0.odds': input should be greater than or equal to 0.001"),
        (HEADING.replace("Amsterdam", "Amsterdm"), "'policy.timezone': 'Europe/Amsterdm' is no time zone"),
        (HEADING.replace("2027-01-01", "2025-01-01"), "'policy': expires is before not_before"),
        (HEADING.replace("number = 3", "number = true"), "'policy.number': input should be a valid integer"),
        ("[counts]\nk = 1", "'counts.k': input should be greater than or equal to 2"),
        ("[[quiet_hours]]", "'quiet_hours.0': says neither days nor hours"),
        ("[scenes]\nimpuls = 'bright'", "unknown kind of event 'impuls'; did you mean 'impulse'?"),
        ("[scenes]\nimpulse = 'dark'", "'scenes.impulse' is 'dark', which does not exist; known: normal"),
        ("[scenes]\nsound_level = 'calm'", "unknown kind of event 'sound_level'; known: air_alert"),
        ("[air_limits.eu]\nno2 = 0", "'air_limits.eu.no2': input should be greater than 0"),
        ("[air_limits]\neu = 3", "'air_limits.eu' is not a table; write a section [air_limits.eu]"),
        ("[air_limits.EU]\nno2 = 1", "'air_limits.EU': string should match pattern"),
        ("[priors]\nsound = 'horn'", "'priors' is not a list of tables; write sections [[priors]]"),
        (
            GROUND.replace("public_task", "public_tsk").replace("sound_level", "health"),
            "'reports.health.legal_basis' is 'public_tsk', which does not exist; did you mean 'public_task'?",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_to_do(text: str, said: str) -> None:
    assert said in mistake(GROUND + text)


@pytest.mark.parametrize("table", [LEVEL, PRIOR])
def test_two_words_on_the_same_hours_contradict_each_other(table: str) -> None:
    other = table.replace("70.5", "60").replace("odds = 20", "odds = 2")
    with pytest.raises(PolicyError, match="at the same hours as number 1 of them; remove one") as caught:
        parse_policy(GROUND + table + other, where="policy.toml")
    assert caught.value.reason is Reason.CONTRADICTORY
    assert parse_policy(GROUND + table + other.replace("last = 20", "last = 21"), where="policy.toml")


def test_an_unknown_recipient_is_named_with_the_nearest() -> None:
    assert (
        "policy.toml:6: 'reports.sound_level.recipients.0' is 'city_platfrm', which does not exist;"
        " did you mean 'city_platform'?"
    ) in mistake(GROUND.replace("city_platform", "city_platfrm"))
