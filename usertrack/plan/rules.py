"""Rules for a plan beside code and data: one rule for one thing, whether `plan check` or live-check finds it."""

from usertrack.plan.finding import Rule

NEAR_EVENT = Rule(
    "near-event",
    "Events are sent by their names",
    "A name that is nearly a planned one is a slip: its events are in no funnel and no segment.",
    "error",
)
UNPLANNED_EVENT = Rule(
    "unplanned-event", "Events that are sent are planned", "Nobody knows what they mean, or who may rename them."
)
ABSENT_EVENT = Rule(
    "absent-event", "Active events are in the code", "The plan says that they are sent: whoever counts them counts 0."
)
PLANNED_EVENT = Rule("planned-event", "Planned events arrive one day", "They are the work that is left.", "note")
SILENT_EVENT = Rule("silent-event", "Active events arrive", "The code sends them, and nothing comes: is it ever run?")
UNSEEN_EVENT = Rule(
    "unseen-event", "Events come from code that is scanned", "What is not scanned is not checked either.", "note"
)
RETIRED_EVENT = Rule(
    "retired-event",
    "Deprecated and replaced events are sent no more",
    "Where an event and what replaces it are both sent, what counts them counts twice.",
)
ABSENT_PROPERTY = Rule(
    "absent-property",
    "Required properties are always there",
    "An answer by this property leaves out the events that lack it.",
)
NEAR_PROPERTY = Rule(
    "near-property",
    "Properties are sent by their names",
    "A name that is nearly a planned one is a slip: whoever asks for the planned one misses it.",
    "error",
)
UNPLANNED_PROPERTY = Rule(
    "unplanned-property",
    "Properties that are sent are planned",
    "Nobody knows their type, or whether they are personal.",
    "note",
)
UNCOVERED_STEP = Rule(
    "uncovered-step",
    "Funnels and segments that the plan names have their events",
    "Without the event, nobody gets past the step, and the fact is the same for all.",
)
UNREAD_CALL = Rule(
    "unread-call",
    "The event of each call can be read",
    "What it sends is in no figure: write the name out, or name the call in `sinks:`.",
    "note",
)
WRONG_TYPE = Rule(
    "wrong-type",
    "Values are of the type that the plan says",
    "Numbers that arrive as texts are in no sum, and sort as texts do.",
    "error",
)
UNLISTED_VALUE = Rule(
    "unlisted-value",
    "Values are in the plan's list",
    "A breakdown by the property has a row that nobody expects.",
    "error",
)
PERSONAL_VALUE = Rule(
    "personal-value",
    "Personal data that arrives is declared",
    "What names a person or a customer has to be known when they ask for it to be erased, or not to be sent.",
    "error",
)
MANY_VALUES = Rule(
    "many-values",
    "Properties have few different values",
    "A breakdown has a row for each of them, and no two people share one.",
    "note",
)
