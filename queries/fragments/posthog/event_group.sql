-- title: The group of an event
-- about: >
--   The value of the property `breakdown` of the event, or of its person; empty values are none.
-- params: {breakdown: usertrack_no_breakdown, of_person: false}
nullIf(toString(if({of_person}, person.properties[{breakdown}], properties[{breakdown}])), '')
