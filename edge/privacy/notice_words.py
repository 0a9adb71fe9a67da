"""The words of the notice for residents, in Dutch and in English."""

from collections.abc import Mapping
from dataclasses import dataclass

from edge.domain.report_base import LegalBasis, Purpose, Recipient


@dataclass(frozen=True, slots=True)
class Words:
    """One language.

    Attributes:
        kinds: what a kind of report tells, for people who know nothing of it.
        text: the sentences of the page by name; `{...}` are filled in.
    """

    language: str
    kinds: Mapping[str, str]
    purposes: Mapping[Purpose, str]
    bases: Mapping[LegalBasis, str]
    recipients: Mapping[Recipient, str]
    sensors: Mapping[str, tuple[str, str]]
    text: Mapping[str, str]


DUTCH = Words(
    language="nl",
    kinds={
        "sound_level": "Hoe hard het geluid was, als gemiddelde en maximum over een periode",
        "sound_bands": "Hoe hard lage, midden- en hoge tonen waren, over minstens een minuut",
        "impulse": "Dat er een knal was, hoe hard en uit welke richting",
        "street_sound": "Wat voor geluid het waarschijnlijk was: schot, vuurwerk, glas, schreeuw,"
        " sirene, claxon",
        "bang": "Wat een knal waarschijnlijk was, hoe ver weg en of hij luider was dan toegestaan",
        "glass_break": "Dat er waarschijnlijk glas brak",
        "disturbance_cue": "Dat er geschreeuwd of hard gerend werd; niet wie, en niet waarom",
        "gathering": "Dat mensen bij elkaar kwamen en bleven",
        "sudden_dispersal": "Dat mensen na een knal uiteenliepen",
        "help_request": "Dat iemand op de hulpknop drukte",
        "tamper": "Dat iemand aan de lantaarnpaal zelf zat",
        "scene_motion": "Welk deel van het beeld bewoog of bezet was, als getal",
        "people_count": "Hoeveel mensen en voertuigen er waren; van weinig mensen alleen dat het er"
        " weinig waren",
        "line_crossing": "Hoeveel mensen en voertuigen een lijn overstaken",
        "crowd_cue": "Hoe een groep beweegt: samenkomen, uiteengaan, rennen",
        "parking": "Hoeveel parkeervakken vrij zijn; niet welk voertuig er staat",
        "particulates": "Hoeveel fijnstof er in de lucht zat",
        "corrected_particulates": "Hoeveel fijnstof er in de lucht zat, gecorrigeerd voor vocht",
        "gases": "Hoeveel van enkele gassen er in de lucht zat",
        "gas_indices": "Hoe de lucht rook, als cijfer; geen stof wordt genoemd",
        "weather": "Temperatuur, vocht, luchtdruk, wind en regen",
        "heat_stress": "Hoe warm het aanvoelde in de schaduw",
        "water_level": "Hoe hoog het water stond",
        "air_mean": "Het gemiddelde van een stof in de lucht over uren of een dag",
        "air_index": "Een cijfer voor de luchtkwaliteit van een uur",
        "air_exceedance": "Dat een stof in de lucht langere tijd boven een grens lag",
        "air_alert": "Dat de lucht boven een grens kwam, en waar de wind vandaan kwam",
        "sensor_agreement": "Of twee luchtsensoren hetzelfde meten",
        "contact": "Dat een hulpknop, kastdeur of sabotagecontact veranderde",
        "presence": "Welk deel van minstens vijf minuten er iemand dichtbij was, in tienden",
        "position": "Waar de lantaarnpaal staat, op 11 meter",
        "time_quality": "Hoe goed de klok van de lantaarnpaal wordt bijgehouden",
        "command": "Wat de paal met een opdracht van de gemeente deed",
        "lamp": "Dat de lamp anders ging schijnen",
        "lamp_request": "Dat de paal de straatverlichting vroeg anders te schijnen",
        "loudspeaker": "Dat de luidspreker een signaal of een opgenomen bericht liet horen",
        "health": "Of de sensoren en de lantaarnpaal zelf werken",
    },
    purposes={
        Purpose.NOISE_MONITORING: "Geluidshinder meten",
        Purpose.PUBLIC_SAFETY: "Veiligheid op straat",
        Purpose.CROWD_SAFETY: "Veiligheid bij drukte",
        Purpose.AIR_QUALITY: "Luchtkwaliteit, weer en water",
        Purpose.PARKING: "Parkeren",
        Purpose.MAINTENANCE: "Onderhoud van de lantaarnpaal",
    },
    bases={
        LegalBasis.LEGAL_OBLIGATION: "wettelijke plicht (AVG artikel 6 lid 1 c)",
        LegalBasis.VITAL_INTERESTS: "vitale belangen (AVG artikel 6 lid 1 d)",
        LegalBasis.PUBLIC_TASK: "taak van algemeen belang (AVG artikel 6 lid 1 e)",
        LegalBasis.LEGITIMATE_INTERESTS: "gerechtvaardigd belang (AVG artikel 6 lid 1 f)",
        LegalBasis.NO_PERSONAL_DATA: "geen persoonsgegevens",
    },
    recipients={
        Recipient.CITY_PLATFORM: "het dataplatform van de gemeente",
        Recipient.CITY_ENFORCEMENT: "handhaving van de gemeente",
        Recipient.ENVIRONMENT_AGENCY: "de omgevingsdienst",
        Recipient.EMERGENCY_SERVICES: "hulpdiensten",
        Recipient.POLICE: "de politie",
        Recipient.TRAFFIC_CONTROL: "de verkeerscentrale",
        Recipient.MAINTENANCE_CONTRACTOR: "de onderhoudsaannemer",
        Recipient.RESEARCH: "onderzoekers",
        Recipient.PUBLIC: "iedereen (open data)",
    },
    sensors={
        "microphone": ("microfoon", "microfoons"),
        "camera": ("camera", "camera's"),
        "serial_board": ("meetprint voor lucht, weer of omgeving", "meetprints voor lucht, weer of omgeving"),
        "contact": ("contact (hulpknop, deur)", "contacten (hulpknop, deur)"),
    },
    text={
        "title": "Wat deze lantaarnpaal meet",
        "lead": "Deze lantaarnpaal zet geluid en beeld ter plekke om in enkele getallen. Alleen die getallen"
        " verlaten de paal. Hieronder staat welke, waarom en hoe lang ze bewaard worden.",
        "who": "Verantwoordelijk",
        "controller": "gemeente {city}",
        "contact": "Vragen of bezwaar",
        "no_contact": "stel uw vraag aan de functionaris gegevensbescherming van de gemeente",
        "node": "Lantaarnpaal",
        "policy": "Beleid",
        "policy_facts": "nummer {number}, {days}, {signed}",
        "days": "geldig van {first} tot en met {last}",
        "no_days": "zonder einddatum",
        "signed": "ondertekend door de gemeente",
        "unsigned": "niet ondertekend (proefopstelling)",
        "silent": "Er is nu geen geldig beleid. Deze lantaarnpaal verstuurt niets, behalve of hij zelf"
        " werkt.",
        "sensors": "Aan de paal",
        "no_sensors": "geen sensoren",
        "never": "Wat nooit gebeurt",
        "never_items": "Geluid en beeld worden niet opgeslagen en niet verstuurd. Ze bestaan alleen even"
        " in het"
        " werkgeheugen.|Gezichten, stemmen, kentekens en telefoons worden niet herkend of gevolgd."
        "|Niemand wordt beoordeeld: een melding zegt wat er te horen of te zien was, niet wat iemand"
        " voelt of wil."
        "|Een melding bevat geen tekst, beeld of geluid: alleen getallen, vaste woorden en tijden.",
        "what": "Wat de paal mag versturen",
        "tells": "Melding",
        "precision": "Tijd tot op",
        "kept": "Bewaard",
        "days_kept": "{days} dagen",
        "day_kept": "1 dag",
        "years_kept": "{years} jaar",
        "not_kept": "niet bewaard",
        "decimal": ",",
        "basis": "Grondslag",
        "for": "Voor",
        "nobody": "alleen de gemeente",
        "nothing": "Niets.",
        "limits": "Hoe u dat zeker weet",
        "limit_items": "Alle meldingen samen blijven onder {hour} bit per seconde. Voor de slechtst"
        " verstaanbare"
        " spraak is ten minste {short} bit per seconde nodig."
        "|Groepen kleiner dan {k} mensen worden niet als getal gemeld.|{network}"
        "|De software is openbaar. Met het commando `lamppost privacy verify` controleert iedereen met"
        " een opname"
        " dat er niets anders uitkomt.",
        "no_network": "Het programma dat hoort en ziet heeft geen netwerk. Een ander programma, zonder"
        " microfoon of"
        " camera, verstuurt de meldingen.",
        "network": "Let op: een camera van deze paal zit op een netwerkkabel (IP-camera). Daarom heeft"
        " het programma"
        " dat hoort en ziet een netwerk; het mag alleen met die camera praten.",
        "together": "Let op: op deze proefopstelling versturen en meten samen in één programma.",
        "rights": "Uw rechten",
        "rights_text": "U mag de gemeente vragen wat zij van u verwerkt, en bezwaar maken. U kunt een"
        " klacht indienen"
        " bij de Autoriteit Persoonsgegevens. Omdat meldingen niet over personen gaan, kan de gemeente"
        " meestal niet"
        " zien of u in een melding meetelde.",
        "made": "Gemaakt op {today} uit het beleid en de instellingen van deze lantaarnpaal.",
    },
)

ENGLISH = Words(
    language="en",
    kinds={
        "sound_level": "How loud it was, as a mean and a maximum over a while",
        "sound_bands": "How loud low, middle and high tones were, over a minute or more",
        "impulse": "That there was a bang, how loud and from which direction",
        "street_sound": "What a sound probably was: shot, fireworks, glass, scream, siren, horn",
        "bang": "What a bang probably was, how far away and whether it was louder than permitted",
        "glass_break": "That glass probably broke",
        "disturbance_cue": "That there was shouting or running; not who, and not why",
        "gathering": "That people came together and stayed",
        "sudden_dispersal": "That people ran apart after a bang",
        "help_request": "That somebody pressed the help button",
        "tamper": "That somebody was at the lamppost itself",
        "scene_motion": "Which share of the picture moved or was occupied, as a number",
        "people_count": "How many people and vehicles there were; of few people only that they were few",
        "line_crossing": "How many people and vehicles crossed a line",
        "crowd_cue": "How a group moves: coming together, going apart, running",
        "parking": "How many parking bays are free; not which vehicle is there",
        "particulates": "How much particulate matter was in the air",
        "corrected_particulates": "How much particulate matter was in the air, corrected for humidity",
        "gases": "How much of some gases was in the air",
        "gas_indices": "How the air smelled, as a grade; no substance is named",
        "weather": "Temperature, humidity, pressure, wind and rain",
        "heat_stress": "How hot it felt in the shade",
        "water_level": "How high the water stood",
        "air_mean": "The mean of a substance in the air over hours or a day",
        "air_index": "A grade for the air of an hour",
        "air_exceedance": "That a substance in the air stayed above a limit",
        "air_alert": "That the air came above a limit, and where the wind came from",
        "sensor_agreement": "Whether two air sensors measure alike",
        "contact": "That a help button, a cabinet door or a tamper contact changed",
        "presence": "For which share of at least five minutes somebody was near, in tenths",
        "position": "Where the lamppost stands, to 11 metres",
        "time_quality": "How well the lamppost's clock is kept",
        "command": "What the post did with an instruction of the city",
        "lamp": "That the lamp began to shine otherwise",
        "lamp_request": "That the post asked the street lighting to shine otherwise",
        "loudspeaker": "That the loudspeaker played a signal or a recorded message",
        "health": "Whether the sensors and the lamppost itself work",
    },
    purposes={
        Purpose.NOISE_MONITORING: "Measuring noise",
        Purpose.PUBLIC_SAFETY: "Safety in the street",
        Purpose.CROWD_SAFETY: "Safety in crowds",
        Purpose.AIR_QUALITY: "Air quality, weather and water",
        Purpose.PARKING: "Parking",
        Purpose.MAINTENANCE: "Maintenance of the lamppost",
    },
    bases={
        LegalBasis.LEGAL_OBLIGATION: "legal obligation (GDPR article 6(1)(c))",
        LegalBasis.VITAL_INTERESTS: "vital interests (GDPR article 6(1)(d))",
        LegalBasis.PUBLIC_TASK: "task in the public interest (GDPR article 6(1)(e))",
        LegalBasis.LEGITIMATE_INTERESTS: "legitimate interests (GDPR article 6(1)(f))",
        LegalBasis.NO_PERSONAL_DATA: "no personal data",
    },
    recipients={
        Recipient.CITY_PLATFORM: "the city's data platform",
        Recipient.CITY_ENFORCEMENT: "the city's enforcement officers",
        Recipient.ENVIRONMENT_AGENCY: "the environment agency",
        Recipient.EMERGENCY_SERVICES: "emergency services",
        Recipient.POLICE: "the police",
        Recipient.TRAFFIC_CONTROL: "traffic control",
        Recipient.MAINTENANCE_CONTRACTOR: "the maintenance contractor",
        Recipient.RESEARCH: "researchers",
        Recipient.PUBLIC: "everybody (open data)",
    },
    sensors={
        "microphone": ("microphone", "microphones"),
        "camera": ("camera", "cameras"),
        "serial_board": ("board for air, weather or surroundings", "boards for air, weather or surroundings"),
        "contact": ("contact (help button, door)", "contacts (help button, door)"),
    },
    text={
        "title": "What this lamppost measures",
        "lead": "This lamppost turns sound and images into a few numbers on the spot. Only those numbers"
        " leave it."
        " This page says which, why, and how long they are kept.",
        "who": "Responsible",
        "controller": "the city of {city}",
        "contact": "Questions or objections",
        "no_contact": "ask the city's data protection officer",
        "node": "Lamppost",
        "policy": "Policy",
        "policy_facts": "number {number}, {days}, {signed}",
        "days": "valid from {first} to {last}",
        "no_days": "without an end date",
        "signed": "signed by the city",
        "unsigned": "not signed (a trial)",
        "silent": "No policy is in force now. This lamppost sends nothing but whether it works itself.",
        "sensors": "On the post",
        "no_sensors": "no sensors",
        "never": "What never happens",
        "never_items": "Sound and images are not stored and not sent. They exist for a moment, in"
        " working memory."
        "|Faces, voices, number plates and phones are not recognised or followed."
        "|Nobody is judged: a report says what could be heard or seen, not what anybody feels or intends."
        "|A report holds no text, image or sound: only numbers, fixed words and times.",
        "what": "What the post may send",
        "tells": "Report",
        "precision": "Time to",
        "kept": "Kept",
        "days_kept": "{days} days",
        "day_kept": "1 day",
        "years_kept": "{years} years",
        "not_kept": "not kept",
        "decimal": ".",
        "basis": "Ground",
        "for": "For",
        "nobody": "the city only",
        "nothing": "Nothing.",
        "limits": "How you can be sure",
        "limit_items": "All reports together stay under {hour} bits per second. The barest intelligible"
        " speech needs"
        " at least {short} bits per second."
        "|Groups of fewer than {k} people are not told as a number.|{network}"
        "|The software is public. With the command `lamppost privacy verify` anybody with a recording"
        " checks that"
        " nothing else comes out.",
        "no_network": "The program that hears and sees has no network. Another one, without microphone"
        " or camera,"
        " sends the reports.",
        "network": "Note: a camera of this post is on a network cable (IP camera). So the program that"
        " hears and sees"
        " has a network; it may talk to that camera only.",
        "together": "Note: on this trial, measuring and sending are one program.",
        "rights": "Your rights",
        "rights_text": "You may ask the city what it processes about you, and object. You may complain"
        " to the data"
        " protection authority. As reports are not about persons, the city can mostly not tell whether"
        " you were part"
        " of one.",
        "made": "Made on {today} from the policy and the settings of this lamppost.",
    },
)
