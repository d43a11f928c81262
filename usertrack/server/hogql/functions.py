"""The functions of HogQL: their number of arguments and their names in ClickHouse. All others are refused.

The tables are PostHog's (posthog/hogql/functions, 2026). They lack retention, sequenceMatch, uniqCombined, and all
functions that read files, networks, dictionaries, settings or other tables.
"""

from dataclasses import dataclass
from itertools import chain

from usertrack.server.hogql.errors import HogQLError, suggestion


def _names(text: str) -> set[str]:
    return set(text.split())


# "1-2": one or two arguments; "2+": two or more; "=": the ClickHouse name where it differs
_FUNCTIONS = {
    "0": "e pi yesterday today current_date=today rowNumberInBlock rowNumberInAllBlocks generateUUIDv4",
    "0-1": "now current_timestamp=now rand rand64",
    "0+": "array tuple",
    "1": """negate abs empty notEmpty isEmpty=empty isNotEmpty=notEmpty length reverse arrayEnumerate arrayPopBack
        arrayPopFront arrayJoin arrayDifference arrayDistinct arrayEnumerateDense arrayReverse arrayFlatten
        arrayCompact arrayProduct not hex unhex reinterpretAsUInt8 reinterpretAsUInt16 reinterpretAsUInt32
        reinterpretAsUInt64 reinterpretAsInt8 reinterpretAsInt16 reinterpretAsInt32 reinterpretAsInt64
        reinterpretAsFloat32 reinterpretAsFloat64 reinterpretAsUUID toInt toFloat toUUID toIntOrZero=toInt64OrZero
        toFloatOrZero=toFloat64OrZero toNullableString toBool toJSONString toTypeName cityHash64 sipHash64
        UUIDv7ToDateTime toDate to_date=toDate _toDate=toDate isNull isNotNull assumeNotNull toNullable timeZoneOf
        timeZoneOffset toYear toQuarter toMonth toDayOfYear toDayOfMonth toHour toMinute toSecond
        toUnixTimestamp64Milli fromUnixTimestamp64Milli toStartOfYear toStartOfISOYear toStartOfQuarter toStartOfMonth
        toLastDayOfMonth toMonday toStartOfHour toStartOfMinute toStartOfSecond toStartOfFiveMinutes
        toStartOfTenMinutes toStartOfFifteenMinutes toTime toISOYear toISOWeek timeSlot toYYYYMM toYYYYMMDD
        toYYYYMMDDhhmmss monthName fromUnixTimestamp toModifiedJulianDay=toModifiedJulianDayOrNull
        fromModifiedJulianDay=fromModifiedJulianDayOrNull toIntervalSecond toIntervalMinute toIntervalHour
        toIntervalDay toIntervalWeek toIntervalMonth toIntervalQuarter toIntervalYear lengthUTF8 lower upper lowerUTF8
        upperUTF8 isValidUTF8 toValidUTF8 reverseUTF8 base58Encode base58Decode tryBase58Decode base64Encode
        base64Decode tryBase64Decode encodeXMLComponent decodeXMLComponent extractTextFromHTML ascii initcap
        regexpQuoteMeta exp log ln exp2 log2 exp10 log10 sqrt cbrt erf erfc lgamma tgamma sin cos tan asin acos atan
        intExp2 intExp10 cosh acosh sinh asinh atanh log1p sign degrees radians factorial roundToExp2 roundDuration
        roundAge mapKeys mapValues tokens bitNot bitCount bitmapBuild bitmapToArray bitmapCardinality bitmapMin
        bitmapMax protocol domain domainWithoutWWW topLevelDomain firstSignificantSubdomain
        cutToFirstSignificantSubdomain cutToFirstSignificantSubdomainWithWWW path pathFull queryString fragment
        queryStringAndFragment extractURLParameters extractURLParameterNames URLHierarchy URLPathHierarchy
        encodeURLComponent decodeURLComponent encodeURLFormComponent decodeURLFormComponent netloc cutWWW
        cutQueryString cutFragment cutQueryStringAndFragment isValidJSON geohashDecode untuple tupleToNameValuePairs
        tupleNegate isFinite isInfinite isNaN formatReadableDecimalSize formatReadableSize formatReadableQuantity
        L1Norm L2Norm LinfNorm L1Normalize L2Normalize LinfNormalize md5 isIPv4String isIPv6String""",
    "1-2": """toString toFloatOrDefault=toFloat64OrDefault parseDateTimeBestEffort toDateTime toDateTimeUS
        toUnixTimestamp toStartOfWeek toStartOfDay toLastDayOfWeek ltrim=trimLeft trimLeft rtrim=trimRight trimRight
        btrim=trim trim floor ceil ceiling=ceil trunc truncate=trunc round roundBankers port formatReadableTimeDelta
        splitByWhitespace splitByNonAlpha alphaTokens arrayStringConcat arrayMin arrayMax arraySum arrayAvg toTimeZone
        to_timestamp=fromUnixTimestamp""",
    "1-3": "range toDayOfWeek toDateTime64 toWeek toYearWeek mapPopulateSeries JSONExtractKeysAndValues",
    "1+": """arrayCount arraySort arrayReverseSort=arraySort arrayUniq arrayIntersect arrayExists arrayAll arrayCumSum
        arrayCumSumNonNegative coalesce JSONHas JSONLength JSONArrayLength JSONType JSONExtractUInt JSONExtractInt
        JSONExtractFloat JSONExtractBool JSONExtractString JSONExtractKey JSONExtractKeys JSONExtractRaw
        JSONExtractArrayRaw JSONExtractKeysAndValuesRaw""",
    "2": """plus minus multiply divide intDiv intDivOrZero modulo moduloOrZero positiveModulo gcd lcm max2 min2
        arrayElement has hasAll hasAny hasSubstr indexOf countEqual arrayPushBack arrayPushFront arrayAUC
        arrayWithConstant arrayRotateLeft arrayRotateRight toUUIDOrDefault toDecimal ifNull nullIf timeStampAdd
        timeStampSub date_subtract=date_sub addYears addMonths addWeeks addDays addHours addMinutes addSeconds
        addQuarters subtractYears subtractMonths subtractWeeks subtractDays subtractHours subtractMinutes
        subtractSeconds subtractQuarters dateName date_part timezone left=leftUTF8 right=rightUTF8 repeat
        appendTrailingCharIfAbsent endsWith startsWith multiSearchAllPositions multiSearchAllPositionsUTF8
        multiSearchFirstPosition multiSearchFirstIndex multiSearchAny multiSearchAnyCaseInsensitive
        multiSearchAnyCaseInsensitiveUTF8 match multiMatchAny multiMatchAnyIndex multiMatchAllIndices extract
        extractAll extractAllGroupsHorizontal extractAllGroupsVertical extractGroups ngramDistance ngramSearch
        ngramDistanceCaseInsensitive ngramSearchCaseInsensitive countMatches countMatchesCaseInsensitive
        hasSubsequence hasSubsequenceCaseInsensitive hasToken hasTokenCaseInsensitive pow power atan2 hypot roundDown
        mapFromArrays mapContains mapContainsKeyLike mapExtractKeyLike mapApply mapFilter mapUpdate extractAllGroups
        ngrams bitAnd bitOr bitXor bitShiftLeft bitShiftRight bitRotateLeft bitRotateRight bitTest bitHammingDistance
        bitmapContains bitmapHasAny bitmapHasAll bitmapAnd bitmapOr bitmapXor bitmapAndnot bitmapAndCardinality
        bitmapOrCardinality bitmapXorCardinality bitmapAndnotCardinality extractURLParameter cutURLParameter
        tupleHammingDistance tuplePlus tupleMinus tupleMultiply tupleDivide tupleMultiplyByNumber tupleDivideByNumber
        dotProduct ifNotFinite LpNorm L1Distance L2Distance LinfDistance LpNormalize cosineDistance date_add""",
    "2-3": """multiplyDecimal divideDecimal arrayResize arraySlice parseDateTime toStartOfInterval dateAdd dateSub
        timeSlots formatDateTime to_char=formatDateTime dateTrunc date_trunc=dateTrunc leftPad rightPad leftPadUTF8
        rightPadUTF8 position positionCaseInsensitive positionUTF8 positionCaseInsensitiveUTF8 locate countSubstrings
        countSubstringsCaseInsensitive countSubstringsCaseInsensitiveUTF8 regexpExtract splitByChar splitByString
        splitByRegexp geohashEncode tupleElement substring substringUTF8""",
    "2+": """arrayConcat arrayEnumerateUniq arrayReduce arrayFilter arrayZip arrayMap arrayFill arraySplit
        arrayReverseFill arrayReverseSplit arrayFirst arrayLast arrayFirstIndex arrayLastIndex and or xor format
        concat concatWithSeparator map mapAdd mapSubtract JSONExtract JSON_VALUE least greatest""",
    "3": """if age dateDiff date_diff=dateDiff convertCharset replace replaceAll replaceOne replaceRegexpAll
        replaceRegexpOne translate translateUTF8 lpad=leftPad rpad=rightPad split_part make_date=makeDate bitSlice
        bitmapSubsetInRange bitmapSubsetLimit subBitmap bitmapTransform LpDistance date_bin""",
    "3-4": "transform",
    "3+": "multiIf arrayFold bitTestAll bitTestAny",
    "4": "width_bucket=widthBucket greatCircleDistance geoDistance greatCircleAngle bar",
    "6-7": "make_timestamp=makeDateTime",
}
_AGGREGATIONS = {
    "0-1": "count countState",
    "1": """countDistinct min max sum avg any anyLast anyHeavy stddevPop stddevSamp varPop varSamp groupArray
        array_agg=groupArray json_agg every groupUniqArray groupUniqArrayArray groupArrayMovingAvg groupArrayMovingSum
        groupBitAnd groupBitOr groupBitXor groupBitmap sumWithOverflow deltaSum skewSamp skewPop kurtSamp kurtPop
        median medianExact medianExactLow medianExactHigh medianTDigest sumForEach minForEach maxForEach
        avgArray=avgArrayOrNull medianArray=medianArrayOrNull uniqState uniqMerge sumState sumMerge avgState avgMerge
        countMerge uniqMap""",
    "1-2": "sumMap minMap maxMap countIf countDistinctIf",
    "1+": "uniq uniqExact uniqHLL12 uniqTheta uniqExactState uniqExactMerge",
    "2": """argMin argMax covarPop covarSamp corr avgWeighted groupArrayInsertAt deltaSumTimestamp
        simpleLinearRegression contingency cramersV cramersVBiasCorrected theilsU maxIntersections
        maxIntersectionsPosition string_agg minIf maxIf sumIf avgIf anyIf anyLastIf anyHeavyIf stddevPopIf
        stddevSampIf varPopIf varSampIf groupArrayIf groupUniqArrayIf groupUniqArrayArrayIf groupBitAndIf groupBitOrIf
        groupBitXorIf groupBitmapIf medianIf medianExactIf medianExactLowIf medianExactHighIf medianTDigestIf
        sumOrNullIf minOrNullIf maxOrNullIf avgOrNullIf uniqMergeIf deltaSumIf argMinState argMaxState""",
    "2+": "uniqIf uniqExactIf uniqHLL12If uniqThetaIf",
    "3": "argMinIf argMaxIf covarPopIf covarSampIf avgWeightedIf deltaSumTimestampIf",
}
_PARAMETRIC = {  # aggregations with parameters: name(p, …)(x, …)
    "1": "topK quantile quantiles quantileExact groupArraySample groupArrayMovingAvg groupArrayMovingSum",
    "2": "quantileIf quantilesIf groupArraySampleIf",
    "1-99": "windowFunnel",
}
_OPTIONAL_PARAMETERS = {"quantiles", "groupArrayMovingAvg", "groupArrayMovingSum", "groupArray", "groupUniqArray"}
_SUFFIXES = {"OrNull": 0, "OrDefault": 0, "OrNullIf": 1, "OrDefaultIf": 1, "ArgMin": 1, "ArgMax": 1}
_COMBINED = {
    base + suffix: arity + extra
    for base, arity in {"avg": 1, "sum": 1, "min": 1, "max": 1, "count": 0, "countDistinct": 1, "median": 1}.items()
    for suffix, extra in _SUFFIXES.items()
}
_WINDOWS = {
    "0": "rank dense_rank row_number percent_rank cume_dist",
    "1": "first_value last_value ntile",
    "2": "nth_value",
    "1-3": "lag lead lagInFrame leadInFrame",
}
_ANY_CASE = _names("""count sum min max avg now isnull ifnull nullif coalesce lower upper concat substring ascii
    position extract replace trim length reverse abs exp log ln log2 log10 sqrt sin cos tan asin acos atan pow power
    sign degrees radians floor ceil ceiling round least greatest if not rand pi""")
COMPARISONS = {
    "equals": "==",
    "notEquals": "!=",
    "less": "<",
    "greater": ">",
    "lessOrEquals": "<=",
    "greaterOrEquals": ">=",
    "like": "like",
    "ilike": "ilike",
    "notLike": "not like",
    "notILike": "not ilike",
    "in": "in",
    "notIn": "not in",
}
# what a function returns, where its arguments do not say
_KINDS = {
    "DateTime": """now current_timestamp toDateTime toDateTime64 toDateTimeUS parseDateTime parseDateTimeBestEffort
        toStartOfDay toStartOfHour toStartOfMinute toStartOfSecond toStartOfFiveMinutes toStartOfTenMinutes
        toStartOfFifteenMinutes toStartOfInterval date_bin toTimeZone timezone fromUnixTimestamp to_timestamp
        fromUnixTimestamp64Milli make_timestamp UUIDv7ToDateTime timeSlot addHours addMinutes addSeconds subtractHours
        subtractMinutes subtractSeconds""",
    "Date": """toDate to_date _toDate today yesterday current_date toStartOfYear toStartOfISOYear toStartOfQuarter
        toStartOfMonth toStartOfWeek toMonday toLastDayOfMonth toLastDayOfWeek make_date fromModifiedJulianDay""",
    "Int": """count countIf countDistinct countDistinctIf uniq uniqExact uniqIf uniqExactIf uniqHLL12 uniqTheta length
        lengthUTF8 dateDiff date_diff age toInt toIntOrZero toHour toMinute toSecond toYear toQuarter toMonth
        toDayOfWeek toDayOfMonth toDayOfYear toISOWeek toWeek toUnixTimestamp toUnixTimestamp64Milli windowFunnel
        indexOf row_number rank dense_rank empty notEmpty isNull isNotNull and or not xor has startsWith endsWith
        position intDiv toYYYYMM toYYYYMMDD arrayCount arrayUniq JSONLength JSONHas JSONExtractInt JSONExtractUInt
        cityHash64 countMatches arrayExists arrayAll hasAny hasAll""",
    "Float": """toFloat toFloatOrZero toFloatOrDefault avg avgIf divide median quantile quantileIf stddevPop
        stddevSamp sqrt log exp ln log2 log10 pow power JSONExtractFloat""",
    "String": """toString toNullableString lower upper lowerUTF8 upperUTF8 concat substring substringUTF8 trim ltrim
        rtrim btrim trimLeft trimRight left right replace replaceAll replaceOne replaceRegexpAll replaceRegexpOne
        extract formatDateTime to_char dateName monthName toJSONString JSONExtractString JSONExtractRaw JSONType
        domain domainWithoutWWW path pathFull protocol cutQueryString cutFragment cutWWW
        cutToFirstSignificantSubdomain firstSignificantSubdomain topLevelDomain extractURLParameter queryString
        fragment arrayStringConcat hex format repeat reverse md5 string_agg json_agg split_part leftPad rightPad
        base64Encode base64Decode toTypeName formatReadableSize formatReadableQuantity formatReadableTimeDelta""",
    "Bool": "toBool JSONExtractBool every",
    "Interval": """toIntervalSecond toIntervalMinute toIntervalHour toIntervalDay toIntervalWeek toIntervalMonth
        toIntervalQuarter toIntervalYear""",
    "UUID": "toUUID toUUIDOrDefault generateUUIDv4",
    "Array": """array groupArray array_agg groupArrayIf groupUniqArray groupUniqArrayIf arrayMap arrayFilter arraySort
        arrayReverseSort arrayDistinct arrayConcat arraySlice arrayZip range splitByChar splitByString splitByRegexp
        arrayReverse arrayCompact arrayEnumerate arrayFlatten topK quantiles JSONExtractArrayRaw JSONExtractKeys
        extractAll arrayDifference arrayCumSum arrayPushBack arrayPushFront arrayPopBack arrayPopFront""",
}
RETURNS = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_SAME_AS_FIRST = """min max any anyLast anyHeavy minIf maxIf anyIf anyLastIf argMin argMax argMinIf argMaxIf sum sumIf
    first_value last_value nth_value lag lead lagInFrame leadInFrame ifNull coalesce assumeNotNull nullIf toNullable
    abs round floor ceil least greatest addDays addWeeks addMonths addQuarters addYears subtractDays subtractWeeks
    subtractMonths subtractQuarters subtractYears date_subtract plus minus multiply modulo negate intDivOrZero
    date_add max2 min2"""
SAME_AS_ARGUMENT = {**dict.fromkeys(_SAME_AS_FIRST.split(), 0), "if": 1, "multiIf": 1}  # position of that argument
NEVER_NULL = _names("""count countIf countDistinct countDistinctIf uniq uniqExact uniqIf uniqExactIf isNull isNotNull
    assumeNotNull now today yesterday groupArray array_agg groupArrayIf groupUniqArray groupUniqArrayIf concat
    row_number rank dense_rank windowFunnel toIntOrZero toFloatOrZero topK array tuple""")
MAYBE_NULL = _names("""toInt toFloat toUUID toDecimal toNullable nullIf toNullableString parseDateTime
    parseDateTimeBestEffort toDateTimeUS toModifiedJulianDay fromModifiedJulianDay lag lead sumOrNull minOrNull
    maxOrNull avgOrNull""")
# functions that may be named in arrayReduce('…', …)
REDUCERS = _names("sum avg min max count uniq uniqExact any anyLast median groupUniqArray stddevPop varPop")


@dataclass(frozen=True)
class Function:
    """``most`` is None when any number of arguments is taken. ``group``: function | aggregation | window."""

    name: str
    clickhouse: str
    least: int
    most: int | None
    group: str
    parameters: str = "none"  # none | optional | required


def _table(groups: dict[str, str], group: str, parameters: str = "none") -> dict[str, Function]:
    table = {}
    for arity, words in groups.items():
        first, _, last = arity.rstrip("+").partition("-")
        most = None if arity.endswith("+") else int(last or first)
        for word in words.split():
            name, _, clickhouse = word.partition("=")
            kind = "optional" if name in _OPTIONAL_PARAMETERS else parameters
            table[name] = Function(name, clickhouse or name, int(first), most, group, kind)
    return table


AGGREGATIONS = {
    **{name: Function(name, name, arity, max(arity, 1), "aggregation") for name, arity in _COMBINED.items()},
    **_table(_AGGREGATIONS, "aggregation"),
    **_table(_PARAMETRIC, "aggregation", "required"),
}
FUNCTIONS = {**_table(_FUNCTIONS, "function"), **AGGREGATIONS}
WINDOW_FUNCTIONS = {**_table(_WINDOWS, "window"), **AGGREGATIONS}


def find(name: str, table: dict[str, Function] = FUNCTIONS) -> Function:
    """The function HogQL calls ``name``; names are case-sensitive except for the common SQL ones."""
    if function := table.get(name):
        return function
    if name.lower() in _ANY_CASE:
        for known in (name.lower(), *table):
            if known.lower() == name.lower() and known in table:
                return table[known]
    guess = suggestion(name, chain(table, COMPARISONS), " Perhaps you meant '{}(...)'?")
    raise HogQLError(f"Unsupported function call '{name}(...)'.{guess}" if guess else _unsupported(name))


def _unsupported(name: str) -> str:
    return f"Unsupported function call '{name}(...)'"


def check_count(function: Function, count: int, noun: str = "argument") -> None:
    """Refuses a wrong number of arguments with PostHog's words."""
    least, most = (function.least, function.most) if noun == "argument" else (1, 99)
    if least <= count and (most is None or count <= most):
        return
    bound = least if most == least else f"at least {least}" if count < least else f"at most {most}"
    number = least if count < least or most is None else most
    term = "Aggregation" if function.group == "aggregation" else "Function"
    plural = "" if number == 1 else "s"
    raise HogQLError(f"{term} '{function.name}' expects {bound} {noun}{plural}, found {count}")
