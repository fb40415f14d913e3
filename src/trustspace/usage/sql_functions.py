"""The functions that a query over governed data may call: they compute from their arguments alone.

Everything else is refused, also what a later version of the database brings: functions that read
files, settings, variables, other queries or the environment, that write, sleep, or grow a value
without bound.
"""

_OPERATORS = """
    ! != !~~ !~~* % & && * ** + - -> ->> / // < <-> << <= <@ = > >= >> @ @> ^ ^@ | || ~ ~~ ~~* ~~~
    add subtract multiply divide mod
"""

_NUMBERS = """
    abs acos acosh asin asinh atan atan2 atanh bit_count cbrt ceil ceiling cos cosh cot degrees even
    exp factorial floor fdiv fmod gamma gcd greatest greatest_common_divisor isfinite isinf isnan
    lcm least least_common_multiple lgamma ln log log10 log2 nextafter pi pow power radians random
    round round_even sign signbit sin sinh sqrt tan tanh trunc xor
"""

_TEXT = """
    ascii bar base64 bin bit_length char_length character_length chr concat concat_ws contains
    damerau_levenshtein editdist3 encode ends_with format formatreadabledecimalsize
    formatreadablesize format_bytes from_base64 from_binary from_hex hamming hash hex
    ilike_escape instr jaccard jaro_similarity jaro_winkler_similarity lcase left left_grapheme len
    length length_grapheme levenshtein like_escape lower ltrim md5 nfc_normalize
    not_ilike_escape not_like_escape octet_length ord position prefix printf regexp_escape
    regexp_extract regexp_extract_all regexp_full_match regexp_matches regexp_replace
    regexp_split_to_array replace reverse right right_grapheme rtrim sha1 sha256 split split_part
    starts_with str_split str_split_regex string_split string_split_regex string_to_array
    strip_accents strlen strpos substr substring substring_grapheme suffix to_base to_base64
    to_binary to_hex translate trim ucase unbin unhex unicode upper url_decode url_encode
"""

_TIMES = """
    age century date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc
    day dayname dayofmonth dayofweek dayofyear days_in_month decade epoch epoch_ms epoch_ns epoch_us
    era hour isodow isoyear julian last_day make_date make_time make_timestamp make_timestamp_ms
    make_timestamp_ns make_timestamptz microsecond millennium millisecond minute month monthname
    nanosecond now current_date today quarter second strftime strptime time_bucket timezone
    timezone_hour timezone_minute to_centuries to_days to_decades to_hours to_microseconds
    to_millennia to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks
    to_years try_strptime week weekday weekofyear year yearweek
"""

_CHOICES = "coalesce constant_or_null if ifnull nullif replace_type typeof error"

_NESTED = """
    array_append array_cat array_concat array_contains array_cosine_distance
    array_cosine_similarity array_cross_product array_distance array_distinct array_dot_product
    array_extract array_filter array_has array_has_all array_has_any array_indexof
    array_inner_product array_intersect array_length array_pop_back array_pop_front array_position
    array_prepend array_push_back array_push_front array_reduce array_reverse array_reverse_sort
    array_select array_slice array_sort array_to_string array_transform array_unique array_value
    array_where array_zip cardinality element_at flatten json json_array json_array_length
    json_contains json_exists json_extract json_extract_path json_extract_path_text
    json_extract_string json_keys json_merge_patch json_object json_quote json_structure
    json_transform json_type json_valid json_value list_append list_apply list_any_value list_avg
    list_cat list_concat list_contains list_cosine_distance list_cosine_similarity list_count
    list_distance list_distinct list_dot_product list_element list_extract list_filter list_first
    list_has list_has_all list_has_any list_indexof list_inner_product list_intersect list_last
    list_max list_median list_min list_mode list_pack list_position list_prepend list_product
    list_reduce list_reverse list_reverse_sort list_select list_slice list_sort list_stddev_pop
    list_stddev_samp list_string_agg list_sum list_transform list_unique list_value list_var_pop
    list_var_samp list_where list_zip map map_concat map_contains map_contains_entry
    map_contains_value map_entries map_extract map_extract_value map_from_entries map_keys
    map_values reduce row row_to_json struct_concat struct_extract struct_extract_at struct_insert
    struct_keys struct_pack struct_values to_json union_extract union_tag union_value
"""

_AGGREGATES = """
    any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null
    arg_min arg_min_null argmax argmin array_agg avg bit_and bit_or bit_xor bool_and bool_or corr
    count count_if count_star countif covar_pop covar_samp entropy favg first fsum geomean
    geometric_mean group_concat histogram json_group_array json_group_object kahan_sum kurtosis
    kurtosis_pop last list listagg mad max max_by mean median min min_by mode product quantile
    quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
    regr_sxx regr_sxy regr_syy reservoir_quantile sem skewness stddev stddev_pop stddev_samp
    string_agg sum sum_no_overflow sumkahan var_pop var_samp variance weighted_avg wavg
"""

_WINDOWS = """
    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank
    rank_dense row_number
"""

FUNCTIONS: frozenset[str] = frozenset(
    " ".join(
        (_OPERATORS, _NUMBERS, _TEXT, _TIMES, _CHOICES, _NESTED, _AGGREGATES, _WINDOWS)
    ).split()
)
"""Scalar, aggregate and window functions and operators, in lower case."""

TABLE_FUNCTIONS: frozenset[str] = frozenset({"generate_series", "range", "unnest"})
"""Functions that may stand in a ``FROM``."""
